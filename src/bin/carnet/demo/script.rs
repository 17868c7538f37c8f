use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use carnet::app::App;
use carnet::registry::SigningAlgorithm;
use carnet_ambient::Clock;
use carnet_fetch::{FetchPolicy, Fetched, Fetcher, Limits, Request};
use carnet_token::proof::{Body, BodyDigest, Certificate, RequestView, dpop, shr};
use carnet_token::{Algorithm, SigningKey, base64url};
use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use url::Url;

use super::cast::{self, CARRIER, FORWARDER};
use super::printer::{Printer, shorten};

/// A step that others build on went otherwise: the play cannot go on.
struct Stopped;

/// One machine's way to speak to the servers.
struct Stage<'a> {
    app: &'a App,
    fetcher: Fetcher,
    printer: &'a mut Printer,
}

/// A call: what is printed is what is sent.
#[derive(Clone)]
struct Call<'a> {
    method: Method,
    url: String,
    authorization: Option<String>,
    dpop: Option<String>,
    body: Option<(&'a str, String)>,
}

impl Call<'_> {
    fn get(url: &str, token: Option<&str>) -> Self {
        let authorization = token.map(|token| format!("Bearer {token}"));
        Self { method: Method::GET, url: url.to_owned(), authorization, dpop: None, body: None }
    }
}

/// A company's machine: how it logs in, the key that its tokens are bound to, and a token.
struct Machine {
    login: (String, String),
    key: SigningKey,
    token: String,
}

/// How an ill-wisher makes use of what it has captured.
type Misuse<'a> = (&'static str, Call<'a>);

fn post<'a>(url: &str, token: &str, media_type: &'a str, body: String) -> Call<'a> {
    Call {
        method: Method::POST,
        url: url.to_owned(),
        authorization: Some(format!("Bearer {token}")),
        dpop: None,
        body: Some((media_type, body)),
    }
}

/// Plays every step.
pub async fn play(app: &App, printer: &mut Printer) {
    let policy = FetchPolicy { allow_insecure_loopback: true, ..FetchPolicy::default() };
    let fetcher = match Fetcher::new(policy, Clock::system()) {
        Ok(fetcher) => fetcher,
        Err(error) => {
            printer.step("Prepare");
            printer.verdict(false, &error.to_string());
            return;
        }
    };
    let mut stage = Stage { app, fetcher, printer };
    if stage.acts().await.is_err() {
        stage.printer.line("    the steps that build on this one were not tried");
    }
}

/// Says where everything is, for exploring.
pub fn invite(app: &App, printer: &mut Printer) {
    let config = &app.config;
    printer.line("");
    printer.line("Everything stays up until Ctrl-C:");
    printer.line(&format!("  issuer          {}", config.issuer()));
    printer.line(&format!("  administration  {}", config.admin_url()));
    if let Some(record) = config.record() {
        printer.line(&format!("  record server   {}", record.base_url));
    }
    let credentials = app.data_dir.credentials_path();
    printer.line(&format!("  credentials     {}", credentials.display()));
    printer.line(&format!("Try: carnet client list --credentials {}", credentials.display()));
}

impl Stage<'_> {
    async fn acts(&mut self) -> Result<(), Stopped> {
        let base = self.app.config.record().map(|record| record.base_url.clone()).ok_or(Stopped)?;
        let admin = self.app.config.admin_url().to_owned();
        self.printer
            .line("An identity provider and a ONE Record server run on this machine, for two companies.");

        self.printer.step("The identity provider says what it serves");
        let discovery = format!("{}/.well-known/openid-configuration", self.app.config.issuer());
        self.expect(Call::get(&discovery, None), 200).await?;

        self.printer.step("The administrator gets an opaque administration token");
        let administrator = self.administrator()?;
        let token = self.token(&administrator, &[("scope", "admin:read admin:write")], 200).await?;
        let admin_token = text(&token, "access_token")?;

        self.printer.step("The administrator registers a forwarder");
        let body = cast::participant(&base, FORWARDER, "Helvetia Forwarding", "FWD");
        let forwarder = self.create(&format!("{admin}/participants"), &admin_token, &body).await?;
        self.printer.step("The administrator registers a carrier");
        let body = cast::participant(&base, CARRIER, "Alpine Cargo", "CAR");
        let carrier = self.create(&format!("{admin}/participants"), &admin_token, &body).await?;

        self.printer.step("A resource server of somebody else is registered");
        let body = json!({"identifier": "https://elsewhere.example", "name": "Another record server"});
        let elsewhere = self.create(&format!("{admin}/resource-servers"), &admin_token, &body).await?;

        self.printer.step("The forwarder's machine becomes a client, with a key that only it has");
        let audiences = json!([base, text(&elsewhere, "identifier")?]);
        let key = self.key("waybill-desk-2027")?;
        let body = client(&forwarder, "Waybill desk", &key, Some(audiences))?;
        let forwarder = self.create(&format!("{admin}/clients"), &admin_token, &body).await?;
        let mut forwarder = Machine { login: login(&forwarder)?, key, token: String::new() };
        self.printer.step("The carrier's machine becomes a client, with a key of its own");
        let key = self.key("load-planning-2027")?;
        let body = client(&carrier, "Load planning", &key, None)?;
        let carrier = self.create(&format!("{admin}/clients"), &admin_token, &body).await?;
        let mut carrier = Machine { login: login(&carrier)?, key, token: String::new() };

        self.printer.step("The forwarder's machine gets an access token that is bound to its key (cnf)");
        let token = self.token(&forwarder.login, &[("resource", &base)], 200).await?;
        forwarder.token = text(&token, "access_token")?;
        self.show_claims(&forwarder.token);
        self.printer.step("The carrier's machine gets an access token");
        let token = self.token(&carrier.login, &[], 200).await?;
        carrier.token = text(&token, "access_token")?;

        let waybill = self.publish_and_read(&base, &forwarder, &carrier).await?;
        self.thefts(&base, &waybill, &forwarder, &carrier).await?;
        self.refusals(&waybill, &forwarder).await?;
        self.rights(&base, &forwarder, &carrier).await?;
        self.endings(&admin, &admin_token, &carrier).await;
        Ok(())
    }

    async fn publish_and_read(
        &mut self,
        base: &str,
        forwarder: &Machine,
        carrier: &Machine,
    ) -> Result<String, Stopped> {
        self.printer
            .step("The forwarder publishes an air waybill with two pieces; it signs the whole request");
        let body = pretty(&cast::air_waybill(base));
        let call = self.signed(
            forwarder,
            Method::POST,
            &format!("{base}/{FORWARDER}"),
            Some(("application/ld+json", body)),
        )?;
        let answer = self.expect(call, 201).await?;
        let waybill = location(&answer)?;
        self.printer.step("The carrier, named in it, reads it");
        let call = self.signed(carrier, Method::GET, &waybill, None)?;
        let answer = self.expect(call, 200).await?;
        self.printer.step("What was read is what was published");
        let read: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
        let pieces = read["pieces"].as_array().map_or(0, Vec::len);
        let number = read["airWayBillNumber"].as_str().unwrap_or("none");
        self.printer
            .line(&format!("    air waybill {number} with {pieces} pieces, revision {}", read["revision"]));
        self.printer
            .verdict(pieces == 2 && number == "932-71320065", "the waybill and its two pieces were expected");
        Ok(waybill)
    }

    /// Somebody has got hold of a request and of the token in it: a server in between, or one that it was sent to.
    async fn thefts(
        &mut self,
        base: &str,
        waybill: &str,
        forwarder: &Machine,
        carrier: &Machine,
    ) -> Result<(), Stopped> {
        let captured = self.signed(carrier, Method::GET, waybill, None)?;
        self.printer.step("The carrier reads again, and somebody captures the request");
        self.expect(captured.clone(), 200).await?;
        let thief =
            Machine { login: forwarder.login.clone(), key: self.key("thief")?, token: carrier.token.clone() };
        let published = self.signed(
            forwarder,
            Method::POST,
            &format!("{base}/{FORWARDER}"),
            Some(("application/ld+json", pretty(&cast::house_waybill(base)))),
        )?;
        let forged = pretty(&cast::air_waybill(base));
        let misuses: [Misuse<'_>; 6] = [
            ("The thief sends the captured request again", captured.clone()),
            (
                "The thief sends it to another address",
                Call { url: format!("{base}/{CARRIER}/other"), ..captured },
            ),
            ("The thief uses the token inside as a bearer token", Call::get(waybill, Some(&carrier.token))),
            (
                "The thief signs requests with the token by a key of its own",
                self.signed(&thief, Method::GET, waybill, None)?,
            ),
            ("The thief makes DPoP proofs for the token by a key of its own", self.dpop(&thief, waybill)?),
            (
                "A server in between changes the body of what the forwarder publishes",
                Call { body: Some(("application/ld+json", forged)), ..published },
            ),
        ];
        for (title, call) in misuses {
            self.printer.step(title);
            self.check(call, 401).await;
        }
        Ok(())
    }

    async fn refusals(&mut self, waybill: &str, forwarder: &Machine) -> Result<(), Stopped> {
        self.printer.step("Without a token nobody reads it");
        self.check(Call::get(waybill, None), 401).await;
        self.printer.step("A token with one changed claim is refused");
        let call = self.signed_with(forwarder, &tampered(&forwarder.token), waybill)?;
        self.check(call, 401).await;
        self.printer.step("A token that expired an hour ago is refused, though its signature is right");
        match self.expired(&forwarder.token) {
            Some(expired) => {
                let call = self.signed_with(forwarder, &expired, waybill)?;
                self.check(call, 401).await;
            }
            None => {
                self.printer.verdict(false, "no expired token could be made");
            }
        }
        self.printer.step("A token for another server is refused");
        let parameters = [("resource", "https://elsewhere.example")];
        let token = self.token(&forwarder.login, &parameters, 200).await?;
        let call = self.signed_with(forwarder, &text(&token, "access_token")?, waybill)?;
        self.check(call, 401).await;
        Ok(())
    }

    async fn rights(&mut self, base: &str, forwarder: &Machine, carrier: &Machine) -> Result<(), Stopped> {
        let house = || Some(("application/ld+json", pretty(&cast::house_waybill(base))));
        let company = format!("{base}/{FORWARDER}");
        self.printer.step("The forwarder publishes a house waybill that names nobody else");
        let call = self.signed(forwarder, Method::POST, &company, house())?;
        let answer = self.expect(call, 201).await?;
        let published = location(&answer)?;
        self.printer.step("The carrier has no right to read it");
        let call = self.signed(carrier, Method::GET, &published, None)?;
        self.check(call, 403).await;
        self.printer.step("The forwarder gives the carrier that right");
        let grant = cast::read_grant(&published, &format!("{base}/{CARRIER}"));
        let call =
            self.signed(forwarder, Method::POST, &format!("{published}/acl"), Some(("text/turtle", grant)))?;
        self.check(call, 201).await;
        self.printer.step("Now the carrier reads it");
        let call = self.signed(carrier, Method::GET, &published, None)?;
        self.check(call, 200).await;
        self.printer.step("The carrier cannot publish in the forwarder's name");
        let call = self.signed(carrier, Method::POST, &company, house())?;
        self.check(call, 403).await;
        Ok(())
    }

    async fn endings(&mut self, admin: &str, admin_token: &str, carrier: &Machine) {
        self.printer.step("A wrong secret gets no token");
        let wrong = (carrier.login.0.clone(), carrier.login.1.chars().rev().collect());
        self.token(&wrong, &[], 401).await.ok();
        self.printer.step("The carrier's access token opens nothing of the administration");
        self.check(Call::get(&format!("{admin}/participants"), Some(&carrier.token)), 401).await;
        self.printer.step("The administrator disables the carrier's client");
        let url = format!("{admin}/clients/{}/disable", carrier.login.0);
        self.check(post(&url, admin_token, "application/json", "{}".to_owned()), 200).await;
        self.printer.step("From that moment it gets no tokens");
        self.token(&carrier.login, &[], 401).await.ok();
    }

    /// A key that stays on the machine; its public half is registered.
    fn key(&mut self, kid: &str) -> Result<SigningKey, Stopped> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok();
        let der = pair.and_then(|pair| pair.to_pkcs8v1().ok());
        let key = der.and_then(|der| SigningKey::from_pkcs8_der(kid, Algorithm::Es256, der.as_ref()).ok());
        key.ok_or_else(|| {
            self.printer.verdict(false, "no key could be made");
            Stopped
        })
    }

    /// A signed HTTP request with the machine's token in it.
    fn signed<'c>(
        &mut self,
        machine: &Machine,
        method: Method,
        url: &str,
        body: Option<(&'c str, String)>,
    ) -> Result<Call<'c>, Stopped> {
        self.sign(machine, &machine.token, method, url, body)
    }

    /// The same with another token.
    fn signed_with(&mut self, machine: &Machine, token: &str, url: &str) -> Result<Call<'static>, Stopped> {
        self.sign(machine, token, Method::GET, url, None)
    }

    fn sign<'c>(
        &mut self,
        machine: &Machine,
        token: &str,
        method: Method,
        url: &str,
        body: Option<(&'c str, String)>,
    ) -> Result<Call<'c>, Stopped> {
        let parsed = Url::parse(url).map_err(|_| Stopped)?;
        let authority = parsed.host_str().zip(parsed.port()).map(|(host, port)| format!("{host}:{port}"));
        let content = body.as_ref().map_or("", |(_, body)| body.as_str());
        let digest = BodyDigest::of(content.as_bytes());
        let types: Vec<(&str, &[u8])> =
            body.iter().map(|(media_type, _)| ("content-type", media_type.as_bytes())).collect();
        let view = RequestView {
            method: method.as_str(),
            scheme: parsed.scheme(),
            authority: authority.as_deref().unwrap_or_default(),
            path: parsed.path(),
            query: parsed.query(),
            headers: &types,
            body: Body::Digest(&digest),
            certificate: Certificate::None,
        };
        let jti = self.app.entropy.uuid();
        let making = shr::Making { access_token: token, now: self.app.clock.now(), jti: &jti, nonce: None };
        match shr::make(&making, &view, &machine.key) {
            Ok(proof) => Ok(Call {
                method,
                url: url.to_owned(),
                authorization: Some(format!("PoP {proof}")),
                dpop: None,
                body,
            }),
            Err(error) => {
                self.printer.verdict(false, &error.to_string());
                Err(Stopped)
            }
        }
    }

    /// A read with a `DPoP` proof.
    fn dpop(&mut self, machine: &Machine, url: &str) -> Result<Call<'static>, Stopped> {
        let jti = self.app.entropy.uuid();
        let now = self.app.clock.now();
        let access_token = Some(machine.token.as_str());
        let making = dpop::Making { method: "GET", url, now, jti: &jti, access_token, nonce: None };
        let proof = dpop::make(&making, &machine.key).map_err(|_| Stopped)?;
        let authorization = Some(format!("DPoP {}", machine.token));
        Ok(Call { method: Method::GET, url: url.to_owned(), authorization, dpop: Some(proof), body: None })
    }

    fn administrator(&mut self) -> Result<(String, String), Stopped> {
        let path = self.app.data_dir.credentials_path();
        let credentials: Option<Value> =
            std::fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let Some(credentials) = credentials else {
            self.printer.verdict(false, &format!("{} cannot be read", path.display()));
            return Err(Stopped);
        };
        Ok((text(&credentials, "client_id")?, text(&credentials, "client_secret")?))
    }

    /// A client-credentials request (RFC 6749 §4.4).
    async fn token(
        &mut self,
        (client_id, secret): &(String, String),
        parameters: &[(&str, &str)],
        expected: u16,
    ) -> Result<Value, Stopped> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        form.extend_pairs(parameters);
        let call = Call {
            method: Method::POST,
            url: self.app.config.token_endpoint(),
            authorization: Some(format!("Basic {}", STANDARD.encode(format!("{client_id}:{secret}")))),
            dpop: None,
            body: Some(("application/x-www-form-urlencoded", form.finish())),
        };
        let answer = self.expect(call, expected).await?;
        serde_json::from_slice(&answer.bytes).map_err(|_| Stopped)
    }

    async fn create(&mut self, url: &str, token: &str, body: &Value) -> Result<Value, Stopped> {
        let answer = self.expect(post(url, token, "application/json", pretty(body)), 201).await?;
        serde_json::from_slice(&answer.bytes).map_err(|_| Stopped)
    }

    /// A step on which nothing depends.
    async fn check(&mut self, call: Call<'_>, expected: u16) {
        // What went otherwise is counted already.
        self.expect(call, expected).await.ok();
    }

    async fn expect(&mut self, call: Call<'_>, expected: u16) -> Result<Fetched, Stopped> {
        let mut headers = Vec::new();
        headers.extend(call.authorization.iter().map(|value| ("authorization", value.clone())));
        headers.extend(call.dpop.iter().map(|value| ("dpop", value.clone())));
        headers.extend(call.body.iter().map(|(media_type, _)| ("content-type", (*media_type).to_owned())));
        let body = call.body.as_ref().map(|(_, body)| body.as_str());
        self.printer.request(call.method.as_str(), &call.url, &headers, body);
        match self.send(&call, &headers).await {
            Ok(answer) => {
                if self.printer.answer(&answer, expected) {
                    Ok(answer)
                } else {
                    Err(Stopped)
                }
            }
            Err(reason) => {
                self.printer.verdict(false, &reason);
                Err(Stopped)
            }
        }
    }

    async fn send(&self, call: &Call<'_>, headers: &[(&str, String)]) -> Result<Fetched, String> {
        let url = Url::parse(&call.url).map_err(|error| error.to_string())?;
        let mut request = Request::new(call.method.clone(), &url, Limits::service().with_port(url.port()));
        if let Some((_, body)) = &call.body {
            request = request.body(body.clone());
        }
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).map_err(|error| error.to_string())?;
            let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
            request = request.header(name, value);
        }
        self.fetcher.send(request).await.map_err(|error| error.to_string())
    }

    /// The same claims, an hour older, signed with the identity provider's own key: only this process can.
    fn expired(&self, token: &str) -> Option<String> {
        let mut claims = claims(token)?;
        for name in ["exp", "iat", "nbf"] {
            claims[name] = (claims[name].as_i64()? - 3600).into();
        }
        let keys = self.app.keys.current();
        let key = keys.access_token_key(SigningAlgorithm::Rs256)?;
        let header = json!({ "alg": "RS256", "typ": "at+jwt", "kid": key.kid() });
        key.sign_compact(&header, &claims).ok()
    }

    fn show_claims(&self, token: &str) {
        self.printer.line("    the token's claims:");
        self.printer.block(&pretty(&claims(token).unwrap_or_default()));
    }
}

fn client(
    participant: &Value,
    name: &str,
    key: &SigningKey,
    audiences: Option<Value>,
) -> Result<Value, Stopped> {
    let jwk = key.public_jwk().ok_or(Stopped)?.to_value();
    let mut body = json!({
        "participant_id": text(participant, "id")?,
        "name": name,
        "token_endpoint_auth_method": "client_secret_basic",
        "jwks": { "keys": [jwk] },
    });
    if let Some(audiences) = audiences {
        body["audiences"] = audiences;
    }
    Ok(body)
}

fn login(client: &Value) -> Result<(String, String), Stopped> {
    Ok((text(client, "client_id")?, text(client, "client_secret")?))
}

fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&base64url::decode(payload).ok()?).ok()
}

/// The token with another company in it, under the signature of the first.
fn tampered(token: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let (Some(mut claims), [header, _, signature]) = (claims(token), parts.as_slice()) else {
        return shorten(token);
    };
    claims["scope"] = "logistics_objects:read logistics_objects:write events:write ca:enrol".into();
    format!("{header}.{}.{signature}", base64url::encode(claims.to_string().as_bytes()))
}

fn text(value: &Value, member: &str) -> Result<String, Stopped> {
    value[member].as_str().map(str::to_owned).ok_or(Stopped)
}

fn location(answer: &Fetched) -> Result<String, Stopped> {
    let value = answer.headers.get("location").and_then(|value| value.to_str().ok());
    value.map(str::to_owned).ok_or(Stopped)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

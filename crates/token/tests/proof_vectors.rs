//! Access tokens and proofs made by an implementation that shares no code with this one, each with the answer that is
//! right.
//!
//! `CARNET_PROOF_VECTORS=FILE` runs another file of the same format (`tests/vectors/README.md`).

#![expect(clippy::print_stdout, reason = "the count of what was run is the point of this test")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, HashMap, HashSet};

use carnet_token::access_token::Unverified;
use carnet_token::proof::nonce::NonceCheck;
use carnet_token::proof::{
    Body, BodyDigester, Certificate, Checked, NonceRule, Presentation, ProofError, ProofKinds, ProofRules,
    RequestView, Window, certificate, dpop,
};
use carnet_token::{AccessToken, IssuerRules, KeySet, PublicKey, Refusal};
use serde::Deserialize;
use serde_json::Value;

const OWN_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/proof_vectors.json");
/// How many cases our own file has, by kind: fewer would be a run that proves less than it says.
const OWN_CASES: [(&str, usize); 5] = [("at", 41), ("dpop", 31), ("httpsig", 21), ("mtls", 7), ("shr", 65)];

#[derive(Deserialize)]
struct Vectors {
    audience: String,
    now: i64,
    max_age: i64,
    skew: i64,
    trusted_jwks: HashMap<String, Value>,
    registered_client_keys: Vec<Registered>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Registered {
    iss: String,
    client_id: String,
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Case {
    kind: String,
    name: String,
    expect: String,
    #[serde(default)]
    token: String,
    now: Option<i64>,
    #[serde(default)]
    proof: Option<String>,
    #[serde(default)]
    tok: Option<String>,
    scheme: Option<String>,
    nonce: Option<String>,
    request: Option<Request>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    trusted_proxy: Option<bool>,
    #[serde(default = "yes")]
    fresh_cache: bool,
}

#[derive(Deserialize, Clone, Default)]
struct Request {
    method: String,
    scheme: String,
    authority: String,
    path: String,
    query: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
}

fn yes() -> bool {
    true
}

/// The nonce that the case demands, good for as long as it matters.
struct Demanded(String);

impl NonceCheck for Demanded {
    fn valid_until(&self, nonce: &str, now: i64) -> Option<i64> {
        (nonce == self.0).then_some(now + 60)
    }
}

/// A resource server: it takes a request as it comes, validates the token in it, looks keys up, compares, remembers.
struct ResourceServer {
    audience: String,
    now: i64,
    window: Window,
    issuers: HashMap<String, (IssuerRules, KeySet)>,
    clients: HashMap<(String, String), Vec<PublicKey>>,
    used: HashSet<[u8; 32]>,
}

impl ResourceServer {
    fn of(vectors: &Vectors) -> Self {
        let issuers = vectors.trusted_jwks.iter().map(|(issuer, keys)| {
            let mut rules = IssuerRules::new(issuer);
            rules.typ_jwt_allowed = true;
            (issuer.clone(), (rules, KeySet::parse(keys.to_string().as_bytes()).unwrap()))
        });
        let clients = vectors.registered_client_keys.iter().map(|client| {
            let keys = client.keys.iter().map(|key| carnet_token::Jwk::from_value(key).unwrap());
            let keys = keys.map(|jwk| PublicKey::from_jwk(&jwk).unwrap()).collect();
            ((client.iss.clone(), client.client_id.clone()), keys)
        });
        Self {
            audience: vectors.audience.clone(),
            now: vectors.now,
            window: Window { max_age: vectors.max_age, skew: vectors.skew },
            issuers: issuers.collect(),
            clients: clients.collect(),
            used: HashSet::new(),
        }
    }

    /// Rules and key by the unverified issuer, everything cheap before the key.
    fn token(&self, token: &str, now: i64) -> Result<AccessToken, Refusal> {
        let skew = self.window.skew;
        let unverified = Unverified::parse(token)?;
        let issuer = self.issuers.get(unverified.unverified_issuer());
        let (rules, keys) = issuer.ok_or(Refusal::UntrustedIssuer)?;
        let audiences = [&self.audience];
        unverified.precheck(rules, &audiences, now, skew)?;
        let key = unverified.kid().and_then(|kid| keys.get(kid)).ok_or(Refusal::UnknownKid)?;
        unverified.verify(rules, key, &audiences, now, skew)
    }

    /// By (issuer, client) and then by thumbprint or name, never by name alone.
    fn registered(&self, token: &AccessToken) -> Option<&PublicKey> {
        let client = (token.issuer().to_owned(), token.client_id()?.to_owned());
        let wanted = token.confirmation()?.key_ref()?;
        self.clients.get(&client)?.iter().find(|key| match wanted.jkt() {
            Some(jkt) => key.thumbprint() == jkt,
            None => wanted.kid() == Some(key.kid()),
        })
    }

    fn request(&mut self, request: &RequestView<'_>, rules: &ProofRules<'_>) -> Result<(), &'static str> {
        let shown = Presentation::of(request, false).map_err(ProofError::code)?;
        let token = self.token(shown.access_token(), self.now).map_err(Refusal::code)?;
        let registered = if shown.wants_registered_key(&token) { self.registered(&token) } else { None };
        let checked = shown.check(&token, registered, request, rules, self.now).map_err(ProofError::code)?;
        self.consume(&checked)
    }

    fn consume(&mut self, checked: &Checked) -> Result<(), &'static str> {
        for key in checked.replay_keys() {
            assert!(key.keep_until >= self.now);
            if !self.used.insert(key.digest) {
                return Err("replay");
            }
        }
        Ok(())
    }

    fn answer(&mut self, case: &Case) -> Result<(), &'static str> {
        if case.fresh_cache {
            self.used.clear();
        }
        let mut rules = ProofRules { window: self.window, longest: self.window, ..ProofRules::STRICT };
        let mut request = case.request.clone().unwrap_or_else(|| Request {
            method: "GET".to_owned(),
            scheme: "https".to_owned(),
            authority: "1r.example".to_owned(),
            path: "/".to_owned(),
            ..Request::default()
        });
        let mut show = |scheme: &str, token: &str| {
            request.headers.push(("Authorization".to_owned(), format!("{scheme} {token}")));
        };
        let demanded = case.nonce.clone().map(Demanded);
        match case.kind.as_str() {
            "at" => {
                return self
                    .token(&case.token, case.now.unwrap_or(self.now))
                    .map(drop)
                    .map_err(Refusal::code);
            }
            "shr" => show("PoP", case.proof.as_deref().unwrap_or_default()),
            "dpop" => {
                if let Some(token) = &case.tok {
                    let scheme = case.scheme.as_deref().unwrap_or("DPoP");
                    show(scheme, token);
                    rules.allow_bearer = scheme == "Bearer";
                }
                if let Some(proof) = &case.proof {
                    request.headers.push(("DPoP".to_owned(), proof.clone()));
                }
                if let Some(demanded) = &demanded {
                    rules.nonce = NonceRule::Required(demanded);
                }
            }
            "mtls" => {
                show("Bearer", &case.token);
                request.headers.extend(case.headers.iter().cloned());
                rules.kinds = ProofKinds::ALL;
            }
            "httpsig" => {}
            other => panic!("no such kind of case: {other}"),
        }
        let headers: Vec<(&str, &[u8])> =
            request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let mut digester = BodyDigester::for_request(&headers);
        digester.update(request.body.as_deref().unwrap_or_default().as_bytes());
        let digest = digester.finish();
        let mut view = RequestView {
            method: &request.method,
            scheme: &request.scheme,
            authority: &request.authority,
            path: &request.path,
            query: Some(request.query.as_str()).filter(|query| !query.is_empty()),
            headers: &headers,
            body: Body::Digest(&digest),
            certificate: Certificate::None,
        };
        let told = certificate::client_cert_field(&view).map_err(ProofError::code)?;
        if let Some(der) = &told {
            let trusted = case.trusted_proxy.unwrap_or(true);
            view.certificate = if trusted { Certificate::Presented(der) } else { Certificate::Untrusted };
        }
        if case.kind == "dpop" && case.tok.is_none() {
            // At a token endpoint there is no token yet.
            let proof = dpop::Presented::of(&view).map_err(ProofError::code)?.ok_or("no proof")?;
            let checked = proof.check_without_token(&view, &rules, self.now).map_err(ProofError::code)?;
            return self.consume(&checked);
        }
        self.request(&view, &rules)
    }
}

#[test]
fn every_token_and_every_proof_is_judged_as_the_vectors_say() {
    #[expect(clippy::disallowed_methods, reason = "the one switch of this test")]
    let foreign = std::env::var("CARNET_PROOF_VECTORS").ok();
    let file = foreign.as_deref().unwrap_or(OWN_FILE);
    let vectors: Vectors = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut server = ResourceServer::of(&vectors);

    let mut disagree = 0;
    let mut other_word = Vec::new();
    let mut run: BTreeMap<&str, usize> = BTreeMap::new();
    for case in &vectors.cases {
        *run.entry(&case.kind).or_default() += 1;
        let answer = server.answer(case).err().unwrap_or("accept");
        if (answer == "accept") != (case.expect == "accept") {
            disagree += 1;
            println!("DISAGREE {} {:?}: expected {}, answered {answer}", case.kind, case.name, case.expect);
        } else if answer != case.expect {
            println!("other word {:?}: expected {}, answered {answer}", case.name, case.expect);
            other_word.push((case.name.as_str(), answer));
        }
    }
    println!("{} cases, {disagree} disagree", run.values().sum::<usize>());
    assert_eq!(disagree, 0);
    if foreign.is_none() {
        assert_eq!(run.into_iter().collect::<Vec<_>>(), OWN_CASES);
        // Under `PoP` an access token is no broken signed request, it is one that lacks its message signature; and two
        // fields are well-formed, each of them.
        let ours = [
            ("access token itself sent as proof", "no_signature"),
            ("JSON serialization", "malformed_credentials"),
            ("two Authorization fields", "several_credentials"),
        ];
        assert_eq!(other_word, ours);
    }
}

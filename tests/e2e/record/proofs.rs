//! Bound tokens between programs: our own client, and those of other people, at a record server that accepts nothing else.

use carnet_client::{
    ClientAuthentication, FetchPolicy, HeaderMap, Method, ProofKind, Resource, SigningKey, StatusCode,
    TokenSource,
};
use carnet_token::proof::message_signature;
use carnet_token::proof::{Body, BodyDigest, Certificate, RequestView};
use serde_json::{Value, json};

use super::site::waybill;
use crate::harness::http::Request;
use crate::harness::iap::{Client, Iap, Setup};
use crate::harness::process::carnet;
use crate::harness::record::RecordServer;
use crate::harness::{token, tools};

/// An IAP that asks for nonces, a record server that accepts no bearer tokens, and a shipper with a key.
struct Site {
    iap: Iap,
    record: RecordServer,
    shipper: Client,
    private_jwk: Value,
}

impl Site {
    #[track_caller]
    fn start() -> Self {
        let base = RecordServer::reserve();
        let iap = Setup::default().environment("CARNET_TOKENS__REQUIRE_DPOP_NONCES", "true").start();
        iap.change_default_resource(&json!({ "identifier": base }));
        let company = iap.participant_at("shipper", "SHP", &format!("{base}/shipper"));
        let pair = tools::key_pair("ES256");
        let settings = json!({ "require_bound_tokens": true, "jwks": { "keys": [pair.public] } });
        let shipper = iap.client(&company, settings);
        let nothing_else = [("CARNET_RECORD__ALLOW_BEARER", "false")];
        let record = RecordServer::start_with(&base, iap.issuer(), &["shipper"], &nothing_else);
        Self { iap, record, shipper, private_jwk: pair.private }
    }

    fn key(&self) -> SigningKey {
        SigningKey::from_jwk_value(&self.private_jwk).unwrap()
    }

    fn company(&self) -> String {
        format!("{}/shipper", self.record.base_url())
    }

    fn resource(&self, kind: ProofKind) -> Resource {
        let secret = self.shipper.client_secret.as_deref().unwrap();
        let policy = FetchPolicy { allow_insecure_loopback: true, ..FetchPolicy::default() };
        let authentication = ClientAuthentication::secret_basic(&self.shipper.client_id, secret);
        let tokens = TokenSource::builder(self.iap.issuer(), authentication)
            .fetch_policy(policy.clone())
            .bound_to(self.key(), kind)
            .build()
            .unwrap();
        Resource::new(tokens, policy).unwrap()
    }

    /// Makes a waybill with our own client; its address.
    fn waybill(&self) -> String {
        let url = self.company().parse().unwrap();
        let made = block_on(async {
            self.resource(ProofKind::Shr).send(&Method::POST, &url, &typed(), waybill().to_string()).await
        });
        let made = made.unwrap();
        assert_eq!(made.status, StatusCode::CREATED, "{}", String::from_utf8_lossy(&made.body));
        made.headers["location"].to_str().unwrap().to_owned()
    }

    /// The job of somebody else's client.
    fn job(&self, url: &str) -> Value {
        json!({
            "issuer": self.iap.issuer(), "client_id": self.shipper.client_id,
            "client_secret": self.shipper.client_secret, "alg": "ES256", "private_jwk": self.private_jwk, "url": url,
        })
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn typed() -> HeaderMap {
    [("content-type", "application/ld+json"), ("accept", "application/ld+json")]
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .into_iter()
        .collect()
}

#[test]
fn our_own_client_writes_and_reads_by_each_kind_of_proof() {
    let site = Site::start();
    for kind in [ProofKind::Shr, ProofKind::MessageSignature, ProofKind::Dpop] {
        let resource = site.resource(kind);
        block_on(async {
            let url = site.company().parse().unwrap();
            let made = resource.send(&Method::POST, &url, &typed(), waybill().to_string()).await.unwrap();
            assert_eq!(made.status, StatusCode::CREATED, "{kind}: {}", String::from_utf8_lossy(&made.body));
            let url = made.headers["location"].to_str().unwrap().parse().unwrap();
            for _ in 0..2 {
                let read = resource.send(&Method::GET, &url, &typed(), "").await.unwrap();
                assert_eq!(read.status, StatusCode::OK, "{kind}");
            }
        });
    }
}

#[test]
fn a_bound_token_is_no_bearer_token_for_anybody() {
    let site = Site::start();
    let waybill = site.waybill();
    let bound = site.iap.token(&site.shipper, &[]);
    let (_, claims) = token::read(&bound);
    assert_eq!(claims["cnf"]["kid"], site.key().kid());
    let refused = Request::get(&waybill).bearer(&bound).send().expect(401);
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
}

#[test]
fn the_record_server_says_what_it_takes_and_no_more() {
    let site = Site::start();
    let said = Request::get(&format!("{}/.well-known/oauth-protected-resource", site.record.base_url()));
    let said = said.send().expect(200).json();
    assert_eq!(said["pop_methods_supported"], json!(["shr", "dpop", "httpsig"]));
    assert_eq!(
        (&said["pop_required"], &said["tls_client_certificate_bound_access_tokens"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(said["authorization_servers"], json!([site.iap.issuer()]));
}

#[test]
fn openid_client_uses_dpop() {
    let site = Site::start();
    let report = tools::node("openid_client_dpop.mjs", &site.job(&site.waybill()));
    check(&site, &report);
    assert_eq!(report["second"], 200);
}

#[test]
fn oauth4webapi_uses_dpop() {
    let site = Site::start();
    let report = tools::node("oauth4webapi_dpop.mjs", &site.job(&site.waybill()));
    check(&site, &report);
    assert_eq!(report["nonce_asked"], true);
}

#[test]
fn proofs_of_the_package_dpop_are_accepted_once() {
    let site = Site::start();
    let report = tools::node("dpop_proof.mjs", &site.job(&site.waybill()));
    assert_eq!(
        (&report["refused"], &report["token"]["token_type"]),
        (&json!("use_dpop_nonce"), &json!("DPoP"))
    );
    assert_eq!((&report["status"], &report["again"]), (&json!(200), &json!(401)));
    assert_eq!(report["without_token"], 401, "a proof that names no token");
}

/// What a client of somebody else got and read.
#[track_caller]
fn check(site: &Site, report: &Value) {
    assert_eq!(report["token"]["token_type"].as_str().unwrap().to_lowercase(), "dpop");
    let (_, claims) = token::read(report["token"]["access_token"].as_str().unwrap());
    assert_eq!(claims["cnf"]["kid"], site.key().kid());
    assert!(claims["cnf"]["jkt"].is_string());
    assert_eq!((&report["status"], &report["object"]["airWayBillNumber"]), (&json!(200), &json!("12345675")));
}

#[test]
fn requests_that_http_message_signatures_signs_are_accepted_once() {
    let site = Site::start();
    let mut job = site.job(&site.company());
    job["token"] = site.iap.token(&site.shipper, &[]).into();
    job["kid"] = site.key().kid().into();
    job["body"] = waybill().to_string().into();
    let report = tools::python("message_signature.py", &job);
    assert_eq!((&report["status"], &report["again"]), (&json!(201), &json!(401)), "{report}");
    job.as_object_mut().unwrap().remove("body");
    job["url"] = report["location"].clone();
    let report = tools::python("message_signature.py", &job);
    assert_eq!((&report["status"], &report["again"]), (&json!(200), &json!(401)), "{report}");
}

#[test]
fn http_message_signatures_verifies_what_we_sign() {
    let pair = tools::key_pair("ES256");
    let key = SigningKey::from_jwk_value(&pair.private).unwrap();
    let body = waybill().to_string();
    let digest = BodyDigest::of(body.as_bytes());
    let content_digest = message_signature::content_digest(&digest);
    let fields = [
        ("authorization", "PoP a.b.c"),
        ("content-type", "application/ld+json"),
        ("content-digest", content_digest.as_str()),
    ];
    let lines = fields.map(|(name, value)| (name, value.as_bytes()));
    let view = RequestView {
        method: "POST",
        scheme: "https",
        authority: "1r.example",
        path: "/shipper/a%2Fb",
        query: Some("embedded=true&note=a%20b+c"),
        headers: &lines,
        body: Body::Digest(&digest),
        certificate: Certificate::None,
    };
    let now = carnet_ambient::Clock::system().now();
    let making = message_signature::Making { keyid: key.kid(), now, nonce: "0123456789abcdefghijkl" };
    let signed = message_signature::sign_request(&making, &view, &key).unwrap();
    let mut headers: serde_json::Map<String, Value> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    headers.insert("signature-input".to_owned(), signed.signature_input.into());
    headers.insert("signature".to_owned(), signed.signature.into());
    let url = "https://1r.example/shipper/a%2Fb?embedded=true&note=a%20b+c";
    let job = json!({
        "private_jwk": pair.private,
        "verify": { "method": "POST", "url": url, "headers": headers, "body": body },
    });
    let report = tools::python("message_signature.py", &job);
    assert_eq!(report["verified"], 1);
    assert!(report["covered"].as_array().unwrap().contains(&json!("\"content-digest\"")), "{report}");
}

/// `carnet` with the shipper's login in its environment.
fn shell(site: &Site, arguments: &[&str]) -> std::process::Output {
    let key = site.iap.folder().join("shipper-key.json");
    std::fs::write(&key, site.private_jwk.to_string()).unwrap();
    let mut command = carnet();
    command.env("CARNET_ISSUER", site.iap.issuer()).env("CARNET_CLIENT_ID", &site.shipper.client_id);
    command.env("CARNET_CLIENT_KEY", &key).args(arguments);
    let secret = site.iap.folder().join("shipper-secret.txt");
    std::fs::write(&secret, site.shipper.client_secret.as_deref().unwrap()).unwrap();
    command.arg("--secret-file").arg(&secret).output().unwrap()
}

#[test]
fn the_shell_writes_and_reads_by_each_kind_of_proof() {
    let site = Site::start();
    let file = site.iap.folder().join("awb.json");
    std::fs::write(&file, waybill().to_string()).unwrap();
    let company = site.company();
    for proof in ["shr", "httpsig", "dpop"] {
        let post =
            ["request", "post", &company, "--data", file.to_str().unwrap(), "--include", "--proof", proof];
        let made = shell(&site, &post);
        let said = String::from_utf8(made.stdout).unwrap();
        assert!(made.status.success() && said.starts_with("201 Created\n"), "{said}{}", text(&made.stderr));
        let place = said.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
        let read = shell(&site, &["request", "GET", place, "--proof", proof]);
        assert!(read.status.success(), "{}", text(&read.stderr));
        assert_eq!(serde_json::from_slice::<Value>(&read.stdout).unwrap()["airWayBillNumber"], "12345675");
    }
}

#[test]
fn the_shell_gets_a_token_and_says_what_is_wrong() {
    let site = Site::start();
    let got = shell(&site, &["token", "get", "--json", "--scope", "logistics_objects:read"]);
    let got: Value = serde_json::from_slice(&got.stdout).unwrap();
    assert_eq!((&got["bound"], &got["scope"]), (&json!(true), &json!("logistics_objects:read")));
    let (_, claims) = token::read(got["access_token"].as_str().unwrap());
    assert_eq!(claims["cnf"]["kid"], site.key().kid());
    // A client that needs bound tokens gets no others, and there is no way back.
    let refused = shell(&site, &["token", "get", "--proof", "none"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("token_type \"PoP\""), "{}", text(&refused.stderr));
    let refused = shell(&site, &["request", "GET", &format!("{}/none", site.company())]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("answered 404"), "{}", text(&refused.stderr));
    let wrong = shell(&site, &["request", "GET", &site.company(), "--header", "no colon"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("name: value"), "{}", text(&wrong.stderr));
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

//! Other people's libraries verify our tokens from discovery alone.

use serde_json::{Value, json};

use crate::harness::http::Request;
use crate::harness::iap::Iap;
use crate::harness::{token, tools};

const ALGORITHMS: [&str; 4] = ["RS256", "PS256", "ES256", "EdDSA"];

/// An IAP, and for each algorithm the job that a verifying script needs, with a token signed with it.
fn signed_with_each() -> (Iap, Vec<Value>) {
    let iap = Iap::start();
    let carrier = iap.participant("carrier", "CAR");
    let job = |alg: &str| {
        let client = iap.client(&carrier, json!({ "signing_alg": alg }));
        let token = iap.token(&client, &[]);
        assert_eq!(token::read(&token).0["alg"], alg);
        json!({ "issuer": iap.issuer(), "audience": iap.default_audience(), "token": token })
    };
    let jobs = ALGORITHMS.map(job).to_vec();
    (iap, jobs)
}

/// What the verifier read must be what the token says.
#[track_caller]
fn agrees(report: &Value, job: &Value) {
    let (header, claims) = token::read(job["token"].as_str().unwrap());
    assert_eq!(report["claims"], claims);
    if let Some(read) = report.get("header") {
        assert_eq!(*read, header);
    }
}

#[test]
fn pyjwt_verifies_from_discovery_alone() {
    let (_iap, jobs) = signed_with_each();
    for job in &jobs {
        let report = tools::python("pyjwt_verify.py", job);
        agrees(&report, job);
        assert_eq!(report["tampered"], "InvalidSignatureError");
        assert_eq!(report["other_audience"], "InvalidAudienceError");
        assert_eq!(report["other_issuer"], "InvalidIssuerError");
    }
}

#[test]
fn joserfc_verifies_from_discovery_alone() {
    let (_iap, jobs) = signed_with_each();
    for job in &jobs {
        let report = tools::python("joserfc_verify.py", job);
        agrees(&report, job);
        assert_eq!(report["thumbprint"], report["header"]["kid"], "kid is the RFC 7638 thumbprint");
        assert_eq!(report["tampered"], "BadSignatureError");
        assert_eq!(report["other_audience"], "InvalidClaimError");
    }
}

#[test]
fn jose_verifies_from_discovery_alone() {
    let (_iap, jobs) = signed_with_each();
    for job in &jobs {
        let report = tools::node("jose_verify.mjs", job);
        agrees(&report, job);
        assert_eq!(report["tampered"], "ERR_JWS_SIGNATURE_VERIFICATION_FAILED");
        assert_eq!(report["other_audience"], "ERR_JWT_CLAIM_VALIDATION_FAILED");
    }
}

#[test]
fn oauth4webapi_accepts_the_token_as_rfc_9068() {
    let (_iap, jobs) = signed_with_each();
    for job in &jobs {
        let report = tools::node("oauth4webapi_validate.mjs", job);
        agrees(&report, job);
        assert!(report["tampered"].is_string());
        assert_eq!(report["other_audience"], "OAUTH_JWT_CLAIM_COMPARISON_FAILED");
    }
}

/// The preset of the ONE Record 2.x samples: `typ` is `JWT`, so the strict verifier refuses and the others accept.
#[test]
fn a_resource_server_may_ask_for_the_older_typ() {
    let iap = Iap::start();
    iap.change_default_resource(&json!({ "access_token_typ": "JWT" }));
    let carrier = iap.participant("carrier", "CAR");
    let client = iap.client(&carrier, json!({}));
    let token = iap.token(&client, &[]);
    assert_eq!(token::read(&token).0["typ"], "JWT");
    let job = json!({ "issuer": iap.issuer(), "audience": iap.default_audience(), "token": token });
    agrees(&tools::python("pyjwt_verify.py", &job), &job);
    tools::node_fails("oauth4webapi_validate.mjs", &job);
}

#[test]
fn the_key_set_has_public_members_only() {
    let iap = Iap::start();
    let metadata =
        Request::get(&format!("{}/.well-known/openid-configuration", iap.issuer())).send().expect(200);
    let keys = Request::get(metadata.json()["jwks_uri"].as_str().unwrap()).send().expect(200);
    assert_eq!(keys.header("content-type"), Some("application/jwk-set+json"));
    let keys = keys.json();
    let algorithms: Vec<&str> =
        keys["keys"].as_array().unwrap().iter().map(|key| key["alg"].as_str().unwrap()).collect();
    assert!(ALGORITHMS.iter().all(|alg| algorithms.contains(alg)), "{algorithms:?}");
    for key in keys["keys"].as_array().unwrap() {
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(key.get(private).is_none(), "{private} is published");
        }
        assert_eq!(key["use"], "sig");
    }
}

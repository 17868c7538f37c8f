//! Other people's OAuth clients get tokens by each authentication method that they support.

use serde_json::{Value, json};

use crate::harness::iap::{Iap, Participant};
use crate::harness::{token, tools};

const IOL_IDENTIFIER: &str = "https://github.com/IATA-Cargo/ONE-Record/schema/iolIdentifier";
const ROLE: &str = "https://github.com/IATA-Cargo/ONE-Record/schema/role";

/// How a client proves itself.
enum Way {
    Secret(&'static str),
    Key(&'static str),
}

impl Way {
    fn name(&self) -> &'static str {
        match self {
            Way::Secret(method) => method,
            Way::Key(_) => "private_key_jwt",
        }
    }
}

/// Registers a client for `way` and gives the job that its script needs.
fn register(iap: &Iap, of: &Participant, way: &Way) -> Value {
    let mut job = json!({ "issuer": iap.issuer(), "method": way.name() });
    let client = match way {
        Way::Secret(method) => iap.client(of, json!({ "token_endpoint_auth_method": method })),
        Way::Key(alg) => {
            let pair = tools::key_pair(alg);
            job["alg"] = Value::from(*alg);
            job["private_jwk"] = pair.private;
            iap.client(
                of,
                json!({
                    "token_endpoint_auth_method": "private_key_jwt",
                    "jwks": { "keys": [pair.public] },
                }),
            )
        }
    };
    assert_eq!(client.client_secret.is_some(), matches!(way, Way::Secret(_)));
    job["client_secret"] = client.client_secret.into();
    job["client_id"] = client.client_id.into();
    job
}

/// What every token of a `client_credentials` request must say.
#[track_caller]
fn check(iap: &Iap, of: &Participant, job: &Value, response: &Value, scope: &str) {
    assert_eq!(response["token_type"].as_str().unwrap().to_lowercase(), "bearer");
    assert_eq!(response["expires_in"], 600);
    assert!(response.get("refresh_token").is_none());
    let (header, claims) = token::read(response["access_token"].as_str().unwrap());
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(header["alg"], "RS256");
    assert!(header["kid"].is_string());
    for source in ["jku", "jwk", "x5u", "x5c"] {
        assert!(header.get(source).is_none(), "{source} in the header");
    }
    assert_eq!(claims["iss"], iap.issuer());
    assert_eq!(claims["sub"], job["client_id"]);
    assert_eq!(claims["client_id"], job["client_id"]);
    assert_eq!(claims["aud"], json!([iap.default_audience()]));
    assert_eq!(claims["scope"], scope);
    assert_eq!(claims["logistics_agent_uri"], of.logistics_agent_uri.as_str());
    assert_eq!(claims[IOL_IDENTIFIER], of.iol_identifier.as_str());
    assert_eq!(claims[ROLE], "FWD");
    assert_eq!(claims["roles"], json!(["FWD"]));
    let seconds = |name: &str| claims[name].as_i64().unwrap_or_else(|| panic!("{name}: {claims}"));
    assert_eq!(seconds("exp") - seconds("iat"), 600);
    assert_eq!(seconds("iat") - seconds("nbf"), 5);
    assert!(claims["jti"].as_str().is_some_and(|jti| jti.len() >= 16));
}

/// Runs `script` with a client for every way, and checks both tokens of each.
#[track_caller]
fn gets_tokens(run: fn(&str, &Value) -> Value, script: &str, ways: &[Way]) {
    let iap = Iap::start();
    let forwarder = iap.participant("forwarder", "FWD");
    let mut tried = 0;
    for way in ways {
        let mut job = register(&iap, &forwarder, way);
        job["scope"] = "logistics_objects:read logistics_objects:write".into();
        job["resource"] = iap.default_audience().into();
        let report = run(script, &job);
        let scope = "logistics_objects:read logistics_objects:write";
        check(&iap, &forwarder, &job, &report["token"], scope);
        if let Some(second) = report.get("second") {
            check(&iap, &forwarder, &job, second, scope);
            let jti =
                |response: &Value| token::read(response["access_token"].as_str().unwrap()).1["jti"].clone();
            assert_ne!(jti(second), jti(&report["token"]));
        }
        // Once more with nothing asked for: the defaults, found by OpenID Connect's address of the metadata.
        job["scope"] = Value::Null;
        job["resource"] = Value::Null;
        job["discovery"] = "oidc".into();
        let report = run(script, &job);
        check(
            &iap,
            &forwarder,
            &job,
            &report["token"],
            "events:write logistics_objects:read logistics_objects:write",
        );
        tried += 1;
    }
    assert_eq!(tried, ways.len());
}

#[test]
fn authlib_gets_tokens_by_each_method() {
    gets_tokens(
        tools::python,
        "authlib_token.py",
        &[
            Way::Secret("client_secret_basic"),
            Way::Secret("client_secret_post"),
            Way::Key("ES256"),
            Way::Key("RS256"),
            Way::Key("PS256"),
            Way::Key("EdDSA"),
        ],
    );
}

#[test]
fn requests_oauthlib_gets_tokens_by_each_method() {
    gets_tokens(
        tools::python,
        "requests_oauthlib_token.py",
        &[Way::Secret("client_secret_basic"), Way::Secret("client_secret_post")],
    );
}

const NODE_WAYS: &[Way] = &[
    Way::Secret("client_secret_basic"),
    Way::Secret("client_secret_post"),
    Way::Key("ES256"),
    Way::Key("RS256"),
    Way::Key("PS256"),
];

#[test]
fn openid_client_gets_tokens_by_each_method() {
    gets_tokens(tools::node, "openid_client_token.mjs", NODE_WAYS);
}

#[test]
fn oauth4webapi_gets_tokens_by_each_method() {
    gets_tokens(tools::node, "oauth4webapi_token.mjs", NODE_WAYS);
}

#[test]
fn a_method_that_the_client_is_not_registered_for_is_refused() {
    let iap = Iap::start();
    let forwarder = iap.participant("forwarder", "FWD");
    let mut job = register(&iap, &forwarder, &Way::Secret("client_secret_basic"));
    job["method"] = "client_secret_post".into();
    assert!(tools::python_fails("authlib_token.py", &job).contains("invalid_client"));
    assert!(tools::node_fails("oauth4webapi_token.mjs", &job).contains("invalid_client"));
}

#[test]
fn a_key_that_is_not_registered_is_refused() {
    let iap = Iap::start();
    let forwarder = iap.participant("forwarder", "FWD");
    let mut job = register(&iap, &forwarder, &Way::Key("ES256"));
    let own = job["private_jwk"]["kid"].clone();
    job["private_jwk"] = tools::key_pair("ES256").private;
    assert!(tools::python_fails("authlib_token.py", &job).contains("invalid_client"));
    // The registered key's name over another key's signature.
    job["private_jwk"]["kid"] = own;
    assert!(tools::node_fails("openid_client_token.mjs", &job).contains("invalid_client"));
}

#[test]
fn a_client_that_needs_bound_tokens_gets_no_bearer_token() {
    let iap = Iap::start();
    let forwarder = iap.participant("forwarder", "FWD");
    let client = iap.client(&forwarder, json!({ "require_bound_tokens": true }));
    let answer = iap.ask(&client, &[]).expect(400).json();
    assert_eq!(answer["error"], "invalid_request");
    assert!(answer["error_description"].as_str().unwrap().contains("require_bound_tokens"), "{answer}");
}

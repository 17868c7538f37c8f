//! Everybody else is turned away, each with a clear answer and without a trace.

use serde_json::{Value, json};

use super::site::{Site, create, read, waybill};
use crate::harness::foreign::ForeignIap;
use crate::harness::http::{Answer, Request};
use crate::harness::iap::Iap;
use crate::harness::record::RecordServer;
use crate::harness::token;

/// A 401 whose challenge says `error`, or none when no token came.
#[track_caller]
fn challenged(answer: Answer, error: Option<&str>) {
    let answer = answer.expect(401);
    let challenge = answer.header("www-authenticate").expect("a challenge");
    // The scheme that was used, else the one that the server would rather have.
    let scheme = if error.is_some() { "Bearer" } else { "PoP" };
    assert!(challenge.starts_with(scheme), "{challenge}");
    match error {
        Some(error) => assert!(challenge.contains(&format!("error=\"{error}\"")), "{challenge}"),
        None => assert!(!challenge.contains("error="), "{challenge}"),
    }
    error_model(&answer);
}

/// The error model of the standard, always JSON-LD.
#[track_caller]
fn error_model(answer: &Answer) {
    assert_eq!(answer.header("content-type"), Some("application/ld+json"));
    let error = answer.json();
    assert_eq!(error["@type"], "Error");
    assert!(error["title"].as_str().is_some_and(|title| !title.is_empty()));
    assert!(error["@id"].as_str().is_some_and(|id| id.starts_with("urn:uuid:")));
}

#[test]
fn a_request_without_a_token_is_challenged() {
    let site = Site::start();
    let location = site.waybill();
    challenged(Request::get(&location).send(), None);
    let body = waybill().to_string();
    challenged(
        Request::post(&site.company("shipper")).body("application/ld+json", body.as_bytes()).send(),
        None,
    );
    // A token without its scheme, and one in the query, are no credentials.
    let status = Request::get(&location).header("Authorization", &site.shipper()).send().status;
    assert!(matches!(status, 400 | 401), "{status}");
    Request::get(&format!("{location}?access_token={}", site.shipper())).send().expect(401);
}

#[test]
fn a_tampered_token_is_refused() {
    let site = Site::start();
    let location = site.waybill();
    let tampered = token::tampered(&site.shipper());
    challenged(read(&location, &tampered), Some("invalid_token"));
    challenged(site.post(&tampered, &waybill()), Some("invalid_token"));
}

#[test]
fn a_token_for_another_server_is_refused() {
    let site = Site::start();
    let location = site.waybill();
    let other = "https://other.example";
    site.iap
        .admin("POST", "/resource-servers", Some(&json!({ "identifier": other, "name": "other" })))
        .expect(201);
    let company = site.iap.participant("traveller", "CAR");
    let client = site.iap.client(&company, json!({ "audiences": [other] }));
    let token = site.iap.token(&client, &[("resource", other)]);
    challenged(read(&location, &token), Some("invalid_token"));
}

#[test]
fn an_administration_token_is_refused() {
    let site = Site::start();
    let location = site.waybill();
    challenged(read(&location, &site.iap.admin_token()), Some("invalid_token"));
}

#[test]
fn a_token_of_another_iap_is_refused() {
    let site = Site::start();
    let location = site.waybill();
    let other = Iap::start();
    other.change_default_resource(&json!({ "identifier": site.record.base_url() }));
    let company = other.participant_at("shipper", "SHP", &site.company("shipper"));
    let token = other.token(&other.client(&company, json!({})), &[]);
    assert_eq!(token::read(&token).1["aud"], token::read(&site.shipper()).1["aud"]);
    challenged(read(&location, &token), Some("invalid_token"));
}

#[test]
fn a_company_creates_under_its_own_name_only() {
    let site = Site::start();
    for (token, company) in [
        (site.carrier(), site.company("shipper")),
        (site.shipper(), site.company("carrier")),
        (site.stranger(), site.company("shipper")),
    ] {
        error_model(&create(&company, &token, &waybill()).expect(403));
    }
    let mut smuggled = waybill();
    smuggled["@id"] = format!("{}/awb", site.company("carrier")).into();
    let answer = site.post(&site.shipper(), &smuggled);
    assert!(matches!(answer.status, 400 | 403), "{answer:?}");
    read(&format!("{}/awb", site.company("carrier")), &site.carrier()).expect(404);
}

#[test]
fn a_company_without_a_right_may_not_read() {
    let site = Site::start();
    let location = site.waybill();
    for token in [site.carrier(), site.stranger()] {
        error_model(&read(&location, &token).expect(403));
    }
    error_model(&read(&format!("{location}x"), &site.shipper()).expect(404));
}

#[test]
fn a_token_without_the_scope_may_not_write() {
    let site = Site::start();
    let token = site.shipper_with(&[("scope", "logistics_objects:read")]);
    let answer = site.post(&token, &waybill()).expect(403);
    assert!(
        answer.header("www-authenticate").is_none_or(|challenge| challenge.contains("insufficient_scope"))
    );
    error_model(&answer);
}

#[test]
fn json_ld_that_would_lose_something_is_refused() {
    let site = Site::start();
    let token = site.shipper();
    let with = |name: &str, value: Value| {
        let mut object = waybill();
        object[name] = value;
        object
    };
    let mut no_vocabulary = waybill();
    no_vocabulary["@context"] = json!({});
    for (why, object) in [
        ("a blank in an @id", with("carrier", json!({ "@id": "https://carrier.example/a c" }))),
        ("a relative IRI", with("carrier", json!({ "@id": "carrier/c" }))),
        ("a null", with("weight", Value::Null)),
        ("terms without a mapping", no_vocabulary),
        ("a remote context", with("@context", json!("https://onerecord.iata.org/context.jsonld"))),
        ("an undefined prefix", with("cargo:weight", json!("1"))),
        ("a graph", with("@graph", json!([]))),
        ("an @id that is no URL of ours", with("@id", json!("https://carrier.example/c/1"))),
        ("no object", json!([])),
        ("no type", json!({ "@context": { "@vocab": "http://onerecord.iata.org/" }, "weight": "1" })),
    ] {
        let answer = site.post(&token, &object);
        let expected = if why.starts_with("an @id that is no URL") { &[400, 403][..] } else { &[400][..] };
        assert!(expected.contains(&answer.status), "{why}: {} {}", answer.status, answer.text());
        error_model(&answer);
    }
    for (why, body) in [
        ("no JSON", "{"),
        (
            "a member twice",
            r#"{"@context":{"@vocab":"http://onerecord.iata.org/"},"@type":"Piece","a":"1","a":"2"}"#,
        ),
        ("a byte order mark", "\u{feff}{}"),
        ("nothing", ""),
    ] {
        let answer = Request::post(&site.company("shipper"))
            .bearer(&token)
            .body("application/ld+json", body.as_bytes())
            .send();
        assert_eq!(answer.status, 400, "{why}: {}", answer.text());
        error_model(&answer);
    }
}

#[test]
fn media_types_and_methods_outside_the_standard_are_refused() {
    let site = Site::start();
    let (token, location) = (site.shipper(), site.waybill());
    let post = |media_type: &str| {
        Request::post(&site.company("shipper")).bearer(&token).body(media_type, b"{}").send()
    };
    error_model(&post("application/xml").expect(415));
    error_model(&post("text/plain").expect(415));
    let get = |accept: &str| Request::get(&location).bearer(&token).header("Accept", accept).send();
    error_model(&get("application/pdf").expect(406));
    get("*/*").expect(200);
    get("application/pdf, text/turtle;q=0.1").expect(200);
    for method in ["PUT", "DELETE"] {
        let answer = Request::new(method, &location).bearer(&token).send().expect(405);
        assert!(answer.header("allow").is_some_and(|allow| allow.contains("GET")));
    }
}

#[test]
fn an_oversize_object_is_refused() {
    let site = Site::start();
    let mut object = waybill();
    object["goodsDescription"] = "x".repeat(16 << 20).into();
    let body = object.to_string();
    let request = Request::post(&site.company("shipper"))
        .bearer(&site.shipper())
        .body("application/ld+json", body.as_bytes());
    // It may close before it has read everything: then the answer can be lost on the way.
    assert!(request.try_send().is_none_or(|answer| answer.status == 413));
    site.waybill();
}

/// The record server knows an issuer's address and nothing else, so any IAP will do: this one signs what no honest one
/// would.
#[test]
fn whatever_a_key_signs_the_claims_must_hold() {
    let foreign = ForeignIap::start();
    let base = RecordServer::reserve();
    let record = RecordServer::start(&base, foreign.issuer(), &["shipper"]);
    let company = format!("{}/shipper", record.base_url());
    let honest = json!({
        "aud": [base],
        "logistics_agent_uri": "https://agents.example/logistics-objects/shipper",
        "https://github.com/IATA-Cargo/ONE-Record/schema/iolIdentifier": company,
        "https://github.com/IATA-Cargo/ONE-Record/schema/role": "SHP",
        "roles": ["SHP"],
    });
    let order = |changes: Value, rest: Value| {
        let mut order = rest;
        order["claims"] = honest.clone();
        let Value::Object(changes) = changes else { panic!("changes are an object") };
        order["claims"].as_object_mut().unwrap().extend(changes);
        foreign.mint(&order)
    };
    let location = create(&company, &order(json!({}), json!({})), &waybill())
        .expect(201)
        .header("location")
        .unwrap()
        .to_owned();
    read(&location, &order(json!({}), json!({}))).expect(200);
    for (why, token) in [
        ("expired", order(json!({ "exp": { "from_now": -60 }, "iat": { "from_now": -600 } }), json!({}))),
        ("not yet valid", order(json!({ "nbf": { "from_now": 120 } }), json!({}))),
        ("issued in the future", order(json!({ "iat": { "from_now": 120 } }), json!({}))),
        ("no expiry", order(json!({ "exp": null }), json!({}))),
        ("an expiry in words", order(json!({ "exp": "2099-01-01T00:00:00Z" }), json!({}))),
        ("valid for a day", order(json!({ "exp": { "from_now": 86400 } }), json!({}))),
        ("no audience", order(json!({ "aud": null }), json!({}))),
        ("another audience", order(json!({ "aud": "https://other.example" }), json!({}))),
        ("the audience with a slash", order(json!({ "aud": format!("{base}/") }), json!({}))),
        ("another issuer", order(json!({ "iss": "https://iap.example" }), json!({}))),
        ("the issuer with a slash", order(json!({ "iss": format!("{}/", foreign.issuer()) }), json!({}))),
        ("no subject", order(json!({ "sub": null }), json!({}))),
        ("no jti", order(json!({ "jti": null }), json!({}))),
        ("an ID token", order(json!({ "nonce": "n" }), json!({ "header": { "typ": "JWT" } }))),
        ("a logout token", order(json!({}), json!({ "header": { "typ": "logout+jwt" } }))),
        ("unsigned", order(json!({}), json!({ "header": { "alg": "none" } }))),
        ("a public key as a secret", order(json!({}), json!({ "header": { "alg": "HS256" } }))),
        ("a key of its own under a known name", order(json!({}), json!({ "key": "unpublished" }))),
        ("an unknown key", order(json!({}), json!({ "header": { "kid": "unknown" }, "key": "unpublished" }))),
        ("another algorithm of the same key", order(json!({}), json!({ "header": { "alg": "PS256" } }))),
        ("a critical extension", order(json!({}), json!({ "header": { "crit": ["b64"], "b64": true } }))),
    ] {
        let answer = read(&location, &token);
        assert_eq!(answer.status, 401, "{why}: {}", answer.text());
        challenged(answer, Some("invalid_token"));
    }
    // Bound to a key that the request does not prove: a bearer must not use it.
    let bound = order(json!({ "cnf": { "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } }), json!({}));
    challenged(read(&location, &bound), Some("invalid_token"));
}

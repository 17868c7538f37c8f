//! Bound tokens: every request proves that the token is its sender's, and what was captured is worthless.

use std::collections::HashMap;

use carnet_verifier::testing::TestSender;
use carnet_verifier::{ClientKeySource, ProofKind};
use http::{Request, StatusCode};
use serde_json::json;

use crate::harness::{AIRLINE, Answer, BASE, HANDLER, JSON, World, waybill};

const SIGNED: [ProofKind; 2] = [ProofKind::Shr, ProofKind::MessageSignature];

struct Stage {
    world: World,
    sender: TestSender,
}

impl Stage {
    /// A server that accepts no bearer tokens.
    async fn set() -> Self {
        let clock = carnet_ambient::Clock::manual(1_800_000_000_000);
        let sender = TestSender::new(&clock).unwrap();
        let keys = HashMap::from([("test-client".to_owned(), sender.key_set().unwrap())]);
        let bound = |issuer: &carnet_verifier::testing::TestIssuer| {
            issuer.policy().unwrap().allow_bearer(false).client_keys(ClientKeySource::Static(keys))
        };
        Self { world: World::trusting(bound, |_| {}).await, sender }
    }

    fn token(&self, company: &str) -> String {
        self.world.token(company).bound_to(self.sender.confirmation().unwrap()).mint().unwrap()
    }

    fn post(&self, kind: ProofKind, path: &str) -> Request<Vec<u8>> {
        let request = Request::post(format!("{BASE}{path}"))
            .header("content-type", JSON)
            .body(waybill().to_string().into_bytes())
            .unwrap();
        self.sender.sign(kind, &self.token(AIRLINE), request, None).unwrap()
    }

    fn get(&self, kind: ProofKind, path: &str, company: &str) -> Request<Vec<u8>> {
        let request = Request::get(format!("{BASE}{path}")).body(Vec::new()).unwrap();
        self.sender.sign(kind, &self.token(company), request, None).unwrap()
    }

    async fn send(&self, request: &Request<Vec<u8>>) -> Answer {
        let path = request.uri().path_and_query().unwrap().as_str();
        let mut call = self.world.request(request.method().as_str(), path);
        for (name, value) in request.headers() {
            call = call.header(name.as_str(), value.to_str().unwrap());
        }
        call.body(request.body().clone()).send().await
    }
}

#[tokio::test]
async fn every_proof_serves_and_what_is_written_is_signed() {
    let stage = Stage::set().await;
    for (kind, id) in SIGNED.into_iter().zip(["awb_1", "awb_2"]) {
        let answer = stage.send(&stage.post(kind, &format!("/airline/{id}"))).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        for read in [ProofKind::Shr, ProofKind::Dpop, ProofKind::MessageSignature] {
            let answer = stage.send(&stage.get(read, &format!("/airline/{id}"), AIRLINE)).await;
            assert_eq!(answer.status, StatusCode::OK, "{read}: {}", answer.text());
        }
    }
    // DPoP says nothing about what is written.
    let answer = stage.send(&stage.post(ProofKind::Dpop, "/airline/awb_3")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.text().contains("does not cover all that it must cover"), "{}", answer.text());
}

#[tokio::test]
async fn a_captured_request_is_good_for_nothing() {
    let stage = Stage::set().await;
    for (kind, id) in SIGNED.into_iter().zip(["awb_1", "awb_2"]) {
        let post = stage.post(kind, &format!("/airline/{id}"));
        assert_eq!(stage.send(&post).await.status, StatusCode::CREATED);
        let again = stage.send(&post).await;
        assert_eq!(again.status, StatusCode::UNAUTHORIZED);
        assert!(again.text().contains("used before"), "{}", again.text());
        // With another body, at another address, by another method.
        let fresh = || stage.post(kind, "/airline/awb_9");
        let mut other = fresh();
        *other.body_mut() = json!({"@type": "Piece"}).to_string().into_bytes();
        assert_eq!(stage.send(&other).await.status, StatusCode::UNAUTHORIZED);
        let mut other = fresh();
        *other.uri_mut() = format!("{BASE}/airline/awb_8").parse().unwrap();
        assert_eq!(stage.send(&other).await.status, StatusCode::UNAUTHORIZED);
    }
    // The token inside, as a bearer token.
    let answer = stage.world.request("GET", "/airline/awb_1").bearer(&stage.token(AIRLINE)).send().await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""));
    // Under a key of one's own.
    let thief = TestSender::new(&stage.world.clock).unwrap();
    let request = Request::get(format!("{BASE}/airline/awb_1")).body(Vec::new()).unwrap();
    let stolen = thief.sign(ProofKind::Dpop, &stage.token(AIRLINE), request, None).unwrap();
    assert_eq!(stage.send(&stolen).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_proof_is_good_once_on_all_nodes_and_after_a_restart() {
    let stage = Stage::set().await;
    assert_eq!(stage.send(&stage.post(ProofKind::Shr, "/airline/awb_1")).await.status, StatusCode::CREATED);
    let read = stage.get(ProofKind::Shr, "/airline/awb_1", AIRLINE);
    assert_eq!(stage.send(&read).await.status, StatusCode::OK);
    let used: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM used_proof")
        .fetch_one(stage.world.database().await.reader().pool())
        .await
        .unwrap();
    assert_eq!(used, 2, "in the database, which outlives the process and serves every node");
    assert_eq!(stage.send(&read).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn rights_are_decided_after_the_proof_and_as_ever() {
    let stage = Stage::set().await;
    assert_eq!(stage.send(&stage.post(ProofKind::Shr, "/airline/awb_1")).await.status, StatusCode::CREATED);
    stage.send(&stage.get(ProofKind::Shr, "/airline/awb_1", HANDLER)).await.problem(403);
    stage.send(&stage.get(ProofKind::Shr, "/airline/none", AIRLINE)).await.problem(404);
}

#[tokio::test]
async fn a_bearer_token_is_refused_and_told_what_would_do() {
    let stage = Stage::set().await;
    let answer = stage.world.get("/airline/awb_1", AIRLINE).send().await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let offered: Vec<&str> =
        answer.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(offered[1].starts_with("PoP ") && offered[2].starts_with("DPoP "), "{offered:?}");
    let place = format!("resource_metadata=\"{BASE}/.well-known/oauth-protected-resource\"");
    assert!(offered.iter().all(|offer| offer.contains(&place)), "{offered:?}");
}

#[tokio::test]
async fn the_server_says_what_it_asks_for() {
    let stage = Stage::set().await;
    let answer = stage.world.request("GET", "/.well-known/oauth-protected-resource").send().await;
    assert_eq!(answer.status, StatusCode::OK);
    let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(document["resource"], BASE);
    assert_eq!(document["authorization_servers"], json!([stage.world.issuer.issuer()]));
    assert_eq!(document["pop_required"], true);
    assert_eq!(document["scopes_supported"], json!(["logistics_objects:read", "logistics_objects:write"]));
}

//! Who is asking, then whether there is something and the right to it, then the rest (§9.4): otherwise the answers
//! would tell strangers what is here.

use http::StatusCode;

use crate::harness::{AIRLINE, HANDLER, JSON, World, waybill};

#[tokio::test]
async fn without_a_token_every_address_answers_alike() {
    let world = World::new().await;
    world.waybill("awb_1").await;
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"] {
        for uri in [
            "/",
            "/airline",
            "/airline/awb_1",
            "/airline/none",
            "/airline/awb_1/acl",
            "/nobody",
            "/a/b/c/d",
            "/airline/acl",
        ] {
            let answer = world.request(method, uri).send().await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {uri}");
            assert!(answer.header("www-authenticate").starts_with("PoP realm="), "{method} {uri}");
            assert!(!answer.headers.contains_key("allow"), "{method} {uri}");
        }
    }
}

#[tokio::test]
async fn the_right_comes_before_accept_and_content_type_and_body() {
    let world = World::new().await;
    world.waybill("awb_1").await;
    world.get("/airline/awb_1", HANDLER).header("accept", "text/html").send().await.problem(403);
    world.get("/airline/none", HANDLER).header("accept", "text/html").send().await.problem(404);
    for uri in ["/airline", "/airline/awb_1", "/airline/awb_1/acl"] {
        world.post(uri, HANDLER, "text/plain", "{").send().await.problem(403);
        world.post(uri, HANDLER, JSON, "x".repeat(3_000_000)).send().await.problem(403);
    }
    world.post("/airline/none/acl", HANDLER, "text/plain", "{").send().await.problem(404);
    world.post("/airline/awb_1", AIRLINE, "text/plain", "{").send().await.problem(409);
}

#[tokio::test]
async fn accept_comes_before_content_type_before_the_body() {
    let world = World::new().await;
    let call = || world.post("/airline", AIRLINE, "text/plain", "{");
    call().header("accept", "text/html").send().await.problem(406);
    call().send().await.problem(415);
    world.post("/airline", AIRLINE, JSON, "{").send().await.problem(400);
}

#[tokio::test]
async fn a_stranger_cannot_tell_a_taken_id_from_a_free_one() {
    let world = World::new().await;
    world.waybill("awb_1").await;
    let post = |id: &str| world.post(&format!("/airline/{id}"), HANDLER, JSON, waybill().to_string());
    let (taken, free, bad) =
        (post("awb_1").send().await, post("awb_2").send().await, post("acl").send().await);
    for answer in [taken, free, bad] {
        answer.problem(403);
    }
}

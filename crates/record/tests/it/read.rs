use http::StatusCode;
use serde_json::json;

use crate::harness::{AIRLINE, FORWARDER, HANDLER, JSON, TURTLE, World, waybill};

#[tokio::test]
async fn the_owner_reads_and_finds_the_acl() {
    let world = World::new().await;
    let loid = world.waybill("awb_1").await;
    let answer = world.get("/airline/awb_1", AIRLINE).send().await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), JSON);
    assert_eq!(answer.header("link"), format!("<{loid}/acl>; rel=\"acl\""));
    assert_eq!(answer.header("vary"), "Accept, Authorization");
    assert!(answer.header("etag").starts_with('"'));
    // Without an ACL of its own, following the link ends in 404 (§2.2).
    world.get("/airline/awb_1/acl", AIRLINE).send().await.problem(404);
}

#[tokio::test]
async fn a_company_named_by_the_owner_reads_and_no_other() {
    let world = World::new().await;
    world.waybill("awb_1").await;
    assert_eq!(world.get("/airline/awb_1", FORWARDER).send().await.status, StatusCode::OK);
    world.get("/airline/awb_1", HANDLER).send().await.problem(403);
    world.get("/airline/awb_1", "https://forwarder.example/id/x").send().await.problem(403);
    world.get("/airline/awb_1", "https://forwarder.example/i").send().await.problem(403);
    // What is no canonical company identifier is nobody's.
    world.get("/airline/awb_1", "https://forwarder.example/id/").send().await.problem(401);
    world.get("/airline/awb_1", "https://forwarder.example").send().await.problem(401);
}

#[tokio::test]
async fn a_company_named_in_plain_text_reads_but_not_one_named_inside_an_embedded_node() {
    let world = World::new().await;
    let mut document = waybill();
    document["handler"] = HANDLER.into();
    document["piece"] = json!({"@type": "Piece", "owner": {"@id": "https://nested.example/x"}});
    world.post("/airline/a", AIRLINE, JSON, document.to_string()).send().await;
    assert_eq!(world.get("/airline/a", HANDLER).send().await.status, StatusCode::OK);
    world.get("/airline/a", "https://nested.example/x").send().await.problem(403);
}

#[tokio::test]
async fn the_implicit_grant_can_be_switched_off() {
    let world = World::with(|config| config.implicit_grant = false).await;
    world.waybill("awb_1").await;
    world.get("/airline/awb_1", FORWARDER).send().await.problem(403);
}

#[tokio::test]
async fn unknown_objects_are_not_found() {
    let world = World::new().await;
    for uri in [
        "/airline/none",
        "/nobody/none",
        "/airline/acl",
        "/airline/a.b",
        "/airline/none/acl",
        "/airline/none/else",
    ] {
        world.get(uri, AIRLINE).send().await.problem(404);
    }
}

#[tokio::test]
async fn existence_can_be_hidden() {
    let world = World::with(|config| config.hide_existence = true).await;
    world.waybill("awb_1").await;
    let (there, gone) = (
        world.get("/airline/awb_1", HANDLER).send().await,
        world.get("/airline/awb_2", HANDLER).send().await,
    );
    there.problem(404);
    gone.problem(404);
    let strip = |answer: &crate::harness::Answer| {
        let mut body = answer.json();
        body.as_object_mut().unwrap().remove("@id");
        body
    };
    assert_eq!(strip(&there), strip(&gone));
    assert_eq!(there.headers, gone.headers);
    world.post("/airline/awb_1", HANDLER, JSON, waybill().to_string()).send().await.problem(404);
    world.get("/airline/awb_1/acl", HANDLER).send().await.problem(404);
}

#[tokio::test]
async fn the_read_scope_is_needed() {
    let world = World::new().await;
    world.waybill("awb_1").await;
    let token = world.token(AIRLINE).scope("logistics_objects:write").mint().unwrap();
    for uri in ["/airline/awb_1", "/airline/none"] {
        let answer = world.request("GET", uri).bearer(&token).send().await;
        answer.problem(403);
        assert!(answer.header("www-authenticate").contains("error=\"insufficient_scope\""));
    }
}

#[tokio::test]
async fn turtle_is_given_under_the_name_asked_for() {
    let world = World::new().await;
    let loid = world.waybill("awb_1").await;
    for media in [TURTLE, "application/x-turtle"] {
        let answer = world.get("/airline/awb_1", AIRLINE).header("accept", media).send().await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("content-type"), media);
        let text = answer.text();
        assert!(text.contains(&format!("<{loid}>")) && text.contains(":revision 1"), "{text}");
        assert!(!text.contains("internal:") && !text.contains("logistics-objects"), "{text}");
    }
}

#[tokio::test]
async fn what_was_read_as_turtle_can_be_made_again_elsewhere() {
    let world = World::new().await;
    world.waybill("awb_1").await;
    let turtle = world.get("/airline/awb_1", AIRLINE).header("accept", TURTLE).send().await.text();
    let copy = turtle.replace("awb_1", "awb_2");
    let answer = world.post("/airline/awb_2", AIRLINE, TURTLE, copy).send().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}\n{turtle}", answer.text());
    let (one, two) = (
        world.get("/airline/awb_1", AIRLINE).send().await.text(),
        world.get("/airline/awb_2", AIRLINE).send().await.text(),
    );
    assert_eq!(one.replace("awb_1", "awb_2"), two);
}

#[tokio::test]
async fn a_copy_that_is_still_good_is_not_sent_again() {
    let world = World::new().await;
    world.waybill("awb_1").await;
    let first = world.get("/airline/awb_1", AIRLINE).send().await;
    let tag = first.header("etag").to_owned();
    for condition in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let answer = world.get("/airline/awb_1", AIRLINE).header("if-none-match", &condition).send().await;
        assert_eq!(answer.status, StatusCode::NOT_MODIFIED, "{condition}");
        assert!(answer.body.is_empty());
        assert_eq!(answer.header("etag"), tag);
    }
    let other = world.get("/airline/awb_1", AIRLINE).header("if-none-match", "\"x\"").send().await;
    assert_eq!(other.status, StatusCode::OK);
    let turtle = world
        .get("/airline/awb_1", AIRLINE)
        .header("accept", TURTLE)
        .header("if-none-match", &tag)
        .send()
        .await;
    assert_eq!(turtle.status, StatusCode::OK, "a tag belongs to one media type");
    // The right comes first: a stranger who knows the tag learns nothing from it.
    world.get("/airline/awb_1", HANDLER).header("if-none-match", &tag).send().await.problem(403);
}

#[tokio::test]
async fn links_in_the_words_of_the_core_come_back_as_they_were() {
    let world = World::new().await;
    let mut document = waybill();
    let links = ["https://one.example/airline/logistics-objects/a.b", "https://one.example/airline/p_1"];
    document["piece"] = json!(links.map(|link| json!({"@id": link})));
    let answer = world.post("/airline/a", AIRLINE, JSON, document.to_string()).send().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(world.get("/airline/a", AIRLINE).send().await.json()["piece"], document["piece"]);
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let world = World::new().await;
    world.waybill("awb_1").await;
    let get = world.get("/airline/awb_1", AIRLINE).send().await;
    let head = world.request("HEAD", "/airline/awb_1").company(AIRLINE).send().await;
    assert_eq!(head.status, StatusCode::OK);
    assert!(head.body.is_empty());
    for name in ["etag", "link", "content-type", "vary"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    let head = world.request("HEAD", "/airline/none").company(AIRLINE).send().await;
    assert_eq!((head.status, head.body.len()), (StatusCode::NOT_FOUND, 0));
}

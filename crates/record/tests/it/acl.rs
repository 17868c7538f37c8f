use http::StatusCode;
use serde_json::json;

use crate::harness::{AIRLINE, FORWARDER, HANDLER, JSON, TURTLE, World};

const LOID: &str = "https://one.example/airline/awb_1";

/// One Authorization in turtle.
fn rule(fragment: &str, agent: &str, modes: &str) -> String {
    format!(
        "@prefix acl: <http://www.w3.org/ns/auth/acl#>.
        <#{fragment}> a acl:Authorization; acl:agent <{agent}>; acl:accessTo <{LOID}>; acl:mode {modes}."
    )
}

async fn world() -> World {
    let world = World::new().await;
    world.waybill("awb_1").await;
    world
}

async fn post(world: &World, company: &str, body: String) -> crate::harness::Answer {
    world.post("/airline/awb_1/acl", company, TURTLE, body).send().await
}

#[tokio::test]
async fn a_granted_company_reads() {
    let world = world().await;
    world.get("/airline/awb_1", HANDLER).send().await.problem(403);
    let answer = post(&world, AIRLINE, rule("handler", HANDLER, "acl:Read")).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::CREATED, 0), "{}", answer.text());
    assert_eq!(world.get("/airline/awb_1", HANDLER).send().await.status, StatusCode::OK);
    assert_eq!(world.get("/airline/awb_1", AIRLINE).send().await.status, StatusCode::OK, "the owner stays");
}

#[tokio::test]
async fn an_own_acl_switches_the_implicit_grant_off() {
    let world = world().await;
    assert_eq!(world.get("/airline/awb_1", FORWARDER).send().await.status, StatusCode::OK);
    post(&world, AIRLINE, rule("handler", HANDLER, "acl:Read")).await;
    world.get("/airline/awb_1", FORWARDER).send().await.problem(403);
}

#[tokio::test]
async fn other_modes_than_read_do_not_read() {
    let world = world().await;
    post(&world, AIRLINE, rule("handler", HANDLER, "acl:Write, acl:Append")).await;
    world.get("/airline/awb_1", HANDLER).send().await.problem(403);
}

#[tokio::test]
async fn the_acl_reads_back_in_both_forms() {
    let world = world().await;
    post(&world, AIRLINE, rule("handler", HANDLER, "acl:Read, acl:Write")).await;
    let answer = world.get("/airline/awb_1/acl", AIRLINE).send().await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.json(),
        json!({"@context": {"acl": "http://www.w3.org/ns/auth/acl#"}, "@graph": [{
            "@id": format!("{LOID}/acl#handler"), "@type": "acl:Authorization",
            "acl:agent": {"@id": HANDLER}, "acl:accessTo": {"@id": LOID},
            "acl:mode": [{"@id": "http://www.w3.org/ns/auth/acl#Read"}, {"@id": "http://www.w3.org/ns/auth/acl#Write"}]}]})
    );
    let turtle = world.get("/airline/awb_1/acl", AIRLINE).header("accept", TURTLE).send().await;
    assert_eq!(turtle.header("content-type"), TURTLE);
    for body in [(JSON, answer.text()), (TURTLE, turtle.text())] {
        let again = world.post("/airline/awb_1/acl", AIRLINE, body.0, body.1.clone()).send().await;
        assert_eq!(again.status, StatusCode::CREATED, "{}\n{}", again.text(), body.1);
        assert_eq!(world.get("/airline/awb_1/acl", AIRLINE).send().await.json(), answer.json());
    }
}

#[tokio::test]
async fn json_with_a_fragment_or_without_a_name_is_taken() {
    let world = world().await;
    let context = json!({"@vocab": "http://www.w3.org/ns/auth/acl#"});
    for id in [Some("#handler"), None] {
        let mut body = json!({"@context": context, "@type": "Authorization",
            "agent": {"@id": HANDLER}, "accessTo": {"@id": LOID},
            "mode": {"@id": "http://www.w3.org/ns/auth/acl#Read"}});
        if let Some(id) = id {
            body["@id"] = id.into();
        }
        let answer = world.post("/airline/awb_1/acl", AIRLINE, JSON, body.to_string()).send().await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    }
    let graph = world.get("/airline/awb_1/acl", AIRLINE).send().await.json();
    assert_eq!(graph["@graph"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_same_name_replaces_and_another_adds() {
    let world = world().await;
    post(&world, AIRLINE, rule("a", HANDLER, "acl:Read")).await;
    post(&world, AIRLINE, rule("a", FORWARDER, "acl:Read")).await;
    world.get("/airline/awb_1", HANDLER).send().await.problem(403);
    assert_eq!(world.get("/airline/awb_1", FORWARDER).send().await.status, StatusCode::OK);
    post(&world, AIRLINE, rule("b", HANDLER, "acl:Read")).await;
    assert_eq!(world.get("/airline/awb_1", HANDLER).send().await.status, StatusCode::OK);
    assert_eq!(world.get("/airline/awb_1", FORWARDER).send().await.status, StatusCode::OK);
}

#[tokio::test]
async fn only_control_opens_the_acl() {
    let world = world().await;
    post(&world, AIRLINE, rule("handler", HANDLER, "acl:Read, acl:Write, acl:Append")).await;
    world.get("/airline/awb_1/acl", HANDLER).send().await.problem(403);
    post(&world, HANDLER, rule("own", HANDLER, "acl:Control")).await.problem(403);
    world.get("/airline/none/acl", HANDLER).send().await.problem(404);
    post(&world, AIRLINE, rule("handler", HANDLER, "acl:Read, acl:Control")).await;
    assert_eq!(world.get("/airline/awb_1/acl", HANDLER).send().await.status, StatusCode::OK);
}

#[tokio::test]
async fn nobody_passes_on_more_than_he_has() {
    let world = world().await;
    post(&world, AIRLINE, rule("handler", HANDLER, "acl:Read, acl:Control")).await;
    assert_eq!(post(&world, HANDLER, rule("f", FORWARDER, "acl:Read")).await.status, StatusCode::CREATED);
    let more = post(&world, HANDLER, rule("g", FORWARDER, "acl:Write")).await;
    assert_eq!(more.problem(403), "exceeds_own_rights");
}

#[tokio::test]
async fn nobody_replaces_what_another_introduced() {
    let world = world().await;
    post(&world, AIRLINE, rule("handler", HANDLER, "acl:Read, acl:Control")).await;
    post(&world, AIRLINE, rule("f", FORWARDER, "acl:Read")).await;
    assert_eq!(post(&world, HANDLER, rule("f", HANDLER, "acl:Read")).await.problem(403), "foreign_rule");
    assert_eq!(world.get("/airline/awb_1", FORWARDER).send().await.status, StatusCode::OK);
    assert_eq!(post(&world, AIRLINE, rule("f", HANDLER, "acl:Read")).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn an_acl_is_stored_whole_or_not_at_all() {
    let world = world().await;
    post(&world, AIRLINE, rule("handler", HANDLER, "acl:Read, acl:Control")).await;
    let before = world.get("/airline/awb_1/acl", AIRLINE).send().await.json();
    let two = format!("{}\n{}", rule("a", FORWARDER, "acl:Read"), rule("b", FORWARDER, "acl:Write"));
    assert_eq!(post(&world, HANDLER, two).await.problem(403), "exceeds_own_rights");
    assert_eq!(world.get("/airline/awb_1/acl", AIRLINE).send().await.json(), before);
}

#[tokio::test]
async fn an_acl_that_is_refused_makes_no_own_acl() {
    let world = world().await;
    let foreign = rule("a", HANDLER, "acl:Read").replace("/airline/awb_1", "/airline/awb_2");
    assert_eq!(post(&world, AIRLINE, foreign).await.problem(403), "foreign_target");
    assert_eq!(world.get("/airline/awb_1", FORWARDER).send().await.status, StatusCode::OK);
    world.get("/airline/awb_1/acl", AIRLINE).send().await.problem(404);
}

#[tokio::test]
async fn what_an_acl_may_not_say_is_told() {
    let world = world().await;
    let good = rule("a", HANDLER, "acl:Read");
    let without = |part: &str| good.replace(part, "");
    let table: [(&str, u16, String); 14] = [
        ("acl_incomplete", 400, without(" a acl:Authorization;")),
        ("acl_incomplete", 400, without(&format!(" acl:agent <{HANDLER}>;"))),
        ("acl_incomplete", 400, without(&format!(" acl:accessTo <{LOID}>;"))),
        ("acl_incomplete", 400, without("; acl:mode acl:Read")),
        ("acl_mode", 400, good.replace("acl:Read", "acl:Own")),
        ("acl_property", 400, good.replace("acl:mode", "acl:origin <https://x.example>; acl:mode")),
        ("acl_value", 400, good.replace(&format!("<{HANDLER}>"), "\"x\"")),
        ("acl_subject", 400, good.replace("<#a>", "<https://x.example/#a>")),
        ("acl_subject", 400, good.replace("<#a>", "<>")),
        ("acl_unsupported", 400, good.replace("acl:mode", "acl:agentClass acl:AuthenticatedAgent; acl:mode")),
        ("acl_unsupported", 400, good.replace(LOID, &format!("{LOID}/weight"))),
        (
            "container_rule",
            403,
            good.replace("acl:mode", "acl:default <https://one.example/airline>; acl:mode"),
        ),
        ("no_authorization", 400, "<#a> a <http://x.example/T>.".to_owned()),
        ("malformed_turtle", 400, "nonsense".to_owned()),
    ];
    for (code, status, body) in table {
        let answer = post(&world, AIRLINE, body.clone()).await;
        assert_eq!(answer.problem(status), code, "{body}");
    }
    world.get("/airline/awb_1/acl", AIRLINE).send().await.problem(404);
}

#[tokio::test]
async fn the_acl_has_its_scopes() {
    let world = world().await;
    let read = world.token(AIRLINE).scope("logistics_objects:read").mint().unwrap();
    let write = world.token(AIRLINE).scope("logistics_objects:write").mint().unwrap();
    world.request("GET", "/airline/awb_1/acl").bearer(&write).send().await.problem(403);
    let body = rule("a", HANDLER, "acl:Read");
    let answer = world
        .request("POST", "/airline/awb_1/acl")
        .bearer(&read)
        .header("content-type", TURTLE)
        .body(body)
        .send()
        .await;
    answer.problem(403);
}

use http::StatusCode;
use serde_json::json;

use crate::harness::{AIRLINE, FORWARDER, HANDLER, JSON, TURTLE, World, waybill};

#[tokio::test]
async fn posted_on_the_company_an_object_gets_a_fresh_address() {
    let world = World::new().await;
    let answer = world.post("/airline", AIRLINE, JSON, waybill().to_string()).send().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert!(answer.body.is_empty());
    let loid = answer.location();
    assert!(loid.starts_with("https://one.example/airline/"), "{loid}");
    let read = world.get(&loid, AIRLINE).send().await;
    assert_eq!(read.status, StatusCode::OK);
    let mut expected = waybill();
    expected["@id"] = loid.into();
    expected["revision"] = 1.into();
    assert_eq!(read.json(), expected);
}

#[tokio::test]
async fn posted_on_an_address_an_object_lives_there() {
    let world = World::new().await;
    assert_eq!(world.waybill("awb_1").await, "https://one.example/airline/awb_1");
    assert_eq!(
        world.get("/airline/awb_1", AIRLINE).send().await.json()["@id"],
        "https://one.example/airline/awb_1"
    );
}

#[tokio::test]
async fn an_id_in_the_document_is_the_address() {
    let world = World::new().await;
    for (id, body) in [("a1", "https://one.example/airline/a1"), ("a2", "  https://one.example/airline/a2\n")]
    {
        let mut document = waybill();
        document["@id"] = body.into();
        let answer = world.post("/airline", AIRLINE, JSON, document.to_string()).send().await;
        assert_eq!(answer.location(), format!("https://one.example/airline/{id}"), "{}", answer.text());
    }
}

#[tokio::test]
async fn the_company_identifier_is_another_name_of_its_address() {
    let world = World::new().await;
    let mut document = waybill();
    document["@id"] = format!("{FORWARDER}/house_1").into();
    let answer = world.post("/forwarder", FORWARDER, JSON, document.to_string()).send().await;
    assert_eq!(answer.location(), "https://one.example/forwarder/house_1", "{}", answer.text());
}

#[tokio::test]
async fn turtle_is_as_good_as_json() {
    let world = World::new().await;
    let document = "@prefix : <http://onerecord.iata.org/> .
        <https://one.example/airline/awb_2> a :AirWaybill ; :airlinePrefix \"020\" ; :weight [ a :Value ; :unit \"KGM\" ] .";
    for (media, id) in [(TURTLE, "awb_2"), ("application/x-turtle", "awb_3")] {
        let document = document.replace("awb_2", id);
        let answer = world.post(&format!("/airline/{id}"), AIRLINE, media, document).send().await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        let read = world.get(&format!("/airline/{id}"), AIRLINE).send().await.json();
        assert_eq!(read["weight"], json!({"@type": "Value", "unit": "KGM"}));
    }
}

#[tokio::test]
async fn a_turtle_document_about_a_blank_node_gets_an_address() {
    let world = World::new().await;
    let document = "@prefix : <http://onerecord.iata.org/> . [] a :Piece ; :coload false .";
    let answer = world.post("/airline", AIRLINE, TURTLE, document).send().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
}

#[tokio::test]
async fn spellings_of_the_vocabulary_are_one() {
    let world = World::new().await;
    let document = json!({
        "@type": "https://onerecord.iata.org/AirWaybill",
        "https://onerecord.iata.org/AirWaybill#airlinePrefix": "020",
        "http://onerecord.iata.org/AirWaybill#pieceCount": 2,
        "http://other.example/AirWaybill#pieceCount": 3,
    });
    let answer = world.post("/airline/a", AIRLINE, JSON, document.to_string()).send().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let read = world.get("/airline/a", AIRLINE).send().await.json();
    assert_eq!(
        read,
        json!({"@context": {"@vocab": "http://onerecord.iata.org/"}, "@id": "https://one.example/airline/a",
            "@type": "AirWaybill", "airlinePrefix": "020", "pieceCount": 2, "revision": 1,
            "http://other.example/AirWaybill#pieceCount": 3})
    );
}

#[tokio::test]
async fn only_the_company_itself_creates() {
    let world = World::new().await;
    for uri in ["/airline", "/airline/awb_1"] {
        for company in [FORWARDER, HANDLER] {
            world.post(uri, company, JSON, waybill().to_string()).send().await.problem(403);
        }
    }
    let mut document = waybill();
    document["@id"] = "https://one.example/forwarder/x".into();
    let answer = world.post("/airline", AIRLINE, JSON, document.to_string()).send().await;
    answer.problem(403);
    world.get("/airline/awb_1", AIRLINE).send().await.problem(404);
}

#[tokio::test]
async fn a_token_without_the_write_scope_cannot_create() {
    let world = World::new().await;
    let token = world.token(AIRLINE).scope("logistics_objects:read").mint().unwrap();
    let answer = world
        .request("POST", "/airline")
        .bearer(&token)
        .header("content-type", JSON)
        .body(waybill().to_string())
        .send()
        .await;
    answer.problem(403);
    assert!(answer.header("www-authenticate").contains("insufficient_scope"), "{:?}", answer.headers);
    assert!(answer.header("www-authenticate").contains("logistics_objects:write"));
}

#[tokio::test]
async fn a_taken_id_is_a_conflict_and_changes_nothing() {
    let world = World::new().await;
    world.waybill("awb_1").await;
    let before = world.get("/airline/awb_1", AIRLINE).send().await.text();
    let mut other = waybill();
    other["pieceCount"] = 99.into();
    world.post("/airline/awb_1", AIRLINE, JSON, other.to_string()).send().await.problem(409);
    other["@id"] = "https://one.example/airline/awb_1".into();
    world.post("/airline", AIRLINE, JSON, other.to_string()).send().await.problem(409);
    assert_eq!(world.get("/airline/awb_1", AIRLINE).send().await.text(), before);
}

#[tokio::test]
async fn of_two_that_want_one_id_one_gets_it() {
    let world = World::new().await;
    let mut document = waybill();
    document["@id"] = "https://one.example/airline/race".into();
    let document = document.to_string();
    let mut statuses = Vec::new();
    let calls: Vec<_> =
        (0..8).map(|_| world.post("/airline", AIRLINE, JSON, document.clone()).send()).collect();
    for call in futures(calls).await {
        statuses.push(call.status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}

/// Runs all calls at once.
async fn futures<F: Future>(calls: Vec<F>) -> Vec<F::Output> {
    let mut pending: Vec<_> = calls.into_iter().map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(move |context| {
        pending.retain_mut(|call| match call.as_mut().poll(context) {
            std::task::Poll::Ready(output) => {
                done.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if pending.is_empty() {
            std::task::Poll::Ready(std::mem::take(&mut done))
        } else {
            std::task::Poll::Pending
        }
    })
    .await
}

#[tokio::test]
async fn reserved_and_malformed_ids_are_refused() {
    let world = World::new().await;
    for id in [
        "acl",
        "AuditTrail",
        "EVENTS",
        "logistics-objects",
        "healthz",
        "_x",
        "a.b",
        "a%20b",
        "a~b",
        &"a".repeat(129),
    ] {
        let code = world
            .post(&format!("/airline/{id}"), AIRLINE, JSON, waybill().to_string())
            .send()
            .await
            .problem(400);
        assert_eq!(code, "bad_id", "{id}");
    }
    for id in ["acl", "a.b", "a/b", "a#b", "", "a?b"] {
        let mut document = waybill();
        document["@id"] = format!("https://one.example/airline/{id}").into();
        let code = world.post("/airline", AIRLINE, JSON, document.to_string()).send().await.problem(400);
        assert_eq!(code, "bad_id", "{id}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_document_is_told() {
    let world = World::new().await;
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut document = waybill();
        change(&mut document);
        document.to_string()
    };
    let table: [(&str, String); 14] = [
        ("malformed_json", "{".to_owned()),
        ("foreign_id", with(&|d| d["@id"] = "https://elsewhere.example/x".into())),
        ("id_mismatch", with(&|d| d["@id"] = "https://one.example/airline/other".into())),
        ("relative_iri", with(&|d| d["@id"] = "awb_1".into())),
        ("no_type", with(&|d| drop(d.as_object_mut().unwrap().remove("@type")))),
        ("unsupported_type", with(&|d| d["@type"] = "http://other.example/Thing".into())),
        ("null_value", with(&|d| d["note"] = json!(null))),
        ("empty_array", with(&|d| d["pieces"] = json!([]))),
        ("unmapped_key", with(&|d| d["@context"] = json!({"x": "http://x.example/"}))),
        ("remote_context", with(&|d| d["@context"] = "https://x.example/context".into())),
        ("undefined_prefix", with(&|d| d["cargo:weight"] = 1.into())),
        ("revision", with(&|d| d["revision"] = 7.into())),
        (
            "foreign_statement",
            with(&|d| d["piece"] = json!({"@id": "https://one.example/airline/p", "weight": 1})),
        ),
        ("too_deep", format!("{}1{}", "{\"a\":".repeat(5_000), "}".repeat(5_000))),
    ];
    for (code, document) in table {
        let answer = world.post("/airline/awb_1", AIRLINE, JSON, document).send().await;
        assert_eq!(answer.problem(400), code);
        assert!(answer.json()["details"][0]["message"].as_str().is_some_and(|message| message.len() > 10));
    }
    let turtle = "@prefix : <http://onerecord.iata.org/> . [] a :Piece ; :part <internal:1> .";
    assert_eq!(world.post("/airline", AIRLINE, TURTLE, turtle).send().await.problem(400), "reserved_iri");
    world.get("/airline/awb_1", AIRLINE).send().await.problem(404);
}

#[tokio::test]
async fn the_place_of_a_mistake_is_told() {
    let world = World::new().await;
    let mut document = waybill();
    document["piece"] = json!([{"@type": "Piece"}, {"@type": "Piece", "goods": null}]);
    let answer = world.post("/airline", AIRLINE, JSON, document.to_string()).send().await;
    assert_eq!(answer.problem(400), "null_value");
    assert_eq!(answer.json()["details"][0]["attribute"], "/piece/1/goods");
}

#[tokio::test]
async fn only_the_configured_classes_are_kept() {
    let world =
        World::with(|config| config.supported_types = vec!["http://onerecord.iata.org/Piece".to_owned()])
            .await;
    let answer = world.post("/airline", AIRLINE, JSON, waybill().to_string()).send().await;
    assert_eq!(answer.problem(400), "unsupported_type");
    assert_eq!(answer.json()["details"][0]["resource"], "http://onerecord.iata.org/AirWaybill");
}

#[tokio::test]
async fn the_first_revision_may_be_told() {
    let world = World::new().await;
    let mut document = waybill();
    document["revision"] = 1.into();
    assert_eq!(
        world.post("/airline/a", AIRLINE, JSON, document.to_string()).send().await.status,
        StatusCode::CREATED
    );
    assert_eq!(world.get("/airline/a", AIRLINE).send().await.json()["revision"], 1);
}

#[tokio::test]
async fn only_the_first_revision_may_be_told_and_only_plainly() {
    let world = World::new().await;
    let turtle = |value: &str| {
        format!(
            "@prefix : <http://onerecord.iata.org/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
            [] a :Piece ; :revision {value} ."
        )
    };
    for good in ["1", "\"1\""] {
        let answer = world.post("/airline", AIRLINE, TURTLE, turtle(good)).send().await;
        assert_eq!(answer.status, StatusCode::CREATED, "{good}: {}", answer.text());
    }
    for bad in ["2", "\"1\"@en", "1.0", "01", "1e0", "\"1\"^^xsd:long", "<http://x.example/1>", "1, 2"] {
        let answer = world.post("/airline", AIRLINE, TURTLE, turtle(bad)).send().await;
        assert_eq!(answer.problem(400), "revision", "{bad}");
    }
}

#[tokio::test]
async fn what_is_accepted_can_be_read() {
    let world = World::new().await;
    let base = "@prefix : <http://onerecord.iata.org/> . @base <https://one.example/airline/a> .
        @prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> . @prefix e: <http://e.example/> .";
    for (statement, code) in [
        ("e:a\u{e0001} 1", "invalid_iri"),
        (":x e:a\u{e0001}", "invalid_iri"),
        (":x \"1\"^^e:a\u{e0001}", "invalid_iri"),
        (":x \"1\"^^rdf:langString", "malformed_turtle"),
        (":x \"1\"^^rdf:dirLangString", "language_missing"),
        // In the words of the core the class is another than the one that is described.
        ("a <https://onerecord.iata.org/T> . <https://onerecord.iata.org/T> a <#U>", "several_roots"),
    ] {
        let body = format!("{base} <> a :Piece ; {statement} .");
        let answer = world.post("/airline/a", AIRLINE, TURTLE, body).send().await;
        assert_eq!(answer.problem(400), code, "{statement}");
    }
    let mut document = waybill();
    document["note"] =
        json!({"@value": "a", "@type": "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"});
    let answer = world.post("/airline/a", AIRLINE, JSON, document.to_string()).send().await;
    assert_eq!(answer.problem(400), "language_missing");
    world.get("/airline/a", AIRLINE).send().await.problem(404);
}

#[tokio::test]
async fn what_is_said_about_a_class_is_read() {
    let world = World::new().await;
    let body = "@prefix : <http://onerecord.iata.org/> . @base <https://one.example/airline/a> .
        <> a :Piece, <#T> . <#T> :secret \"lost?\" ; :y [ :z 3 ] .";
    let answer = world.post("/airline/a", AIRLINE, TURTLE, body).send().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let read = world.get("/airline/a", AIRLINE).send().await.json();
    assert_eq!(read["@type"], "Piece");
    assert_eq!(
        read["http://www.w3.org/1999/02/22-rdf-syntax-ns#type"],
        json!({"@id": "https://one.example/airline/a#T", "secret": "lost?", "y": {"z": 3}})
    );
}

/// 383 kB that were stored as 73 MB, and sent as 73 MB to every reader.
#[tokio::test]
async fn a_small_document_of_a_large_graph_is_refused() {
    let world = World::new().await;
    let prefix = format!("http://x.example/{}#", "a".repeat(1_900));
    let values: Vec<String> = (0..19_000).map(|n| format!("p:{n}")).collect();
    let body = format!(
        "@prefix p: <{prefix}> . [] a <http://onerecord.iata.org/Piece> ; p:p {} .",
        values.join(",")
    );
    assert!(body.len() < 400_000);
    let answer = world.post("/airline/a", AIRLINE, TURTLE, body).send().await;
    assert_eq!(answer.problem(400), "graph_too_large");
    // The server's own names are longer than the labels that they replace.
    let values: Vec<String> = (0..8).map(|n| n.to_string()).collect();
    let nodes = vec![format!("[ p:p {} ]", values.join(",")); 1_900].join(",");
    let prefix = format!("http://x.example/{}#", "a".repeat(150));
    let body = format!("@prefix p: <{prefix}> . [] a <http://onerecord.iata.org/Piece> ; p:p {nodes} .");
    let answer = world.post("/airline/b", AIRLINE, TURTLE, body).send().await;
    assert_eq!(answer.problem(400), "graph_too_large");
}

#[tokio::test]
async fn large_bodies_are_refused_before_and_while_they_are_read() {
    let world = World::with(|config| config.body_limit = 1_000).await;
    let large = format!("{{\"x\":\"{}\"}}", "a".repeat(2_000));
    let announced = world.post("/airline", AIRLINE, JSON, "{}").header("content-length", "5000").send().await;
    assert_eq!(announced.problem(413), "body_too_large");
    assert_eq!(world.post("/airline", AIRLINE, JSON, large).send().await.problem(413), "body_too_large");
}

#[tokio::test]
async fn a_large_document_within_the_limits_is_kept() {
    let world = World::new().await;
    let pieces: Vec<_> =
        (0..1_500).map(|n| json!({"@type": "Piece", "number": n, "goods": "x".repeat(50)})).collect();
    let mut document = waybill();
    document["pieces"] = pieces.into();
    let document = document.to_string();
    assert!(document.len() > 64 * 1024);
    let answer = world.post("/airline/big", AIRLINE, JSON, document).send().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let read = world.get("/airline/big", AIRLINE).send().await.json();
    assert_eq!(read["pieces"].as_array().unwrap().len(), 1_500);
}

#[tokio::test]
async fn a_document_of_too_many_nodes_is_refused() {
    let world = World::new().await;
    let links: Vec<_> = (0..2_001).map(|n| json!({"@id": format!("https://x.example/{n}")})).collect();
    let mut document = waybill();
    document["pieces"] = links.into();
    assert_eq!(
        world.post("/airline/a", AIRLINE, JSON, document.to_string()).send().await.problem(400),
        "too_many_nodes"
    );
    world.get("/airline/a", AIRLINE).send().await.problem(404);
}

#[tokio::test]
async fn an_unknown_company_is_not_found() {
    let world = World::new().await;
    world.post("/nobody", AIRLINE, JSON, waybill().to_string()).send().await.problem(404);
}

#[tokio::test]
async fn subscriptions_are_not_taken_for_objects() {
    let world = World::new().await;
    for query in ["topic=AirWaybill", "topic", "x=1&topic", "%74opic=AirWaybill", "topi%63"] {
        let uri = format!("/airline?{query}");
        let answer = world.post(&uri, AIRLINE, JSON, waybill().to_string()).send().await;
        assert_eq!(answer.problem(400), "no_subscriptions", "{query}");
    }
}

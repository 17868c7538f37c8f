use http::StatusCode;

use crate::harness::{AIRLINE, JSON, TURTLE, World, waybill};

#[tokio::test]
async fn methods_that_are_not_offered_are_named() {
    let world = World::new().await;
    world.waybill("awb_1").await;
    let table = [
        ("/airline", "POST", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"].as_slice()),
        ("/airline/awb_1", "GET,HEAD,POST", ["PUT", "DELETE", "PATCH", "OPTIONS"].as_slice()),
        ("/airline/awb_1/acl", "GET,HEAD,POST", ["PUT", "DELETE", "PATCH"].as_slice()),
    ];
    for (uri, allow, methods) in table {
        for method in methods {
            let answer = world.request(method, uri).company(AIRLINE).send().await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {uri}");
            assert_eq!(answer.header("allow"), allow, "{method} {uri}");
            if *method != "HEAD" {
                answer.problem(405);
            }
        }
    }
}

#[tokio::test]
async fn unknown_media_types_are_refused() {
    let world = World::new().await;
    for media in
        ["text/plain", "application/xml", "multipart/form-data", "application/ld+json; charset=latin1", ""]
    {
        let answer = world.post("/airline", AIRLINE, media, waybill().to_string()).send().await;
        assert_eq!(answer.problem(415), "unsupported_media_type", "{media}");
    }
    let none = world.request("POST", "/airline").company(AIRLINE).body("{}").send().await;
    none.problem(415);
    let zipped = world.post("/airline", AIRLINE, JSON, "x").header("content-encoding", "gzip").send().await;
    zipped.problem(415);
}

#[tokio::test]
async fn errors_are_json_even_when_turtle_was_asked_for() {
    let world = World::new().await;
    world.get("/airline/none", AIRLINE).header("accept", TURTLE).send().await.problem(404);
    world.waybill("awb_1").await;
    let answer = world.get("/airline/awb_1", AIRLINE).header("accept", "text/html").send().await;
    assert_eq!(answer.problem(406), "not_acceptable");
    let answer = world
        .post("/airline", AIRLINE, JSON, waybill().to_string())
        .header("accept", "text/html")
        .send()
        .await;
    assert_eq!(answer.problem(406), "not_acceptable");
}

#[tokio::test]
async fn an_empty_body_is_refused() {
    let world = World::new().await;
    assert_eq!(world.post("/airline", AIRLINE, JSON, "").send().await.problem(400), "empty_body");
}

#[tokio::test]
async fn a_mistake_is_not_answered_with_a_copy_of_the_document() {
    let world = World::new().await;
    let long = "ü".repeat(400_000);
    let mut document = waybill();
    document["@context"] = serde_json::json!({"@vocab": "http://onerecord.iata.org/", long: 1});
    let answer = world.post("/airline", AIRLINE, JSON, document.to_string()).send().await;
    assert_eq!(answer.problem(400), "malformed_context");
    assert!(answer.body.len() < 2_000, "{}", answer.body.len());
}

#[tokio::test]
async fn every_error_has_an_id_of_its_own() {
    let world = World::new().await;
    let id = || async { world.get("/airline/none", AIRLINE).send().await.json()["@id"].clone() };
    assert_ne!(id().await, id().await);
}

#[tokio::test]
async fn a_body_that_never_comes_is_given_up() {
    let world = World::with(|config| config.body_timeout = std::time::Duration::from_millis(50)).await;
    let answer = world.post("/airline", AIRLINE, JSON, axum::body::Body::new(Never)).send().await;
    answer.problem(408);
}

/// A body of a sender that has gone away without a word.
struct Never;

impl axum::body::HttpBody for Never {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

#[tokio::test(flavor = "current_thread")]
async fn each_refusal_is_one_log_line_with_its_reason() {
    let world = World::new().await;
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
    let token = world.token(AIRLINE).mint().unwrap();
    let guard = tracing::subscriber::set_default(subscriber);
    world.post("/airline", AIRLINE, JSON, "{").send().await.problem(400);
    world.request("GET", "/airline/none").send().await.problem(401);
    let answer = world.request("GET", "/airline/none").bearer(&token).send().await;
    drop(guard);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let refusals: Vec<&str> = text.lines().filter(|line| line.contains("request refused")).collect();
    assert_eq!(refusals.len(), 3, "{text}");
    for (line, reason) in refusals.iter().zip(["malformed_json", "no_credentials", "unknown_object"]) {
        assert!(line.contains(&format!("reason=\"{reason}\"")), "{line}");
    }
    let id = answer.json()["@id"].as_str().unwrap().trim_start_matches("urn:uuid:").to_owned();
    assert!(refusals[2].contains(&id) && refusals[2].contains("test-client"), "{}", refusals[2]);
    assert!(!text.contains(&token), "a token stands in the log");
}

#[derive(Clone, Default)]
struct Lines(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

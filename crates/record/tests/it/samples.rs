//! Documents as companies write them: ours always, those of the folder in `CARNET_SAMPLES` if it is given.

use std::path::{Path, PathBuf};

use http::StatusCode;

use crate::harness::{AIRLINE, JSON, TURTLE, World};

fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "json" || kind == "ttl"))
        .collect();
    files.sort();
    files
}

fn media(path: &Path) -> &'static str {
    if path.extension().is_some_and(|kind| kind == "ttl") { TURTLE } else { JSON }
}

#[tokio::test]
async fn our_own_documents_are_kept_and_read_back() {
    let world = World::new().await;
    let files = documents(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples"));
    assert_eq!(files.len(), 8, "{files:?}");
    for file in &files {
        let body = std::fs::read(file).unwrap();
        let answer = world.post("/airline", AIRLINE, media(file), body).send().await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}: {}", file.display(), answer.text());
        let loid = answer.location();
        // What is read is a document again: made once more, it reads the same but for its address.
        for accept in [JSON, TURTLE] {
            let read = world.get(&loid, AIRLINE).header("accept", accept).send().await.text();
            let copy = format!("{loid}-{}", if accept == JSON { "json" } else { "ttl" });
            let answer = world.post(&copy, AIRLINE, accept, read.replace(&loid, &copy)).send().await;
            assert_eq!(answer.status, StatusCode::CREATED, "{}: {}\n{read}", file.display(), answer.text());
            let again = world.get(&copy, AIRLINE).header("accept", JSON).send().await.json();
            let expected = world.get(&loid, AIRLINE).header("accept", JSON).send().await.text();
            let expected: serde_json::Value = serde_json::from_str(&expected.replace(&loid, &copy)).unwrap();
            assert_eq!(sorted(again), sorted(expected), "{}", file.display());
        }
    }
}

/// Several values have no order in RDF.
fn sorted(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(sorted).collect();
            items.sort_by_key(ToString::to_string);
            items.into()
        }
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, sorted(value))).collect(),
        other => other,
    }
}

/// Foreign samples are of other generations and hold known mistakes: each must be taken or be refused with a
/// reason, and none may break the server.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the folder of foreign samples is a switch of the test run")]
async fn foreign_documents_are_taken_or_refused_with_a_reason() {
    let Some(folder) = std::env::var("CARNET_SAMPLES").ok().filter(|folder| !folder.is_empty()) else {
        eprintln!("CARNET_SAMPLES is not set: foreign samples did NOT run");
        return;
    };
    let world = World::new().await;
    let files = documents(Path::new(&folder));
    assert!(!files.is_empty(), "{folder} holds no .json or .ttl file");
    let (mut taken, mut refused) = (0, 0);
    for file in &files {
        let body = std::fs::read(file).unwrap();
        let answer = world.post("/airline", AIRLINE, media(file), body).send().await;
        if answer.status == StatusCode::CREATED {
            taken += 1;
        } else {
            let code = answer.problem(400);
            assert!(!code.is_empty(), "{}", file.display());
            refused += 1;
            eprintln!("refused ({code}): {}", file.file_name().unwrap_or_default().display());
        }
    }
    eprintln!("foreign samples: {} run, {taken} taken, {refused} refused with a reason", files.len());
}

//! What expires, said in time; and when secrets were last used.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use carnet::operations::{self, Context};
use carnet_testkit::ClientKeyPair;
use serde_json::{Value, json};

use super::{fields, pass, secrets_of, text};
use crate::harness::{Registered, TestIap};

const DAY: i64 = 86_400;

/// A client whose only secret expires in so many seconds; the secret's id.
async fn short_lived(iap: &TestIap, participant: &str, seconds: i64) -> (Registered, String) {
    let client = iap.client(participant, json!({})).await;
    let body = Some(json!({ "keep": 0, "expires_in": seconds }));
    let made = iap.admin("POST", &format!("{}/rotate", secrets_of(&client)), body).await.expect(201).json();
    (client, text(&made["id"]))
}

async fn expiring(iap: &TestIap, query: &str) -> Vec<Value> {
    let list = iap.admin("GET", &format!("/expiring-credentials{query}"), None).await.expect(200).json();
    list["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_expires_first_stands_first() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let (ten, ten_secret) = short_lived(&iap, &participant, 10 * DAY + 5).await;
    let (_, _) = short_lived(&iap, &participant, 40 * DAY).await;
    let unlimited = iap.client(&participant, json!({})).await;
    let beside = Some(json!({ "expires_in": 20 * DAY }));
    let beside = iap.admin("POST", &secrets_of(&unlimited), beside).await.expect(201).json();
    let key = Some(json!({ "jwk": ClientKeyPair::es256("2027").jwk(), "expires_in": 5 * DAY }));
    let added = iap.admin("POST", &format!("/clients/{}/keys", ten.client_id), key).await.expect(201).json();
    assert_eq!(added["items"][0]["expires_at"], "2027-01-20T08:00:00.000Z");

    let items = expiring(&iap, "").await;
    let said: Vec<Value> = items
        .iter()
        .map(|item| json!([item["kind"], item["id"], item["days_left"], item["replaced"]]))
        .collect();
    let administrator = iap.admin("GET", &secrets_of(&administrator(&iap)), None).await.expect(200).json();
    assert_eq!(
        said,
        [
            json!(["secret", administrator["items"][0]["id"], 1, false]),
            json!(["key", "2027", 5, false]),
            json!(["secret", ten_secret, 10, false]),
            json!(["secret", beside["id"], 20, true]),
        ]
    );
    assert_eq!(items[0]["participant_id"], Value::Null);
    assert_eq!(
        (&items[2]["client_id"], &items[2]["client_name"]),
        (&json!(ten.client_id), &json!("test client"))
    );
    assert_eq!(items[2]["expires_at"], "2027-01-25T08:00:05.000Z");
    assert_eq!(expiring(&iap, "?within_days=5").await.len(), 2);
    assert_eq!(expiring(&iap, "?within_days=60").await.len(), 5);
}

fn administrator(iap: &TestIap) -> Registered {
    Registered {
        participant_id: String::new(),
        client_id: iap.credentials().client_id,
        client_secret: String::new(),
    }
}

#[tokio::test]
async fn every_page_goes_on_where_the_last_one_ended() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    // Two of them at the very same moment.
    for seconds in [3 * DAY, 2 * DAY, 2 * DAY] {
        let _ = short_lived(&iap, &participant, seconds).await;
    }
    let all = expiring(&iap, "").await;
    let (mut walked, mut cursor) = (Vec::new(), String::new());
    for _ in 0..4 {
        let path = format!("/expiring-credentials?limit=1{cursor}");
        let page = iap.admin("GET", &path, None).await.expect(200).json();
        walked.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(walked.len(), 4);
    assert_eq!(walked, all);
}

#[tokio::test]
async fn what_is_withdrawn_or_over_is_not_listed() {
    let iap = TestIap::start().await;
    let participant = iap.participant("acme").await;
    let (disabled, _) = short_lived(&iap, &participant, DAY).await;
    let _ = iap.admin("POST", &format!("/clients/{}/disable", disabled.client_id), None).await.expect(200);
    let (revoked, id) = short_lived(&iap, &participant, DAY).await;
    let _ = iap.admin("DELETE", &format!("{}/{id}", secrets_of(&revoked)), None).await.expect(204);
    let (over, _) = short_lived(&iap, &participant, 60).await;
    let other = iap.participant("other").await;
    let (withdrawn, _) = short_lived(&iap, &other, DAY).await;
    let _ = iap.admin("POST", &format!("/participants/{other}/disable"), None).await.expect(200);
    pass(&iap, Duration::from_mins(1)).await;
    let clients: Vec<String> = expiring(&iap, "").await.iter().map(|item| text(&item["client_id"])).collect();
    assert_eq!(clients, [administrator(&iap).client_id]);
    drop((over, withdrawn));
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_refused() {
    let iap = TestIap::start().await;
    let cursor = |text: &str| format!("cursor={}", carnet_token::base64url::encode(text.as_bytes()));
    for (query, field) in [
        ("within_days=0".to_owned(), "within_days"),
        ("within_days=3661".to_owned(), "within_days"),
        ("within_days=x".to_owned(), "within_days"),
        ("within_days=99999999999999999999".to_owned(), "within_days"),
        ("days=1".to_owned(), "days"),
        (cursor("01ARZ3NDEKTSV4RRFFQ69G5FAV"), "cursor"),
        (cursor("x/01ARZ3NDEKTSV4RRFFQ69G5FAV"), "cursor"),
    ] {
        let answer = iap.admin("GET", &format!("/expiring-credentials?{query}"), None).await;
        assert_eq!(fields(&answer, 400), [field], "{query}");
    }
}

/// What the subscriber of one test wrote.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// The lines since the last time, as JSON.
    fn take(&self) -> Vec<Value> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_warns_at_the_start_and_once_at_each_lead() {
    let iap = TestIap::start_with("[registry]\nexpiry_warnings = [30, 7]").await;
    let participant = iap.participant("acme").await;
    let (client, secret) = short_lived(&iap, &participant, 10 * DAY).await;
    let unlimited = iap.client(&participant, json!({})).await;
    let beside = Some(json!({ "expires_in": 9 * DAY }));
    let beside = iap.admin("POST", &secrets_of(&unlimited), beside).await.expect(201).json();
    let context = Context::new(&iap.app);
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::INFO)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let of = |lines: &[Value], id: &str| {
        lines.iter().find(|line| line["fields"]["id"] == id).map(|line| line["fields"].clone())
    };

    let at_start = operations::expiring::warn(&context, None).await.unwrap();
    let lines = log.take();
    let warned = of(&lines, &secret).unwrap();
    assert_eq!((&warned["client_id"], &warned["days_left"]), (&json!(client.client_id), &json!(10)));
    let advice = format!("carnet client secret rotate {}", client.client_id);
    assert!(text(&warned["message"]).contains(&advice), "{warned}");
    let line = lines.iter().find(|line| line["fields"]["id"] == beside["id"]).unwrap();
    assert_eq!(line["level"], "INFO", "its client has one that lasts longer");

    iap.clock.advance(Duration::from_hours(48));
    let second = operations::expiring::warn(&context, Some(at_start)).await.unwrap();
    assert!(of(&log.take(), &secret).is_none(), "eight days are no lead");
    iap.clock.advance(Duration::from_hours(24));
    let third = operations::expiring::warn(&context, Some(second)).await.unwrap();
    assert_eq!(of(&log.take(), &secret).unwrap()["days_left"], 7);
    iap.clock.advance(Duration::from_hours(24));
    operations::expiring::warn(&context, Some(third)).await.unwrap();
    assert!(of(&log.take(), &secret).is_none());
    drop(guard);
}

#[tokio::test]
async fn the_last_use_of_a_secret_survives_a_clean_stop() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let _ = iap.token_of(&client, &[]).await.expect(200);
    // Within the minute in which nothing is written down.
    pass(&iap, Duration::from_secs(30)).await;
    let _ = iap.token_of(&client, &[]).await.expect(200);
    let iap = iap.restart().await;
    let list = iap.admin("GET", &secrets_of(&client), None).await.expect(200).json();
    assert_eq!(list["items"][0]["last_used_at"], "2027-01-15T08:00:30.000Z");
}

//! What is written down, and what never is.

use serde_json::json;

use super::{GRANT, challenged};
use crate::harness::{DEFAULT_AUDIENCE, TestIap, basic, decode};

/// What the subscriber of one test wrote.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_names_tokens_and_refusals_and_holds_no_secret() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let issued = iap.token_of(&client, &[]).await.expect(200).json();
    let wrong = format!("{}x", client.client_secret);
    challenged(&iap.token(&[GRANT], &[("authorization", &basic(&client.client_id, &wrong))]).await);
    challenged(&iap.token(&[GRANT], &[("authorization", &basic("evil\u{1b}[31m\n", "x"))]).await);
    let administration = iap.administration_token("admin:read").await;
    drop(guard);

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let token = issued["access_token"].as_str().unwrap();
    let (header, claims) = decode(token);
    for said in [&header["kid"], &claims["jti"], &json!(client.client_id)] {
        assert!(log.contains(said.as_str().unwrap()), "{said} is not in {log}");
    }
    assert!(log.contains("\"reason\":\"malformed_secret\""), "{log}");
    assert!(log.contains("\"alg\":\"RS256\"") && log.contains(DEFAULT_AUDIENCE), "{log}");
    let credentials = iap.credentials();
    for secret in
        [token, &client.client_secret, &wrong, &administration, &credentials.client_secret, "\u{1b}"]
    {
        assert!(!log.contains(secret), "{secret:?} is in the log");
    }
}

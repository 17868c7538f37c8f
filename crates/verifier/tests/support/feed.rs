//! The revocation feed of the IAP on loopback, which goes back, forks, expires and lies on command.

use std::sync::{Arc, Mutex};

use axum::response::{IntoResponse, Response};
use carnet_verifier::Clock;
use http::{StatusCode, Uri};
use serde_json::{Value, json};

use super::iap::{Iap, Signer};

/// What the feed says next, and what it was asked.
pub struct Book {
    /// The signer, its key published or not.
    pub signer: Arc<Signer>,
    /// `trust_list_jwks_uri`.
    pub keys: Value,
    /// The number of the last change.
    pub seq: u64,
    /// Every change: its number and its entry.
    pub changes: Vec<(u64, Value)>,
    /// The first number that is still told one by one.
    pub oldest: u64,
    /// Lays these over the claims.
    pub claims: Value,
    pub typ: &'static str,
    pub media_type: &'static str,
    pub status: u16,
    /// The queries that came.
    pub asked: Vec<String>,
    /// How often the keys were fetched.
    pub key_fetches: usize,
}

#[derive(Clone)]
pub struct Feed(Arc<Mutex<Book>>);

impl Feed {
    /// Let `iap` publish a feed, dated by `clock` and signed by a key of its own.
    pub fn of(iap: &Iap, clock: &Clock) -> Self {
        let signer = Signer::new("list-1");
        let book = Book {
            keys: json!({ "keys": [signer.jwk(), Signer::new("list-backup").jwk()] }),
            signer: Arc::new(signer),
            seq: 1,
            changes: Vec::new(),
            oldest: 0,
            claims: json!({}),
            typ: "iap-revocations+jwt",
            media_type: "application/jwt",
            status: 200,
            asked: Vec::new(),
            key_fetches: 0,
        };
        let feed = Self(Arc::new(Mutex::new(book)));
        let (own, issuer, clock) = (feed.clone(), iap.issuer.clone(), clock.clone());
        iap.set(|behaviour| {
            behaviour.metadata = Some(metadata(&iap.issuer));
            behaviour.more = Some(Arc::new(move |uri: &Uri| own.answer(uri, &issuer, clock.now())));
        });
        feed
    }

    pub fn set(&self, change: impl FnOnce(&mut Book)) {
        change(&mut self.0.lock().unwrap());
    }

    pub fn revoke(&self, entry: Value) {
        self.set(|book| {
            book.seq += 1;
            book.changes.push((book.seq, entry));
        });
    }

    /// The queries since the last look.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    pub fn key_fetches(&self) -> usize {
        self.0.lock().unwrap().key_fetches
    }

    fn answer(&self, uri: &Uri, issuer: &str, now: i64) -> Option<Response> {
        let mut book = self.0.lock().unwrap();
        match uri.path() {
            "/revocations" => {
                let query = uri.query().unwrap_or_default().to_owned();
                book.asked.push(query.clone());
                let status = StatusCode::from_u16(book.status).unwrap();
                let since = query.strip_prefix("since=").map_or(0, |text| text.parse().unwrap());
                let body = book.text(since, issuer, now);
                Some((status, [("content-type", book.media_type)], body).into_response())
            }
            "/trusted-iaps/keys.json" => {
                book.key_fetches += 1;
                let headers =
                    [("content-type", "application/jwk-set+json"), ("cache-control", "max-age=3000")];
                Some((headers, book.keys.to_string()).into_response())
            }
            _ => None,
        }
    }
}

impl Book {
    fn text(&self, since: u64, issuer: &str, now: i64) -> String {
        // What is not told one by one any more, or was never known, is told as a whole.
        let since = if (self.oldest..=self.seq).contains(&since) { since } else { 0 };
        let entries: Vec<_> =
            self.changes.iter().filter(|(seq, _)| *seq > since).map(|(_, entry)| entry).collect();
        let mut claims = json!({
            "iss": issuer, "iat": now, "exp": now + 120, "seq": self.seq, "since": since, "entries": entries,
        });
        for (name, value) in self.claims.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let header = json!({ "alg": "ES256", "typ": self.typ, "kid": self.signer.kid });
        self.signer.sign(header.to_string(), claims.to_string())
    }
}

pub fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/jwks"),
        "revocations_uri": format!("{issuer}/revocations"),
        "trust_list_jwks_uri": format!("{issuer}/trusted-iaps/keys.json"),
    })
}

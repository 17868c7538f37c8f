//! Idempotency keys: a request that comes twice is done once.
//!
//! What was answered is written in the transaction of the change, so that neither stands without the other, and without
//! the secrets that were in it: those are shown once, and never kept.

use aws_lc_rs::digest;
use carnet_token::base64url;
use serde_json::Value;

use super::{Actor, Context, Refusal};
use crate::db;
use crate::db::idempotency_record::IdempotencyRecord;

/// How long an answer is kept: 24 hours, in milliseconds.
const KEPT: i64 = 24 * 60 * 60 * 1000;

/// Members of answers and requests that are secrets, whatever they look like.
const SECRET_MEMBERS: [&str; 7] = [
    "client_secret",
    "secret",
    "access_token",
    "initial_access_token",
    "registration_access_token",
    "passphrase",
    "phc",
];
/// What the secrets that this server makes begin with; none is shorter than this.
const SECRET_PREFIXES: [&str; 2] = ["carnetsecret", "carnet_"];
const SECRET_LEN: usize = 40;

/// A request with a key.
#[derive(Debug, Clone)]
pub struct KeyedRequest {
    client_id: String,
    key: String,
    method: String,
    path: String,
    digest: String,
}

/// An answer, as it is kept and given again.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers, as far as they belong to it and not to the connection.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// Whether secrets were taken out of it.
    pub withheld: bool,
}

/// Whether a text can be a key: 1 to 255 visible ASCII characters.
#[must_use]
pub fn is_key(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

impl KeyedRequest {
    /// A request by an administrator. Keys of one are nothing to another.
    ///
    /// Of the body, a digest is kept under the key of the secrets: a request may bring along a secret that somebody
    /// else made, and whoever reads the database must not be able to try guesses on a plain one.
    #[must_use]
    pub fn new(context: &Context, actor: &Actor, key: &str, method: &str, path: &str, body: &[u8]) -> Self {
        let digest = base64url::encode(digest::digest(&digest::SHA256, body).as_ref());
        let mac = context.means().keys.secret_mac(&format!("idempotency {digest}"));
        Self {
            client_id: actor.client_id().unwrap_or_default().to_owned(),
            key: key.to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            digest: base64url::encode(mac),
        }
    }
}

/// Finds what was answered to a request, if it came before.
///
/// # Errors
/// [`Refusal::KeyReused`] when its key was used for another one.
pub async fn find(context: &Context, request: &KeyedRequest) -> Result<Option<Answer>, Refusal> {
    let KeyedRequest { client_id, key, method, path, digest } = request;
    let (pool, now) = (context.database.reader().pool(), context.clock.now_millis());
    let Some(found) = db::idempotency_record::find(pool, client_id, key, now).await? else { return Ok(None) };
    if (&found.method, &found.path, &found.digest) != (method, path, digest) {
        return Err(Refusal::KeyReused);
    }
    let headers: Vec<(String, String)> = serde_json::from_str(&found.headers).unwrap_or_default();
    let status = u16::try_from(found.status).unwrap_or_default();
    Ok(Some(Answer { status, headers, body: found.body, withheld: found.withheld }))
}

/// Commits what a request changed, together with its answer.
///
/// # Errors
/// [`Refusal::KeyInUse`] when the same request came twice at once and the other was faster; nothing of this one has
/// happened then.
pub async fn keep(context: &Context, request: &KeyedRequest, answer: &Answer) -> Result<(), Refusal> {
    let mut tx = match context.call.take() {
        Some(tx) => tx,
        // It changed nothing.
        None => context.begin().await?,
    };
    let now = context.clock.now_millis();
    let (body, withheld) = without_secrets(&answer.body);
    let record = IdempotencyRecord {
        client_id: request.client_id.clone(),
        key: request.key.clone(),
        method: request.method.clone(),
        path: request.path.clone(),
        digest: request.digest.clone(),
        status: i64::from(answer.status),
        headers: serde_json::to_string(&answer.headers).unwrap_or_default(),
        body,
        withheld,
        expires_at: now + KEPT,
    };
    if !db::idempotency_record::insert(&mut tx, &record, now).await? {
        return Err(Refusal::KeyInUse);
    }
    context.finish(tx).await
}

/// Whether a text may be one of the secrets that this server makes.
#[must_use]
pub fn looks_like_secret(text: &str) -> bool {
    text.len() >= SECRET_LEN
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && SECRET_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

/// Whether a body has a secret in it.
pub(super) fn holds_secret(body: &[u8]) -> bool {
    without_secrets(body).1
}

/// A JSON body without its secrets, and whether there were any. What is no JSON has none.
fn without_secrets(body: &[u8]) -> (Vec<u8>, bool) {
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else { return (body.to_vec(), false) };
    if !withhold(&mut value) {
        return (body.to_vec(), false);
    }
    (serde_json::to_vec(&value).unwrap_or_default(), true)
}

fn withhold(value: &mut Value) -> bool {
    let is_secret = |name: &str, value: &Value| {
        value.as_str().is_some_and(|text| SECRET_MEMBERS.contains(&name) || looks_like_secret(text))
    };
    match value {
        Value::Object(members) => {
            let before = members.len();
            members.retain(|name, value| !is_secret(name, value));
            let mut withheld = members.len() < before;
            for value in members.values_mut() {
                withheld |= withhold(value);
            }
            withheld
        }
        Value::Array(items) => {
            let before = items.len();
            items.retain(|value| !is_secret("", value));
            let mut withheld = items.len() < before;
            for value in items {
                withheld |= withhold(value);
            }
            withheld
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kept(body: &Value) -> (Value, bool) {
        let (kept, withheld) = without_secrets(body.to_string().as_bytes());
        (serde_json::from_slice(&kept).unwrap(), withheld)
    }

    #[test]
    fn secrets_are_withheld_wherever_they_stand_and_nothing_else_is() {
        let random = "x".repeat(43);
        let body = json!({
            "client_id": "c", "client_secret": "x", "inner": [{"secret": "y", "id": "z"}, format!("carnet_at_{random}")],
            "client_secret_expires_at": null, "note": format!("carnetsecret{random}"), "scopes": ["admin:read"],
        });
        let expected = json!({
            "client_id": "c", "inner": [{"id": "z"}], "client_secret_expires_at": null, "scopes": ["admin:read"],
        });
        assert_eq!(kept(&body), (expected, true));
        let harmless =
            json!({"client_id": "c", "client_secret": null, "name": format!("carnet_ of {random}")});
        assert_eq!(kept(&harmless), (harmless.clone(), false));
        assert_eq!(without_secrets(b"{\"secret\":"), (b"{\"secret\":".to_vec(), false));
    }

    #[test]
    fn a_key_is_visible_ascii() {
        assert!(is_key("a") && is_key(&"~".repeat(255)));
        for wrong in ["", " ", "a b", "a\t", "é", &"a".repeat(256)] {
            assert!(!is_key(wrong), "{wrong:?}");
        }
    }
}

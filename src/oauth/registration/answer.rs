use axum::response::{IntoResponse, Response};
use carnet_token::Jwk;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::oauth::client_credentials::GRANT_TYPE;
use crate::oauth::state::State;
use crate::operations::Refusal;
use crate::operations::registration::Registered;
use crate::registry::OpaqueToken;

/// The client information response (RFC 7591 §3.2.1, RFC 7592 §3). `bearer` is the token that still holds, if no other
/// was made.
pub(super) fn registered(
    status: StatusCode,
    state: &State,
    made: Registered,
    bearer: Option<&str>,
) -> Response {
    let Registered { client, keys, secret, token } = made;
    let token = token.as_ref().map(OpaqueToken::expose).or(bearer);
    let mut body = json!({
        "client_id": client.id,
        "client_id_issued_at": client.created_at.div_euclid(1000),
        "registration_access_token": token,
        "registration_client_uri": format!("{}/register/{}", state.config().issuer(), client.id),
        "client_name": client.name,
        "token_endpoint_auth_method": client.token_endpoint_auth_method,
        "grant_types": [GRANT_TYPE],
        "response_types": [],
        "scope": client.scopes.join(" "),
        "require_bound_tokens": client.require_bound_tokens,
    });
    if !keys.is_empty() {
        let keys: Vec<Value> = keys.iter().map(Jwk::to_value).collect();
        body["jwks"] = json!({ "keys": keys });
    }
    if let Some(secret) = secret {
        body["client_secret"] = secret.expose().into();
        // It does not expire.
        body["client_secret_expires_at"] = 0.into();
    }
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    no_store((status, content_type, body.to_string()).into_response())
}

/// What holds credentials stays in no cache.
pub(super) fn no_store(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// What is wrong with the metadata, by the names that the members have here.
pub(super) fn in_words(refusal: &Refusal) -> String {
    let Refusal::Invalid(errors) = refusal else { return refusal.to_string() };
    let name = |field: &str| match field {
        "name" => "client_name".to_owned(),
        other => other.to_owned(),
    };
    errors
        .iter()
        .map(|error| format!("{} {}", name(&error.field), error.reason))
        .collect::<Vec<_>>()
        .join("; ")
}

//! `GET /clients/{client_id}/jwks`: the registered public keys of a client, for servers that hold only a `cnf.kid`.

use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::document::Document;
use super::state::State;
use super::token::stale;
use crate::keys::PublishedKeySet;
use crate::registry::ClientEntry;

/// Answers with the usable keys of an enabled client. Of others there is nothing to see.
pub(super) async fn get(
    Extract(state): Extract<State>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let image = match state.registry().current() {
        Ok(image) => image,
        Err(reason) => return stale(reason).into_response(),
    };
    let Some(entry) = image.client(&client_id).filter(ClientEntry::is_active) else {
        let mut response = (
            StatusCode::NOT_FOUND,
            [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")],
            r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"there is no such client"}"#,
        )
            .into_response();
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        return response;
    };
    let now = state.clock().now_millis();
    let usable: Vec<_> =
        entry.keys().iter().filter(|usable| usable.key.not_after.is_none_or(|at| at > now)).collect();
    let youngest = usable.iter().map(|usable| usable.key.created_at).max();
    let keys: Vec<carnet_token::Jwk> = usable
        .into_iter()
        .map(|usable| {
            let mut jwk = usable.key.jwk.clone();
            // What is registered is the truth, whatever the key said of itself.
            jwk.kid = Some(usable.key.kid.clone());
            jwk.alg = Some(usable.key.alg.as_str().to_owned());
            jwk.use_ = Some("sig".to_owned());
            jwk.key_ops = Some(vec!["verify".to_owned()]);
            jwk
        })
        .collect();
    let set = PublishedKeySet::new(&keys, youngest.unwrap_or(entry.client().created_at).div_euclid(1000));
    let cache = state.config().key_set_cache();
    Document::with_etag(set.bytes, &set.etag, "application/jwk-set+json", cache).answer(&headers)
}

//! What this server offers: discovery (RFC 8414, OpenID Connect Discovery 1.0) and its own keys.
//!
//! Every member is true: an endpoint or an algorithm stands here when it is served, and not before.

use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{Request, State as Extract};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::json;

use super::client_credentials::GRANT_TYPE;
use super::document::Document;
use super::state::State;
use super::token::stale;
use crate::config::{Config, KeySetCache};
use crate::keys::{Keyring, PublishedKeySet};
use crate::registry::{TokenEndpointAuthMethod, scope};

/// The documents of one server, prepared at start.
#[derive(Debug)]
pub(super) struct Documents {
    openid_configuration: Document,
    authorization_server: Document,
    cache: KeySetCache,
    // Made anew when the keys have changed; the keyring that they were made from stands beside them.
    key_sets: RwLock<(Arc<Keyring>, KeySets)>,
}

/// The published keys of one moment.
#[derive(Debug, Clone)]
struct KeySets {
    access_tokens: Arc<Document>,
    lists: Arc<Document>,
}

impl KeySets {
    fn of(keys: &Keyring, cache: &KeySetCache) -> Self {
        Self {
            access_tokens: Arc::new(key_set(keys.published(), cache)),
            lists: Arc::new(key_set(keys.published_for_lists(), cache)),
        }
    }
}

impl Documents {
    pub fn prepare(config: &Config, keys: Arc<Keyring>) -> Self {
        let cache = config.key_set_cache();
        let issuer = config.issuer();
        let methods = [
            TokenEndpointAuthMethod::ClientSecretBasic,
            TokenEndpointAuthMethod::ClientSecretPost,
            TokenEndpointAuthMethod::PrivateKeyJwt,
        ];
        let algorithms = carnet_token::Algorithm::ALL;
        let mut common = json!({
            "issuer": issuer,
            "token_endpoint": config.token_endpoint(),
            "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
            "grant_types_supported": [GRANT_TYPE],
            // Required by RFC 8414 §2; there is no authorization endpoint yet.
            "response_types_supported": [],
            "scopes_supported": scope::DEFAULT,
            "token_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": algorithms,
            "dpop_signing_alg_values_supported": super::proof::ALGORITHMS,
            "introspection_endpoint": format!("{issuer}/introspect"),
            "introspection_endpoint_auth_methods_supported": methods,
            "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
            "revocation_endpoint": format!("{issuer}/revoke"),
            "revocation_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
            "revocations_uri": format!("{issuer}/revocations"),
            "trust_list_jwks_uri": format!("{issuer}/trusted-iaps/keys.json"),
            "client_jwks_uri_template": format!("{issuer}/clients/{{client_id}}/jwks"),
        });
        if config.max_self_registered_clients() > 0 {
            common["registration_endpoint"] = json!(format!("{issuer}/register"));
        }
        let mut openid = common.clone();
        // Required by OpenID Connect Discovery §3: every client sees one subject, and no ID token is issued.
        openid["subject_types_supported"] = json!(["public"]);
        openid["id_token_signing_alg_values_supported"] = json!([]);
        let document = |value: serde_json::Value| {
            Document::new(Bytes::from(value.to_string()), "application/json", cache)
        };
        let key_sets = KeySets::of(&keys, cache);
        Self {
            openid_configuration: document(openid),
            authorization_server: document(common),
            cache: *cache,
            key_sets: RwLock::new((keys, key_sets)),
        }
    }

    /// The published keys as of these.
    fn key_sets(&self, keys: &Arc<Keyring>) -> KeySets {
        let known = self.key_sets.read().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&known.0, keys) {
            return known.1.clone();
        }
        drop(known);
        let made = KeySets::of(keys, &self.cache);
        *self.key_sets.write().unwrap_or_else(PoisonError::into_inner) = (Arc::clone(keys), made.clone());
        made
    }
}

/// A key set as it is served, with how long it may be kept.
pub(super) fn key_set(published: &PublishedKeySet, cache: &KeySetCache) -> Document {
    Document::with_etag(published.bytes.clone(), &published.etag, "application/jwk-set+json", cache)
        .modified_at(published.last_modified)
        .valid_until(published.valid_until)
}

/// `GET /.well-known/openid-configuration`
pub(super) async fn openid_configuration(Extract(state): Extract<State>, request: Request) -> Response {
    state.documents().openid_configuration.answer(request.headers())
}

/// `GET /.well-known/oauth-authorization-server`
pub(super) async fn authorization_server(Extract(state): Extract<State>, request: Request) -> Response {
    state.documents().authorization_server.answer(request.headers())
}

/// `GET /.well-known/jwks.json`
pub(super) async fn jwks(Extract(state): Extract<State>, request: Request) -> Response {
    answer(&state, request.headers(), |key_sets| key_sets.access_tokens)
}

/// `GET /trusted-iaps/keys.json`: the keys that sign lists and feeds, never those of access tokens, so that a thief of
/// one of these cannot hide the theft.
pub(super) async fn list_keys(Extract(state): Extract<State>, request: Request) -> Response {
    answer(&state, request.headers(), |key_sets| key_sets.lists)
}

/// Answers with published keys, also for a while after the database was seen last, so that tokens can be verified
/// without it: for as long as a cache may go on when nobody answers. Then a key may have been revoked long ago.
fn answer(state: &State, headers: &HeaderMap, pick: impl FnOnce(KeySets) -> Arc<Document>) -> Response {
    if let Err(reason) = state.registry().current() {
        let seen = state.registry().observe().age.as_secs();
        let longest = state.config().key_set_cache().stale_if_error;
        if i64::try_from(seen).is_ok_and(|seen| seen < longest) {
            tracing::debug!(%reason, "keys are published as they were seen last");
        } else {
            return stale(reason).into_response();
        }
    }
    let document = pick(state.documents().key_sets(&state.keys().current()));
    document.answer_at(headers, state.clock().now())
}

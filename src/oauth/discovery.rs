//! What this server offers: discovery (RFC 8414, OpenID Connect Discovery 1.0) and its own keys.
//!
//! Every member is true: an endpoint or an algorithm stands here when it is served, and not before.

use axum::extract::State as Extract;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::json;

use super::client_credentials::GRANT_TYPE;
use super::document::Document;
use super::state::State;
use crate::config::Config;
use crate::keys::Keyring;
use crate::registry::{TokenEndpointAuthMethod, scope};

/// The documents of one server, prepared at start.
#[derive(Debug)]
pub(super) struct Documents {
    openid_configuration: Document,
    authorization_server: Document,
    jwks: Document,
}

impl Documents {
    pub fn prepare(config: &Config, keys: &Keyring) -> Self {
        let cache = config.key_set_cache();
        let issuer = config.issuer();
        let common = json!({
            "issuer": issuer,
            "token_endpoint": config.token_endpoint(),
            "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
            "grant_types_supported": [GRANT_TYPE],
            // Required by RFC 8414 §2; there is no authorization endpoint yet.
            "response_types_supported": [],
            "scopes_supported": scope::DEFAULT,
            "token_endpoint_auth_methods_supported": [
                TokenEndpointAuthMethod::ClientSecretBasic,
                TokenEndpointAuthMethod::ClientSecretPost,
                TokenEndpointAuthMethod::PrivateKeyJwt,
            ],
            "token_endpoint_auth_signing_alg_values_supported": carnet_token::Algorithm::ALL,
            "client_jwks_uri_template": format!("{issuer}/clients/{{client_id}}/jwks"),
        });
        let mut openid = common.clone();
        // Required by OpenID Connect Discovery §3: every client sees one subject, and no ID token is issued.
        openid["subject_types_supported"] = json!(["public"]);
        openid["id_token_signing_alg_values_supported"] = json!([]);
        let document = |value: serde_json::Value| {
            Document::new(Bytes::from(value.to_string()), "application/json", cache)
        };
        let published = keys.published();
        Self {
            openid_configuration: document(openid),
            authorization_server: document(common),
            jwks: Document::with_etag(
                published.bytes.clone(),
                &published.etag,
                "application/jwk-set+json",
                cache,
            )
            .modified_at(published.last_modified),
        }
    }
}

/// `GET /.well-known/openid-configuration`
pub(super) async fn openid_configuration(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    state.documents().openid_configuration.answer(&headers)
}

/// `GET /.well-known/oauth-authorization-server`
pub(super) async fn authorization_server(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    state.documents().authorization_server.answer(&headers)
}

/// `GET /.well-known/jwks.json`
pub(super) async fn jwks(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    state.documents().jwks.answer(&headers)
}

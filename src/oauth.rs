//! The public face of the identity provider: the token endpoint, introspection and revocation, registration by
//! clients themselves, discovery, the published keys and the revocation feed.
//!
//! A token request passes the steps of `token` in order; nothing on its way asks the database, parses a key or
//! writes configuration as JSON. The exceptions are those that the specification names: administration tokens, and
//! with several nodes the identifiers of client assertions.

mod audience;
mod authenticated_form;
mod authorization;
mod basic;
mod bounded;
mod client_assertion;
mod client_authentication;
mod client_credentials;
mod client_jwks;
mod client_secret;
mod discovery;
mod document;
mod error;
mod form;
mod imported_secret;
mod introspection;
mod mint;
mod own_token;
mod percent;
mod proof;
mod registration;
mod replay;
mod response;
mod revocation;
mod revocation_feed;
mod scope;
mod secret_use;
mod state;
mod throttle;
mod token;

use axum::Router;
use axum::routing::{get, post};

pub use error::{ErrorCode, OAuthError};
pub use state::State;

/// The public routes.
pub fn router(state: State) -> Router {
    let token = || post(token::post).fallback(token::wrong_method);
    let self_registration = state.config().max_self_registered_clients() > 0;
    let router = Router::new()
        .route("/token", token())
        .route("/oauth2/token", token())
        .route("/.well-known/openid-configuration", get(discovery::openid_configuration))
        .route("/.well-known/oauth-authorization-server", get(discovery::authorization_server))
        .route("/.well-known/jwks.json", get(discovery::jwks))
        .route("/.well-known/openid-configuration/jwks", get(discovery::jwks))
        .route("/clients/{client_id}/jwks", get(client_jwks::get))
        .route("/introspect", post(introspection::post).fallback(authenticated_form::wrong_method))
        .route("/revoke", post(revocation::post).fallback(authenticated_form::wrong_method))
        .route("/revocations", get(revocation_feed::get))
        .route("/trusted-iaps/keys.json", get(discovery::list_keys));
    let router = if self_registration { router.merge(registration::router()) } else { router };
    router.with_state(state)
}

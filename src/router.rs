//! Every route of the identity provider.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};

use crate::app::App;
use crate::http::{Guard, client_address, guard};
use crate::registry::Follower;
use crate::{admin, oauth, operations};

/// How long one request may take, its body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What the public listener answers.
pub fn public(app: &App, oauth: oauth::State) -> Router {
    let router = Router::new().merge(oauth::router(oauth)).merge(health(app)).fallback(not_found);
    let hosts = app.config.public_hosts().to_vec();
    let router = client_address(router, app.config.proxies().clone());
    guard(router, Guard { hosts, origins: None, timeout: REQUEST_TIMEOUT })
}

/// What the administration listener answers.
pub fn administration(app: &App) -> Router {
    let router = Router::new().merge(admin::router(operations::Context::new(app))).merge(health(app));
    let hosts = app.config.admin_hosts().to_vec();
    // A page of another origin has no business here, whatever token it may have got hold of.
    let origins =
        hosts.iter().flat_map(|host| [format!("https://{host}"), format!("http://{host}")]).collect();
    guard(router, Guard { hosts, origins: Some(origins), timeout: REQUEST_TIMEOUT })
}

fn health(app: &App) -> Router {
    Router::new()
        .route("/healthz", get(|| async { plain(StatusCode::OK, "ok\n") }))
        .route("/readyz", get(ready))
        .with_state(app.registry.clone())
}

/// Ready while the registry's image is fresh, which takes the database and a clock that agrees with it. What
/// is wrong stands in the log, not in the answer.
async fn ready(State(registry): State<Follower>) -> Response {
    match registry.current() {
        Ok(_) => plain(StatusCode::OK, "ready\n"),
        Err(reason) => {
            tracing::warn!(%reason, "not ready");
            plain(StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    }
}

async fn not_found() -> Response {
    (
        StatusCode::NOT_FOUND,
        [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")],
        r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"nothing is served at this path; what is served stands in /.well-known/openid-configuration"}"#,
    )
        .into_response()
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], text)
        .into_response()
}

//! Every route of the identity provider.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode, header};

use crate::app::App;
use crate::http::{Guard, Watch, guard};
use crate::registry::Follower;
use crate::telemetry::metrics::{CONTENT_TYPE, Metrics, NotAdmitted, Readers};
use crate::{admin, oauth, operations};

/// How long one request may take, its body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What the public listener answers.
pub fn public(app: &App, oauth: oauth::State) -> Router {
    let router = Router::new().merge(oauth::router(oauth)).merge(health(app)).fallback(not_found);
    let hosts = app.config.public_hosts().to_vec();
    let (proxies, watch) = (Some(app.config.proxies().clone()), watch(app, "public"));
    guard(router, Guard { hosts, origins: None, proxies, timeout: REQUEST_TIMEOUT, watch })
}

/// What the administration listener answers.
pub fn administration(app: &App) -> Router {
    let router = Router::new()
        .merge(admin::router(operations::Context::new(app)))
        .merge(health(app))
        .merge(metrics(app));
    let hosts = app.config.admin_hosts().to_vec();
    // A page of another origin has no business here, whatever token it may have got hold of.
    let origins =
        hosts.iter().flat_map(|host| [format!("https://{host}"), format!("http://{host}")]).collect();
    let watch = watch(app, "administration");
    guard(router, Guard { hosts, origins: Some(origins), proxies: None, timeout: REQUEST_TIMEOUT, watch })
}

fn watch(app: &App, listener: &'static str) -> Watch {
    let trusted = app.config.tracing().map(|tracing| tracing.trust_traceparent_from.clone());
    Watch::new(&app.metrics, listener, app.clock.clone(), trusted.unwrap_or_default())
}

fn metrics(app: &App) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .with_state((app.metrics.clone(), app.metrics_readers.clone()))
}

async fn scrape(
    State((metrics, readers)): State<(Metrics, Readers)>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    readers.admit(&headers).map_err(not_admitted)?;
    // It reads files, and may count a large registry.
    let text = tokio::task::spawn_blocking(move || metrics.text()).await.map_err(|error| {
        tracing::error!(%error, "the metrics could not be written");
        plain(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written; the log says why\n")
    })?;
    let headers = [(header::CONTENT_TYPE, CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, text).into_response())
}

fn not_admitted(reason: NotAdmitted) -> Response {
    match reason {
        NotAdmitted::Token => (
            [(header::WWW_AUTHENTICATE, r#"Bearer realm="carnet-metrics""#)],
            plain(
                StatusCode::UNAUTHORIZED,
                "send Authorization: Bearer with the token of the file that metrics.token_file names\n",
            ),
        )
            .into_response(),
        NotAdmitted::NotConfigured => plain(
            StatusCode::FORBIDDEN,
            "this listener is not on loopback: set metrics.token_file to a file with a token, and show that\n",
        ),
    }
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

//! Every route of the server.

use std::time::Duration;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use carnet_verifier::FeedStanding;
use http::StatusCode;
use serde_json::{Value, json};

use crate::v2020::{self, Face, READ, WRITE, acl, create, read};

pub(crate) fn router(face: Face) -> Router {
    let routes = Router::new()
        .route("/{company}", post(create::at_company))
        .route("/{company}/{id}", get(read::read).post(create::at_address))
        .route("/{company}/{id}/acl", get(acl::read).post(acl::add))
        .fallback(v2020::no_such_route)
        .method_not_allowed_fallback(v2020::method_not_allowed)
        .with_state(face.clone());
    // Around the routes and not in them: who is asking comes before everything that could tell what is here, the
    // methods of a route among it.
    let v2020 = Router::new()
        .fallback_service(routes)
        .layer(middleware::from_fn_with_state(face.clone(), v2020::authenticate))
        .layer(middleware::from_fn_with_state(face.clone(), v2020::finish));
    Router::new()
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .route(RESOURCE_METADATA, get(resource_metadata))
        .merge(v2020)
        .with_state(face)
}

/// What this server says of itself to clients that do not know it yet (RFC 9728).
pub(crate) const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource";

async fn resource_metadata(State(face): State<Face>) -> ([(http::HeaderName, &'static str); 2], Json<Value>) {
    let headers = [
        (http::header::CACHE_CONTROL, "public, max-age=300"),
        (http::header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, Json(face.verifier.resource_metadata(face.audience(), &[READ, WRITE])))
}

async fn healthy() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// How long `/readyz` waits for the IAP.
const WARM_UP: Duration = Duration::from_secs(2);

/// Ready when the database answers, there are keys to verify tokens with, and requests are not all refused because it
/// is not known what was revoked. Says what is missing, not why.
async fn ready(State(face): State<Face>) -> (StatusCode, Json<Value>) {
    let database = match sqlx::query("SELECT 1").execute(face.core.database.reader().pool()).await {
        Ok(_) => true,
        Err(error) => {
            tracing::error!(%error, "the record database does not answer");
            false
        }
    };
    let has_keys = || face.verifier.status().iter().any(|issuer| issuer.keys > 0);
    if !has_keys() {
        // Single flight and a minimal interval are the verifier's: asking often costs the IAP nothing.
        let _ = tokio::time::timeout(WARM_UP, face.verifier.warm_up()).await;
    }
    let keys = has_keys();
    let (revocations, serves) = revocations(&face);
    let word = |good: bool| if good { "ok" } else { "unavailable" };
    let is_ready = database && keys && serves;
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "status": if is_ready { "ready" } else { "not ready" },
        "database": word(database), "keys": word(keys), "revocations": revocations,
    });
    (status, Json(body))
}

/// How well it is known what the IAP has revoked, and whether anything is served that way.
fn revocations(face: &Face) -> (&'static str, bool) {
    let states = face.verifier.feed_states();
    let any = |standing: FeedStanding| states.iter().any(|feed| feed.standing == standing);
    if any(FeedStanding::Lost) {
        ("unavailable", face.allows_reads_without_feed())
    } else if any(FeedStanding::Degraded) {
        ("degraded", true)
    } else {
        ("ok", true)
    }
}

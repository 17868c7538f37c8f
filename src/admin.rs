//! The administration API under `/admin/v1`: it renders [`crate::operations`] and decides nothing.
//!
//! One operation per file. The OpenAPI document is made from the same code, and the table of routes from the
//! document, so that a route that is served but not documented, or not guarded, cannot hide.

mod api_error;
mod authorization;
mod client_keys;
mod client_secrets;
mod clients;
mod created;
mod document;
mod entity_tag;
mod identifiers;
mod journal;
mod json_body;
mod openapi;
mod page;
mod participants;
mod path_text;
mod resource_servers;
mod rfc3339;
mod route_table;

use axum::{Router, middleware};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use document::openapi;
pub use rfc3339::{parse_rfc3339, rfc3339};
pub use route_table::{Route, route_table};

use crate::operations::Context;

/// Every route of the administration API, with its whole path.
///
/// What is not served at all answers 404 here too, so that the listener speaks one language.
pub fn router(context: Context) -> Router {
    let (router, _) = routes().split_for_parts();
    router
        .fallback(api_error::not_found)
        .method_not_allowed_fallback(api_error::method_not_allowed)
        .layer(middleware::from_fn_with_state(context.clone(), api_error::render))
        .with_state(context)
}

/// Every route, once.
fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(participants::create::create, participants::list::list))
        .routes(routes!(participants::get::get))
        .routes(routes!(participants::disable::disable))
        .routes(routes!(participants::enable::enable))
        .routes(routes!(identifiers::add::add, identifiers::list::list))
        .routes(routes!(resource_servers::create::create, resource_servers::list::list))
        .routes(routes!(resource_servers::get::get, resource_servers::update::update))
        .routes(routes!(clients::create::create, clients::list::list))
        .routes(routes!(clients::get::get))
        .routes(routes!(clients::disable::disable))
        .routes(routes!(clients::enable::enable))
        .routes(routes!(client_secrets::add::add, client_secrets::list::list))
        .routes(routes!(client_secrets::revoke::revoke))
        .routes(routes!(client_keys::add::add, client_keys::list::list))
        .routes(routes!(client_keys::revoke::revoke))
        .routes(routes!(journal::list::list))
        .routes(routes!(journal::head::head))
        .routes(routes!(openapi::get))
}

//! The administration API under `/admin/v1`: it renders [`crate::operations`] and decides nothing.
//!
//! One operation per file. The OpenAPI document is made from the same code, and the table of routes from the
//! document, so that a route that is served but not documented, or not guarded, cannot hide.

mod administrators;
mod api_error;
mod approvals;
mod authorization;
mod calls;
mod client_keys;
mod client_secrets;
mod clients;
mod created;
mod document;
mod entity_tag;
mod expiring;
mod identifiers;
mod initial_access_tokens;
mod journal;
mod json_body;
mod openapi;
mod page;
mod parameters;
mod participants;
mod path_text;
mod resource_servers;
mod rfc3339;
mod route_table;
mod signing_keys;
mod tokens;

use axum::{Router, middleware};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use document::openapi;
pub use rfc3339::{parse_rfc3339, rfc3339};
pub use route_table::{Route, route_table};

use self::calls::Calls;
use crate::operations::Context;

/// Every route of the administration API, with its whole path.
///
/// What is not served at all answers 404 here too, so that the listener speaks one language.
pub fn router(context: Context) -> Router {
    let routes = routing();
    let calls = Calls { context: context.clone(), routes: routes.clone() };
    routes
        .layer(middleware::from_fn_with_state(calls, calls::handle))
        .layer(middleware::from_fn_with_state(context.clone(), api_error::render))
        .with_state(context)
}

/// The routes alone: what requests that change something, and approved ones, are sent to.
fn routing() -> Router<Context> {
    let (router, _) = routes().split_for_parts();
    router.fallback(api_error::not_found).method_not_allowed_fallback(api_error::method_not_allowed)
}

/// Every route, once.
fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(participants::create::create, participants::list::list))
        .routes(routes!(participants::get::get, participants::update::update))
        .routes(routes!(participants::disable::disable))
        .routes(routes!(participants::enable::enable))
        .routes(routes!(identifiers::add::add, identifiers::list::list))
        .routes(routes!(identifiers::suspend::suspend))
        .routes(routes!(identifiers::resume::resume))
        .routes(routes!(initial_access_tokens::add::add, initial_access_tokens::list::list))
        .routes(routes!(initial_access_tokens::revoke::revoke))
        .routes(routes!(resource_servers::create::create, resource_servers::list::list))
        .routes(routes!(resource_servers::get::get, resource_servers::update::update))
        .routes(routes!(resource_servers::disable::disable))
        .routes(routes!(resource_servers::enable::enable))
        .routes(routes!(clients::create::create, clients::list::list))
        .routes(routes!(clients::get::get, clients::update::update))
        .routes(routes!(clients::disable::disable))
        .routes(routes!(clients::enable::enable))
        .routes(routes!(client_secrets::add::add, client_secrets::list::list))
        .routes(routes!(client_secrets::rotate::rotate))
        .routes(routes!(client_secrets::revoke::revoke))
        .routes(routes!(client_keys::add::add, client_keys::list::list))
        .routes(routes!(client_keys::revoke::revoke))
        .routes(routes!(signing_keys::list::list))
        .routes(routes!(signing_keys::rotate::rotate))
        .routes(routes!(signing_keys::revoke::revoke))
        .routes(routes!(expiring::list))
        .routes(routes!(administrators::create::create, administrators::list::list))
        .routes(routes!(administrators::get::get, administrators::update::update))
        .routes(routes!(administrators::disable::disable))
        .routes(routes!(administrators::enable::enable))
        .routes(routes!(approvals::list::list))
        .routes(routes!(approvals::get::get))
        .routes(routes!(approvals::approve::approve))
        .routes(routes!(approvals::reject::reject))
        .routes(routes!(approvals::execute::execute))
        .routes(routes!(tokens::revoke::revoke))
        .routes(routes!(journal::list::list))
        .routes(routes!(journal::head::head))
        .routes(routes!(openapi::get))
}

use axum::extract::State;
use axum::response::Response;

use super::ResourceServerBody;
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayRead;
use crate::admin::json_body::json_response;
use crate::admin::page::{List, PageQuery};
use crate::operations::{self, Context};

/// List resource servers
///
/// The oldest first.
#[utoipa::path(
    get,
    path = "/admin/v1/resource-servers",
    operation_id = "listResourceServers",
    tag = "resource servers",
    security(("administration_token" = ["admin:registry:read"])),
    params(PageQuery),
    responses(
        (status = 200, description = "A page.", body = List<ResourceServerBody>)
    )
)]
pub(in crate::admin) async fn list(
    State(context): State<Context>,
    _: MayRead,
    query: PageQuery,
) -> Result<Response, ApiError> {
    let page = operations::resource_server::list(&context, &query.request()).await?;
    Ok(json_response(&List::<ResourceServerBody>::new(page.items, page.next_cursor.as_ref())))
}

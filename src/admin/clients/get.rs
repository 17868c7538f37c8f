use axum::extract::State;
use axum::response::Response;

use super::{ClientBody, shown};
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayRead;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context};

/// Show a client
#[utoipa::path(
    get,
    path = "/admin/v1/clients/{client_id}",
    operation_id = "getClient",
    tag = "clients",
    security(("administration_token" = ["admin:registry:read"])),
    params(("client_id" = String, Path, description = "The client's id.", max_length = 64)),
    responses(
        (status = 200, description = "The client.", body = ClientBody, headers(("ETag" = String, description = "Its version, for If-Match.")))
    )
)]
pub(in crate::admin) async fn get(
    State(context): State<Context>,
    _: MayRead,
    PathText(client_id): PathText<Segment>,
) -> Result<Response, ApiError> {
    let details = operations::client::get(&context, client_id.as_str()).await?;
    Ok(shown(details))
}

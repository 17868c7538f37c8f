use axum::extract::State;
use axum::response::Response;

use super::{ClientBody, shown};
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayWrite;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context};

/// Enable a client
///
/// It gets tokens again.
/// Repeating it changes nothing.
#[utoipa::path(
    post,
    path = "/admin/v1/clients/{client_id}/enable",
    operation_id = "enableClient",
    tag = "clients",
    security(("administration_token" = ["admin:registry:write"])),
    params(("client_id" = String, Path, description = "The client's id.", max_length = 64)),
    responses(
        (status = 200, description = "The client as it is now.", body = ClientBody, headers(("ETag" = String, description = "Its version, for If-Match.")))
    )
)]
pub(in crate::admin) async fn enable(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText(client_id): PathText<Segment>,
) -> Result<Response, ApiError> {
    let details = operations::client::enable(&context, &actor, client_id.as_str()).await?;
    Ok(shown(details))
}

use axum::extract::State;
use axum::response::Response;

use super::{ClientBody, shown};
use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayWrite;
use crate::admin::json_body::JsonBody;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::client::ClientChange;
use crate::operations::{self, Context};

/// Change a client
///
/// What is left out stays as it is; null gives a member its default again.
#[utoipa::path(
    patch,
    path = "/admin/v1/clients/{client_id}",
    operation_id = "updateClient",
    tag = "clients",
    security(("administration_token" = ["admin:registry:write"])),
    params(("client_id" = String, Path, description = "The client's id.", max_length = 64)),
    request_body(content = ClientChange),
    responses(
        (status = 200, description = "The client as it is now.", body = ClientBody, headers(("ETag" = String, description = "Its version, for If-Match."))),
        (status = 409, description = "It is an administrator.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn update(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText(client_id): PathText<Segment>,
    JsonBody(change): JsonBody<ClientChange>,
) -> Result<Response, ApiError> {
    let details = operations::client::update(&context, &actor, client_id.as_str(), change).await?;
    Ok(shown(details))
}

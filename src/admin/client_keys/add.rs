use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::KeyBody;
use crate::admin::api_error::{ApiError, Problem};
use crate::admin::authorization::MayWrite;
use crate::admin::json_body::{JsonBody, json_response};
use crate::admin::page::List;
use crate::admin::path_text::{PathText, Segment};
use crate::operations::client_key::NewKeys;
use crate::operations::{self, Context};

/// Register public keys
///
/// All of them, or none. Private key material is refused.
#[utoipa::path(
    post,
    path = "/admin/v1/clients/{client_id}/keys",
    operation_id = "addClientKeys",
    tag = "client keys",
    security(("administration_token" = ["admin:registry:write"])),
    params(("client_id" = String, Path, description = "The client's id.", max_length = 64)),
    request_body(content = NewKeys),
    responses(
        (status = 201, description = "Registered.", body = List<KeyBody>),
        (status = 409, description = "A key is registered already, here or for another client.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::admin) async fn add(
    State(context): State<Context>,
    MayWrite(actor): MayWrite,
    PathText(client_id): PathText<Segment>,
    JsonBody(new): JsonBody<NewKeys>,
) -> Result<Response, ApiError> {
    let added = operations::client_key::add(&context, &actor, client_id.as_str(), new).await?;
    Ok((StatusCode::CREATED, json_response(&List::<KeyBody>::new(added, None))).into_response())
}

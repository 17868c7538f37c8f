use axum::extract::State;
use axum::response::Response;

use super::ParticipantBody;
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayRead;
use crate::admin::json_body::json_response;
use crate::admin::page::{List, PageQuery};
use crate::operations::{self, Context};

/// List participants
///
/// The oldest first.
#[utoipa::path(
    get,
    path = "/admin/v1/participants",
    operation_id = "listParticipants",
    tag = "participants",
    security(("administration_token" = ["admin:registry:read"])),
    params(PageQuery),
    responses(
        (status = 200, description = "A page.", body = List<ParticipantBody>)
    )
)]
pub(in crate::admin) async fn list(
    State(context): State<Context>,
    _: MayRead,
    query: PageQuery,
) -> Result<Response, ApiError> {
    let page = operations::participant::list(&context, &query.request()).await?;
    Ok(json_response(&List::<ParticipantBody>::new(page.items, page.next_cursor.as_ref())))
}

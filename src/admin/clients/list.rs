use axum::extract::State;
use axum::response::Response;

use super::ClientBody;
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayRead;
use crate::admin::json_body::json_response;
use crate::admin::page::{ClientQuery, List};
use crate::operations::{self, Context};

/// List clients
///
/// The oldest first; of all participants, or of one.
#[utoipa::path(
    get,
    path = "/admin/v1/clients",
    operation_id = "listClients",
    tag = "clients",
    security(("administration_token" = ["admin:registry:read"])),
    params(ClientQuery),
    responses(
        (status = 200, description = "A page.", body = List<ClientBody>)
    )
)]
pub(in crate::admin) async fn list(
    State(context): State<Context>,
    _: MayRead,
    query: ClientQuery,
) -> Result<Response, ApiError> {
    let participant_id = query.participant_id.as_deref();
    let page = operations::client::list(&context, participant_id, &query.request()).await?;
    Ok(json_response(&List::<ClientBody>::new(page.items, page.next_cursor.as_ref())))
}

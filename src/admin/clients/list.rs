use axum::extract::State;
use axum::response::Response;
use utoipa::IntoParams;

use super::ClientBody;
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayRead;
use crate::admin::json_body::json_response;
use crate::admin::page::{Filter, Filtered, List, PageQuery};
use crate::admin::parameters::Parameters;
use crate::operations::{self, Context};

/// Whose clients.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct ClientFilter {
    /// Only the clients of this participant.
    #[param(max_length = 64)]
    participant_id: Option<String>,
}

impl Filter for ClientFilter {
    const NAMES: &'static [&'static str] = &["participant_id"];

    fn take(given: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self { participant_id: given.text("participant_id") })
    }
}

/// List clients
///
/// The oldest first; of all participants, or of one.
#[utoipa::path(
    get,
    path = "/admin/v1/clients",
    operation_id = "listClients",
    tag = "clients",
    security(("administration_token" = ["admin:registry:read"])),
    params(ClientFilter, PageQuery),
    responses(
        (status = 200, description = "A page.", body = List<ClientBody>)
    )
)]
pub(in crate::admin) async fn list(
    State(context): State<Context>,
    _: MayRead,
    query: Filtered<ClientFilter>,
) -> Result<Response, ApiError> {
    let participant_id = query.filter.participant_id.as_deref();
    let page = operations::client::list(&context, participant_id, &query.request()).await?;
    Ok(json_response(&List::<ClientBody>::new(page.items, page.next_cursor.as_ref())))
}

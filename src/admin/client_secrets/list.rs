use axum::extract::State;
use axum::response::Response;

use super::SecretBody;
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayRead;
use crate::admin::json_body::json_response;
use crate::admin::page::{List, PageQuery};
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context};

/// List client secrets
///
/// The oldest first, the revoked ones too; never the secrets themselves.
#[utoipa::path(
    get,
    path = "/admin/v1/clients/{client_id}/secrets",
    operation_id = "listClientSecrets",
    tag = "client secrets",
    security(("administration_token" = ["admin:registry:read"])),
    params(("client_id" = String, Path, description = "The client's id.", max_length = 64), PageQuery),
    responses(
        (status = 200, description = "A page.", body = List<SecretBody>)
    )
)]
pub(in crate::admin) async fn list(
    State(context): State<Context>,
    _: MayRead,
    PathText(client_id): PathText<Segment>,
    query: PageQuery,
) -> Result<Response, ApiError> {
    let page = operations::client_secret::list(&context, client_id.as_str(), &query.request()).await?;
    Ok(json_response(&List::<SecretBody>::new(page.items, page.next_cursor.as_ref())))
}

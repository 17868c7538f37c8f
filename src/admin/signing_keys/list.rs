use axum::extract::State;
use axum::response::Response;

use super::SigningKeyBody;
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayReadKeys;
use crate::admin::json_body::json_response;
use crate::admin::page::{KeyQuery, List};
use crate::operations::{self, Context};

/// List signing keys
///
/// The oldest first; those that are retired or revoked only with `ended=true`.
#[utoipa::path(
    get,
    path = "/admin/v1/signing-keys",
    operation_id = "listSigningKeys",
    tag = "signing keys",
    security(("administration_token" = ["admin:keys:read"])),
    params(KeyQuery),
    responses(
        (status = 200, description = "A page.", body = List<SigningKeyBody>)
    )
)]
pub(in crate::admin) async fn list(
    State(context): State<Context>,
    _: MayReadKeys,
    query: KeyQuery,
) -> Result<Response, ApiError> {
    let page = operations::signing_key::list(&context, query.ended, &query.request()).await?;
    Ok(json_response(&List::<SigningKeyBody>::new(page.items, page.next_cursor.as_ref())))
}

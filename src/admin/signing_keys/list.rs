use axum::extract::State;
use axum::response::Response;
use utoipa::IntoParams;

use super::SigningKeyBody;
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayReadKeys;
use crate::admin::json_body::json_response;
use crate::admin::page::{Filter, Filtered, List, PageQuery};
use crate::admin::parameters::Parameters;
use crate::operations::{self, Context};

/// Whether the keys that have ended are wanted, too.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct KeyFilter {
    /// Also those that are retired or revoked; false unless given.
    #[param(value_type = Option<bool>)]
    ended: bool,
}

impl Filter for KeyFilter {
    const NAMES: &'static [&'static str] = &["ended"];

    fn take(given: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self { ended: given.flag("ended")? })
    }
}

/// List signing keys
///
/// The oldest first; those that are retired or revoked only with `ended=true`.
#[utoipa::path(
    get,
    path = "/admin/v1/signing-keys",
    operation_id = "listSigningKeys",
    tag = "signing keys",
    security(("administration_token" = ["admin:keys:read"])),
    params(KeyFilter, PageQuery),
    responses(
        (status = 200, description = "A page.", body = List<SigningKeyBody>)
    )
)]
pub(in crate::admin) async fn list(
    State(context): State<Context>,
    _: MayReadKeys,
    query: Filtered<KeyFilter>,
) -> Result<Response, ApiError> {
    let page = operations::signing_key::list(&context, query.filter.ended, &query.request()).await?;
    Ok(json_response(&List::<SigningKeyBody>::new(page.items, page.next_cursor.as_ref())))
}

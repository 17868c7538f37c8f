use axum::extract::State;
use axum::response::Response;
use utoipa::IntoParams;

use super::ApprovalBody;
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayRead;
use crate::admin::json_body::json_response;
use crate::admin::page::{Filter, Filtered, List, PageQuery};
use crate::admin::parameters::Parameters;
use crate::operations::{self, Context};

/// In which state they are.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct ApprovalFilter {
    /// Only those of this state: `pending`, `approved`, `executed` or `rejected`.
    #[param(max_length = 16)]
    state: Option<String>,
}

impl Filter for ApprovalFilter {
    const NAMES: &'static [&'static str] = &["state"];

    fn take(given: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self { state: given.text("state") })
    }
}

/// List requests that wait for a second administrator
///
/// And those that waited, the oldest first.
#[utoipa::path(
    get,
    path = "/admin/v1/approvals",
    operation_id = "listApprovals",
    tag = "approvals",
    security(("administration_token" = ["admin:registry:read"])),
    params(ApprovalFilter, PageQuery),
    responses(
        (status = 200, description = "A page.", body = List<ApprovalBody>)
    )
)]
pub(in crate::admin) async fn list(
    State(context): State<Context>,
    _: MayRead,
    query: Filtered<ApprovalFilter>,
) -> Result<Response, ApiError> {
    let state = query.filter.state.as_deref();
    let page = operations::approval::list(&context, state, &query.request()).await?;
    Ok(json_response(&List::<ApprovalBody>::new(page.items, page.next_cursor.as_ref())))
}

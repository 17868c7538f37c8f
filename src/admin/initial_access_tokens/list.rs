use axum::extract::State;
use axum::response::Response;

use super::InitialAccessTokenBody;
use crate::admin::api_error::ApiError;
use crate::admin::authorization::MayRead;
use crate::admin::json_body::json_response;
use crate::admin::page::{List, PageQuery};
use crate::admin::path_text::{PathText, Segment};
use crate::operations::{self, Context};

/// List initial access tokens
///
/// The oldest first, those that are good for nothing any more too; never the tokens themselves.
#[utoipa::path(
    get,
    path = "/admin/v1/participants/{id}/initial-access-tokens",
    operation_id = "listInitialAccessTokens",
    tag = "initial access tokens",
    security(("administration_token" = ["admin:registry:read"])),
    params(("id" = String, Path, description = "The participant's id.", max_length = 64), PageQuery),
    responses(
        (status = 200, description = "A page.", body = List<InitialAccessTokenBody>)
    )
)]
pub(in crate::admin) async fn list(
    State(context): State<Context>,
    _: MayRead,
    PathText(id): PathText<Segment>,
    query: PageQuery,
) -> Result<Response, ApiError> {
    let page = operations::initial_access_token::list(&context, id.as_str(), &query.request()).await?;
    Ok(json_response(&List::<InitialAccessTokenBody>::new(page.items, page.next_cursor.as_ref())))
}

pub(super) mod add;
pub(super) mod list;
pub(super) mod resume;
pub(super) mod suspend;

use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::entity_tag::with_etag;
use super::json_body::json_response;
use super::rfc3339;
use crate::operations::version;
use crate::registry::{OneRecordId, OneRecordIdStatus};

/// A ONE Record ID of a participant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Identifier, example = json!({
    "uri": "https://1r.example.com/airline",
    "participant_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "main": true,
    "status": "approved",
    "created_at": "2027-01-15T08:00:00.000Z"
}))]
pub(super) struct IdentifierBody {
    /// The URI.
    uri: String,
    /// Whose it is.
    participant_id: String,
    /// Whether it stands in tokens of clients that are registered for no other.
    main: bool,
    /// Whether it may stand in tokens.
    status: OneRecordIdStatus,
    /// When it was registered.
    #[schema(format = DateTime)]
    created_at: String,
}

/// A ONE Record ID with its version.
fn shown(id: OneRecordId) -> Response {
    let version = version(&id);
    with_etag(json_response(&IdentifierBody::from(id)), &version)
}

impl From<OneRecordId> for IdentifierBody {
    fn from(id: OneRecordId) -> Self {
        Self {
            uri: id.uri,
            participant_id: id.participant_id,
            main: id.main,
            status: id.status,
            created_at: rfc3339(id.created_at),
        }
    }
}

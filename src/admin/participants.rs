pub(super) mod create;
pub(super) mod disable;
pub(super) mod enable;
pub(super) mod get;
pub(super) mod list;
pub(super) mod update;

use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::entity_tag::with_etag;
use super::json_body::json_response;
use super::rfc3339;
use crate::operations::version;
use crate::registry::{Participant, Status};

/// A company registered with this identity provider.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Participant, example = json!({
    "id": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "name": "Example Airline",
    "iol_identifier": "https://1r.example.com/airline",
    "logistics_agent_uri": "https://1r.example.com/logistics-objects/airline",
    "roles": ["CAR"],
    "status": "active",
    "created_at": "2027-01-15T08:00:00.000Z",
    "updated_at": "2027-01-15T08:00:00.000Z"
}))]
pub(super) struct ParticipantBody {
    /// Its id here.
    id: String,
    /// Its name, for people.
    name: String,
    /// Its main ONE Record ID.
    iol_identifier: String,
    /// The same company in the current standard.
    logistics_agent_uri: String,
    /// Stakeholder roles, the main one first.
    roles: Vec<String>,
    /// Whether its clients get tokens.
    status: Status,
    /// When it was registered.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    updated_at: String,
}

/// A participant with its version.
fn shown(participant: Participant) -> Response {
    let version = version(&participant);
    with_etag(json_response(&ParticipantBody::from(participant)), &version)
}

impl From<Participant> for ParticipantBody {
    fn from(participant: Participant) -> Self {
        Self {
            id: participant.id,
            name: participant.name,
            iol_identifier: participant.iol_identifier,
            logistics_agent_uri: participant.logistics_agent_uri,
            roles: participant.roles.into_iter().map(String::from).collect(),
            status: participant.status,
            created_at: rfc3339(participant.created_at),
            updated_at: rfc3339(participant.updated_at),
        }
    }
}

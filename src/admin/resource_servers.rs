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
use crate::registry::{AccessTokenTyp, ResourceServer, SigningAlgorithm, Status};

/// A server that accepts access tokens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ResourceServer, example = json!({
    "id": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "identifier": "https://record.example.com",
    "name": "Example's ONE Record server",
    "access_token_typ": "at+jwt",
    "signing_alg": "RS256",
    "scopes": ["logistics_objects:read", "logistics_objects:write", "events:write"],
    "is_default": false,
    "status": "active",
    "created_at": "2027-01-15T08:00:00.000Z",
    "updated_at": "2027-01-15T08:00:00.000Z"
}))]
pub(super) struct ResourceServerBody {
    /// Its id here.
    id: String,
    /// What stands in `aud`.
    identifier: String,
    /// Its name, for people.
    name: String,
    /// The `typ` of its tokens.
    access_token_typ: AccessTokenTyp,
    /// The algorithm of its tokens.
    signing_alg: SigningAlgorithm,
    /// The scopes that it knows.
    scopes: Vec<String>,
    /// Whether clients that name no audience get this one.
    is_default: bool,
    /// Whether tokens are made for it.
    status: Status,
    /// When it was registered.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    updated_at: String,
}

/// A resource server with its version.
fn shown(server: ResourceServer) -> Response {
    let version = version(&server);
    with_etag(json_response(&ResourceServerBody::from(server)), &version)
}

impl From<ResourceServer> for ResourceServerBody {
    fn from(server: ResourceServer) -> Self {
        Self {
            id: server.id,
            identifier: server.identifier,
            name: server.name,
            access_token_typ: server.access_token_typ,
            signing_alg: server.signing_alg,
            scopes: server.scopes,
            is_default: server.is_default,
            status: server.status,
            created_at: rfc3339(server.created_at),
            updated_at: rfc3339(server.updated_at),
        }
    }
}

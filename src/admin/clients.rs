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
use crate::operations::client::{Created, Details};
use crate::operations::version;
use crate::registry::{ClientKind, SigningAlgorithm, Status, TokenEndpointAuthMethod};

/// A machine of a participant, or an administrator.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Client, example = json!({
    "client_id": "01ARZ3NDEKTSV4RRFFQ69G5FAW",
    "participant_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "kind": "machine",
    "name": "booking system",
    "token_endpoint_auth_method": "client_secret_basic",
    "require_bound_tokens": false,
    "scopes": ["logistics_objects:read", "logistics_objects:write", "events:write"],
    "audiences": [],
    "introspects": [],
    "access_token_lifetime": null,
    "signing_alg": null,
    "one_record_id": null,
    "allowed_addresses": [],
    "status": "active",
    "created_at": "2027-01-15T08:00:00.000Z",
    "updated_at": "2027-01-15T08:00:00.000Z"
}))]
pub(super) struct ClientBody {
    /// Its id, here and at the token endpoint.
    client_id: String,
    /// Whose machine it is; null for an administrator.
    participant_id: Option<String>,
    /// What it is.
    kind: ClientKind,
    /// Its name, for people.
    name: String,
    /// The one method by which it authenticates at the token endpoint.
    token_endpoint_auth_method: TokenEndpointAuthMethod,
    /// Whether it may only get tokens bound to its key or certificate.
    require_bound_tokens: bool,
    /// What it may ask for, and gets when it asks for nothing.
    scopes: Vec<String>,
    /// Identifiers of the resource servers that it may ask for; empty means the installation's default one.
    audiences: Vec<String>,
    /// Identifiers of the resource servers that it speaks for: it may introspect the tokens that are for them.
    introspects: Vec<String>,
    /// Lifetime of its access tokens in seconds; null means the installation's default.
    access_token_lifetime: Option<i64>,
    /// The algorithm of its access tokens; null means the resource server's.
    signing_alg: Option<SigningAlgorithm>,
    /// The ONE Record ID in its tokens; null means its participant's main one.
    one_record_id: Option<String>,
    /// Where it may ask for tokens from; empty means anywhere.
    allowed_addresses: Vec<String>,
    /// Whether it gets tokens.
    status: Status,
    /// When it was registered.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    updated_at: String,
}

/// A client with its version.
pub(super) fn shown(details: Details) -> Response {
    let version = version(&details);
    with_etag(json_response(&ClientBody::from(details)), &version)
}

impl From<Details> for ClientBody {
    fn from(Details { client, audiences, introspects }: Details) -> Self {
        Self {
            client_id: client.id,
            participant_id: client.participant_id,
            kind: client.kind,
            name: client.name,
            token_endpoint_auth_method: client.token_endpoint_auth_method,
            require_bound_tokens: client.require_bound_tokens,
            scopes: client.scopes.to_vec(),
            audiences,
            introspects,
            access_token_lifetime: client.access_token_lifetime,
            signing_alg: client.signing_alg,
            one_record_id: client.one_record_id,
            allowed_addresses: client.allowed_addresses.into_iter().map(String::from).collect(),
            status: client.status,
            created_at: rfc3339(client.created_at),
            updated_at: rfc3339(client.updated_at),
        }
    }
}

/// A client that was just registered, with its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedClient)]
pub(super) struct CreatedClientBody {
    /// The client.
    #[serde(flatten)]
    client: ClientBody,
    /// Its secret, if its method has one. It is never shown again.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// When the secret expires; null: it does not.
    #[schema(format = DateTime)]
    client_secret_expires_at: Option<String>,
}

impl From<Created> for CreatedClientBody {
    fn from(created: Created) -> Self {
        Self {
            client: created.details.into(),
            client_secret: created.secret.map(|secret| secret.expose().to_owned()),
            client_secret_expires_at: None,
        }
    }
}

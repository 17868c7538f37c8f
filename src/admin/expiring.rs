use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::api_error::ApiError;
use super::authorization::MayRead;
use super::json_body::json_response;
use super::page::{Filter, Filtered, List, PageQuery};
use super::parameters::Parameters;
use super::rfc3339;
use crate::operations::{self, Context};
use crate::registry::{CredentialKind, ExpiringCredential};

/// A secret or a key that will expire.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExpiringCredential, example = json!({
    "client_id": "01ARZ3NDEKTSV4RRFFQ69G5FAW",
    "client_name": "booking system",
    "participant_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "kind": "secret",
    "id": "01ARZ3NDEKTSV4RRFFQ69G5FAX",
    "expires_at": "2027-01-15T08:00:00.000Z",
    "days_left": 6,
    "last_used_at": "2027-01-08T20:14:00.000Z",
    "replaced": false
}))]
pub(super) struct ExpiringBody {
    /// Whose it is.
    client_id: String,
    /// The client's name, for people.
    client_name: String,
    /// Whose machine that is; null for an administrator.
    participant_id: Option<String>,
    /// What it is.
    kind: CredentialKind,
    /// The id of the secret, which is not the secret, or the `kid` of the key.
    id: String,
    /// When it expires.
    #[schema(format = DateTime)]
    expires_at: String,
    /// Whole days until then.
    days_left: i64,
    /// When the secret was last used, to the minute or so; null for a key, and for a secret that never was.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    /// Whether the client has another one of its kind that lasts longer.
    replaced: bool,
}

impl ExpiringBody {
    fn new(credential: ExpiringCredential, now: i64) -> Self {
        Self {
            days_left: credential.days_left(now),
            client_id: credential.client_id,
            client_name: credential.client_name,
            participant_id: credential.participant_id,
            kind: credential.kind,
            id: credential.id,
            expires_at: rfc3339(credential.expires_at),
            last_used_at: credential.last_used_at.map(rfc3339),
            replaced: credential.replaced,
        }
    }
}

/// How soon it expires.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ExpiringFilter {
    /// How many days to look ahead; 30 unless given.
    #[param(minimum = 1, maximum = 3660)]
    within_days: Option<i64>,
}

impl Filter for ExpiringFilter {
    const NAMES: &'static [&'static str] = &["within_days"];

    fn take(given: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self { within_days: given.number("within_days", 3_660)? })
    }
}

/// List what will expire
///
/// Secrets and keys of clients that are enabled, the first to expire first.
#[utoipa::path(
    get,
    path = "/admin/v1/expiring-credentials",
    operation_id = "listExpiringCredentials",
    tag = "clients",
    security(("administration_token" = ["admin:registry:read"])),
    params(ExpiringFilter, PageQuery),
    responses(
        (status = 200, description = "A page.", body = List<ExpiringBody>)
    )
)]
pub(super) async fn list(
    State(context): State<Context>,
    _: MayRead,
    query: Filtered<ExpiringFilter>,
) -> Result<Response, ApiError> {
    let within_days = query.filter.within_days.unwrap_or(30);
    let page = operations::expiring::list(&context, within_days, &query.request()).await?;
    let now = context.clock.now_millis();
    let items = page.items.into_iter().map(|credential| ExpiringBody::new(credential, now)).collect();
    Ok(json_response(&List::<ExpiringBody>::new(items, page.next_cursor.as_ref())))
}

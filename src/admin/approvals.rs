pub(super) mod approve;
pub(super) mod execute;
pub(super) mod get;
pub(super) mod list;
pub(super) mod reject;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Request, header};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::api_error::ApiError;
use super::calls::send;
use super::entity_tag::{versions, with_etag};
use super::json_body::json_response;
use super::{rfc3339, routing};
use crate::operations::approval::Ready;
use crate::operations::{Call, Context, version};
use crate::registry::{Approval, ApprovalState, Sensitive};

/// A request that one administrator made and another has to approve.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Approval, example = json!({
    "id": "01ARZ3NDEKTSV4RRFFQ69G5FAY",
    "operation": "enable",
    "subject": "client/01ARZ3NDEKTSV4RRFFQ69G5FAW",
    "summary": "enable the client booking system",
    "request": {
        "method": "POST",
        "path": "/admin/v1/clients/01ARZ3NDEKTSV4RRFFQ69G5FAW/enable",
        "if_match": null,
        "body": null
    },
    "digest": "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg",
    "makes_secret": false,
    "requested_by": "01ARZ3NDEKTSV4RRFFQ69G5FAZ",
    "state": "pending",
    "decided_by": null,
    "decided_at": null,
    "reason": "",
    "executed_at": null,
    "created_at": "2027-01-15T08:00:00.000Z",
    "expires_at": "2027-01-22T08:00:00.000Z"
}))]
pub(super) struct ApprovalBody {
    /// Its id.
    id: String,
    /// Why it waits.
    operation: Sensitive,
    /// What it is about, `kind/id`; `kind` alone for something new.
    subject: String,
    /// What would change, for people.
    summary: String,
    /// The request, exactly as it will be executed.
    request: StoredRequestBody,
    /// SHA-256 over all of the request, base64url: one name for two people who speak about it.
    digest: String,
    /// Whether its answer has a secret, so that its requester executes it.
    makes_secret: bool,
    /// Client id of the administrator who made it.
    requested_by: String,
    /// What became of it. What waits until `expires_at` is void from then on.
    state: ApprovalState,
    /// Client id of the administrator who approved or rejected it.
    decided_by: Option<String>,
    /// When that was.
    #[schema(format = DateTime)]
    decided_at: Option<String>,
    /// Why it was rejected; may be empty.
    reason: String,
    /// When it was done.
    #[schema(format = DateTime)]
    executed_at: Option<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// Until when it can be approved and executed.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// A request that is kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StoredRequest)]
pub(super) struct StoredRequestBody {
    /// Its method.
    method: String,
    /// Its path, and query if it has one.
    path: String,
    /// Its `If-Match`; null: none.
    if_match: Option<String>,
    /// Its JSON body; null: none.
    body: Value,
}

impl From<Approval> for ApprovalBody {
    fn from(approval: Approval) -> Self {
        Self {
            id: approval.id,
            operation: approval.operation,
            subject: approval.subject,
            summary: approval.summary,
            request: StoredRequestBody {
                method: approval.method,
                path: approval.path,
                if_match: approval.if_match,
                body: serde_json::from_slice(&approval.body).unwrap_or_default(),
            },
            digest: approval.digest,
            makes_secret: approval.makes_secret,
            requested_by: approval.requested_by,
            state: approval.state,
            decided_by: approval.decided_by,
            decided_at: approval.decided_at.map(rfc3339),
            reason: approval.reason,
            executed_at: approval.executed_at.map(rfc3339),
            created_at: rfc3339(approval.created_at),
            expires_at: rfc3339(approval.expires_at),
        }
    }
}

/// An approval with its version.
fn shown(approval: Approval) -> Response {
    let version = version(&approval);
    with_etag(json_response(&ApprovalBody::from(approval)), &version)
}

/// Sends a kept request to its route in the name of its requester. What it changes waits in the context that comes back
/// until the approval is written with it.
async fn execute_stored(context: &Context, ready: &Ready) -> Result<(Response, Context), ApiError> {
    let approval = &ready.approval;
    let expected = approval.if_match.as_deref().and_then(versions);
    let executed = context.within(Call::deferred(expected));
    let request = Request::builder()
        .method(approval.method.as_str())
        .uri(&approval.path)
        .body(Body::from(approval.body.clone()));
    let mut request = request
        .map_err(|_| ApiError::malformed("the request that is kept cannot be read any more; reject it"))?;
    if !approval.body.is_empty() {
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
    }
    request.extensions_mut().insert(ready.administrator.clone());
    let response = send(routing(), &executed, request).await;
    Ok((response, executed))
}

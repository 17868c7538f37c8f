//! What requests that change something have in common: their body is read once, an `Idempotency-Key` makes a repeat
//! harmless, `If-Match` is held against what there is, and what a second administrator has to approve is kept.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tower::ServiceExt as _;

use super::api_error::ApiError;
use super::approvals::ApprovalBody;
use super::entity_tag::{if_match, joined, with_etag};
use super::json_body::{self, json_response};
use super::{authorization, created::located};
use crate::operations::approval::HeldRequest;
use crate::operations::idempotency::{self, Answer, KeyedRequest};
use crate::operations::{self, Actor, Administrator, Call, Context, FieldError, Refusal, version};

/// The request's header (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that the answer is one that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Says that there was a secret in it then.
const WITHHELD: HeaderName = HeaderName::from_static("idempotent-secret-withheld");
/// The headers that belong to an answer, and are kept with it.
const KEPT: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

/// Where requests go.
#[derive(Clone)]
pub(super) struct Calls {
    pub(super) context: Context,
    pub(super) routes: Router<Context>,
}

/// Lets requests that change something through to their route, and looks at what comes of it.
pub(super) async fn handle(State(calls): State<Calls>, request: Request, next: Next) -> Response {
    if ![Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(request.method()) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let administrator = match authorization::administrator(&parts, &calls.context).await {
        Ok(administrator) => administrator,
        Err(refusal) => {
            // Who is nobody here gets this refusal from the route, if there is one, before anything of the body is read.
            // The route must not look again: what it let through then would be done without regard to key and version.
            parts.extensions.insert(refusal);
            return next.run(Request::from_parts(parts, body)).await;
        }
    };
    calls.change(parts, body, administrator).await.unwrap_or_else(IntoResponse::into_response)
}

/// Sends a request to its route, with the operations' context of this request alone.
pub(super) async fn send(routes: Router<Context>, context: &Context, request: Request) -> Response {
    match routes.with_state(context.clone()).oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

impl Calls {
    async fn change(
        &self,
        mut parts: Parts,
        body: Body,
        administrator: Administrator,
    ) -> Result<Response, ApiError> {
        let actor = administrator.actor.clone();
        let body = json_body::bytes(body).await?;
        let request = HeldRequest {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path_and_query().map_or("", |path| path.as_str()).to_owned(),
            if_match: joined(&parts.headers),
            body: body.to_vec(),
        };
        let keyed = idempotency_key(&parts)?.map(|key| {
            KeyedRequest::new(&self.context, &actor, &key, &request.method, &request.path, &request.body)
        });
        if let Some(keyed) = &keyed
            && let Some(answer) = idempotency::find(&self.context, keyed).await?
        {
            return Ok(replayed(answer));
        }
        let expected = if_match(&parts.headers);
        let call = if keyed.is_some() { Call::deferred(expected) } else { Call::new(expected) };
        let context = self.context.within(call);
        // What the router has noted of the path would be noted a second time.
        parts.extensions = Extensions::new();
        parts.extensions.insert(administrator);
        let response =
            send(self.routes.clone(), &context, Request::from_parts(parts, Body::from(body))).await;
        let response = hold(&context, &actor, response, request).await?;
        match keyed {
            Some(keyed) => keep(&context, &keyed, response).await,
            None => Ok(response),
        }
    }
}

/// The key of a request that makes or does something; other methods are idempotent by themselves.
fn idempotency_key(parts: &Parts) -> Result<Option<String>, ApiError> {
    if parts.method != Method::POST {
        return Ok(None);
    }
    let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
    match (values.next().map(HeaderValue::to_str), values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(key)), None) if idempotency::is_key(key) => Ok(Some(key.to_owned())),
        _ => Err(ApiError::invalid(vec![FieldError {
            field: IDEMPOTENCY_KEY.as_str().to_owned(),
            reason: "must stand once and have 1 to 255 visible ASCII characters".to_owned(),
        }])),
    }
}

/// Keeps the request instead, if its route says that a second administrator has to approve it.
async fn hold(
    context: &Context,
    actor: &Actor,
    response: Response,
    request: HeldRequest,
) -> Result<Response, ApiError> {
    let Some(held) = response.extensions().get::<ApiError>().and_then(ApiError::held) else {
        return Ok(response);
    };
    let approval = operations::approval::request(context, actor, held, request).await?;
    let (location, version) = (format!("/admin/v1/approvals/{}", approval.id), version(&approval));
    let body = json_response(&ApprovalBody::from(approval));
    Ok(with_etag(located((StatusCode::ACCEPTED, body).into_response(), &location), &version))
}

/// Commits what the request changed, together with its answer.
async fn keep(context: &Context, keyed: &KeyedRequest, response: Response) -> Result<Response, ApiError> {
    if !response.status().is_success() {
        // Perhaps only because the same request, sent at the same time, was faster.
        return match idempotency::find(context, keyed).await? {
            Some(_) => Err(Refusal::KeyInUse.into()),
            None => Ok(response),
        };
    }
    let (parts, body) = response.into_parts();
    // Made a moment ago, from values in memory.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let answer = Answer {
        status: parts.status.as_u16(),
        headers: kept_headers(&parts.headers),
        body: body.to_vec(),
        withheld: false,
    };
    idempotency::keep(context, keyed, &answer).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |name: &HeaderName| {
        let value = headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    };
    KEPT.iter().filter_map(text).collect()
}

fn replayed(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    if answer.withheld {
        headers.insert(WITHHELD, HeaderValue::from_static("true"));
    }
    response
}

//! axum: an extractor, a layer, and the challenge as a response.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody as _};
use axum::extract::{FromRef, FromRequestParts, OriginalUri};
use axum::response::{IntoResponse, Response};
use carnet_token::proof::{BodyDigester, RequestView};
use http::request::Parts;
use http::{HeaderValue, Request};
use tower::{Layer, Service};

use crate::challenge::DPOP_NONCE;
use crate::verifier::header_lines;
use crate::{Challenge, Identity, Reason, RouteRules, Verifier};

impl IntoResponse for Challenge {
    fn into_response(self) -> Response {
        (self.status(), self.headers()).into_response()
    }
}

impl Verifier {
    /// Decide about a whole request: the body is read, if there is a proof to compare it with, within the bounds of the
    /// route, and given back with the identity.
    ///
    /// Nothing is read for a stranger: the access token is validated first.
    ///
    /// # Errors
    /// The [`Challenge`] to answer with.
    pub async fn verify_request(
        &self,
        request: Request<Body>,
        route: RouteRules,
    ) -> Result<(Identity, Request<Body>), Challenge> {
        let (mut parts, body) = request.into_parts();
        let (identity, body) = {
            // A router that was nested has cut the path; the client signed the whole.
            let whole = parts.extensions.get::<OriginalUri>().map(|uri| uri.0.clone());
            let cut = whole.map(|whole| std::mem::replace(&mut parts.uri, whole));
            let decided = self.decide_with_body(&parts, body, route).await;
            if let Some(cut) = cut {
                parts.uri = cut;
            }
            decided?
        };
        Ok((identity, Request::from_parts(parts, body)))
    }

    async fn decide_with_body(
        &self,
        parts: &Parts,
        body: Body,
        route: RouteRules,
    ) -> Result<(Identity, Body), Challenge> {
        let headers = header_lines(&parts.headers);
        let request = self.view(parts, &headers);
        let validated = self.validate(&request).await?;
        if !validated.wants_body() {
            return Ok((self.confirm(validated, &request, route).await?, body));
        }
        let failed = |reason| self.refuse(reason, None, None);
        let reading = tokio::time::timeout(route.body_timeout, read(&headers, body, route.body_limit));
        let (digest, body) = reading.await.map_err(|_| failed(Reason::BodyIncomplete))?.map_err(failed)?;
        let request = RequestView { body: carnet_token::proof::Body::Digest(&digest), ..request };
        Ok((self.confirm(validated, &request, route).await?, body))
    }
}

/// Reads a body up to a limit and digests it while it comes.
async fn read(
    headers: &[(&str, &[u8])],
    mut body: Body,
    limit: usize,
) -> Result<(carnet_token::proof::BodyDigest, Body), Reason> {
    let mut digester = BodyDigester::for_request(headers);
    // Before anything is read: who says that it is too large need not send it.
    if body.size_hint().lower() > limit as u64 {
        return Err(Reason::BodyTooLarge);
    }
    let mut whole = Vec::new();
    loop {
        let frame = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| Reason::BodyIncomplete)?;
        // Trailers are no part of the content.
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > limit {
            return Err(Reason::BodyTooLarge);
        }
        digester.update(&data);
        whole.extend_from_slice(&data);
    }
    Ok((digester.finish(), Body::from(whole)))
}

/// Extracts the [`Identity`] of the sender, or answers with the [`Challenge`].
///
/// The router's state gives the verifier ([`FromRef`]). Behind an [`AuthenticateLayer`] its decision is used
/// again, so that a proof is looked at once. Alone it sees no body: where proofs are to be compared with one, the layer
/// belongs before it.
#[derive(Clone, Debug)]
pub struct Authenticated(pub Identity);

impl<S> FromRequestParts<S> for Authenticated
where
    Verifier: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Challenge;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Challenge> {
        if let Some(identity) = parts.extensions.get::<Identity>() {
            return Ok(Self(identity.clone()));
        }
        let verifier = Verifier::from_ref(state);
        // A router that was nested has cut the path; the client signed the whole.
        let whole = parts.extensions.get::<OriginalUri>().map(|uri| uri.0.clone());
        let cut = whole.map(|whole| std::mem::replace(&mut parts.uri, whole));
        let decided = verifier.verify(parts).await;
        if let Some(cut) = cut {
            parts.uri = cut;
        }
        let identity = decided?;
        parts.extensions.insert(identity.clone());
        Ok(Self(identity))
    }
}

/// Lets only authenticated requests through and puts their [`Identity`] into the request's extensions.
#[derive(Clone, Debug)]
pub struct AuthenticateLayer {
    verifier: Verifier,
    route: RouteRules,
}

impl AuthenticateLayer {
    /// A layer that asks `verifier`, with the careful rules for every route behind it.
    #[must_use]
    pub fn new(verifier: Verifier) -> Self {
        Self { verifier, route: RouteRules::new() }
    }

    /// Other rules for the routes behind this layer.
    #[must_use]
    pub fn route(mut self, rules: RouteRules) -> Self {
        self.route = rules;
        self
    }
}

impl<S> Layer<S> for AuthenticateLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Authenticate<S> {
        Authenticate { inner, verifier: self.verifier.clone(), route: self.route }
    }
}

/// The service of [`AuthenticateLayer`].
#[derive(Clone, Debug)]
pub struct Authenticate<S> {
    inner: S,
    verifier: Verifier,
    route: RouteRules,
}

impl<S> Service<Request<Body>> for Authenticate<S>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The service that was polled ready is the one to call; its clone takes its place.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let (verifier, route) = (self.verifier.clone(), self.route);
        Box::pin(async move {
            let mut response = match verifier.verify_request(request, route).await {
                Ok((identity, mut request)) => {
                    request.extensions_mut().insert(identity);
                    inner.call(request).await?
                }
                Err(challenge) => challenge.into_response(),
            };
            // RFC 9449 §8.2: the next one, before the client needs it.
            if verifier.requires_nonces()
                && let Ok(nonce) = HeaderValue::try_from(verifier.nonce())
            {
                response.headers_mut().insert(DPOP_NONCE, nonce);
            }
            Ok(response)
        })
    }
}

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};
use pin_project_lite::pin_project;
use tokio::task::coop::unconstrained;
use tokio::time::Sleep;
use tower::Service;
use tower::layer::layer_fn;
use tracing::Span;

use super::client_address::note;
use super::guard::{Guard, Refusal};
use super::watch::Watch;
use crate::telemetry::{Route, Running};

/// Lays the guard around a router.
pub fn guard(router: Router, guard: Guard) -> Router {
    let guard = Arc::new(guard);
    router.layer(layer_fn(move |inner| Guarded { inner, guard: Arc::clone(&guard) }))
}

/// The one layer around all routes, through which every request goes. It lies behind the choice of the route, so that it
/// knows the route's template. Written out, and not made of a function, because then it would cost as much again as
/// everything that it does.
#[derive(Clone)]
struct Guarded<S> {
    inner: S,
    guard: Arc<Guard>,
}

pin_project! {
    /// The answer to one request.
    struct Answering<F> {
        // None when the request was refused.
        #[pin]
        inner: Option<F>,
        refusal: Option<Refusal>,
        // Made when the answer is not there at once.
        deadline: Option<Pin<Box<Sleep>>>,
        span: Span,
        running: Option<Running>,
        began: Duration,
        guard: Arc<Guard>,
    }
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let guard = Arc::clone(&self.guard);
        let began = guard.watch.clock.monotonic();
        let template = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let running = Some(guard.watch.traffic.route(template).begin(Route::method(request.method())));
        let span = guard.watch.span(&request, template);
        let (inner, refusal) = {
            let _entered = span.enter();
            match guard.admit(&request) {
                Ok(()) => {
                    if let Some(proxies) = &guard.proxies {
                        note(&mut request, proxies);
                    }
                    (Some(self.inner.call(request)), None)
                }
                Err(refusal) => {
                    tracing::warn!(
                        reason = refusal.code,
                        method = %request.method(),
                        path = request.uri().path(),
                        "request refused before its handler"
                    );
                    (None, Some(refusal))
                }
            }
        };
        Answering { inner, refusal, deadline: None, span, running, began, guard }
    }
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for Answering<F> {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let response = {
            let _entered = this.span.enter();
            let answer = this.inner.as_mut().as_pin_mut().map(|inner| inner.poll(cx));
            match answer {
                Some(Poll::Ready(Ok(response))) => response,
                Some(Poll::Pending) => {
                    let timeout = this.guard.timeout;
                    let deadline = this.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
                    // Also when the request has used up its turn, as one that is always busy would each time.
                    ready!(Pin::new(&mut unconstrained(deadline.as_mut())).poll(cx));
                    // What it was doing ends here.
                    this.inner.set(None);
                    refused(this.guard, Refusal::TOO_LONG)
                }
                None => refused(this.guard, this.refusal.take().unwrap_or(Refusal::TOO_LONG)),
            }
        };
        let response = with_headers(response);
        Watch::ended(this.span, response.status());
        if let Some(running) = this.running.take() {
            running
                .answered(response.status(), this.guard.watch.clock.monotonic().saturating_sub(*this.began));
        }
        Poll::Ready(Ok(response))
    }
}

fn refused(guard: &Guard, refusal: Refusal) -> Response {
    guard.watch.traffic.refused(refusal.code);
    refusal.into_response()
}

fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

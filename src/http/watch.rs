use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request};
use carnet_ambient::Clock;
use http::StatusCode;
use tracing::Span;
use tracing::field::{Empty, display};

use crate::config::Network;
use crate::telemetry::traces::{continue_trace, span};
use crate::telemetry::{Metrics, Route, Traffic};

/// Who counts and traces the requests of one listener.
#[derive(Debug, Clone)]
pub struct Watch {
    pub(super) traffic: Arc<Traffic>,
    pub(super) clock: Clock,
    trust_traceparent_from: Vec<Network>,
}

impl Watch {
    /// For the listener of that name; `trust_traceparent_from` are those who may make a request part of their trace.
    #[must_use]
    pub fn new(
        metrics: &Metrics,
        listener: &'static str,
        clock: Clock,
        trust_traceparent_from: Vec<Network>,
    ) -> Self {
        Self { traffic: metrics.traffic(listener), clock, trust_traceparent_from }
    }

    /// The span of a request; disabled when nobody collects it. It never holds the path, which somebody else chose.
    pub(super) fn span(&self, request: &Request, template: Option<&str>) -> Span {
        let route = template.unwrap_or("(none)");
        let span = span!(
            "request",
            otel.kind = "server",
            otel.name = Empty,
            otel.status_code = Empty,
            http.request.method = Empty,
            http.route = route,
            http.response.status_code = Empty,
            carnet.listener = self.traffic.listener(),
            carnet.correlation_id = Empty
        );
        if span.is_disabled() {
            return span;
        }
        // Anybody may send any word.
        let method = Route::method_name(Route::method(request.method()));
        span.record("http.request.method", method);
        span.record("otel.name", display(format_args!("{method} {route}")));
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let trusted = |peer| self.trust_traceparent_from.iter().any(|network| network.contains(peer));
        if peer.is_some_and(trusted) {
            continue_trace(&span, request.headers());
        }
        span
    }

    /// Writes the end of a request into its span.
    pub(super) fn ended(span: &Span, status: StatusCode) {
        span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            span.record("otel.status_code", "ERROR");
        }
    }
}

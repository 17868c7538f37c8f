use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, StatusCode, header};

use super::Watch;
use crate::config::Proxies;

/// Headers by which proxies forward a client's certificate. None is configured as a trusted proxy here, so
/// that whoever sends one is trying to be somebody else.
const CERTIFICATE_HEADERS: [&str; 11] = [
    "client-cert",
    "client-cert-chain",
    "x-forwarded-client-cert",
    "x-forwarded-tls-client-cert",
    "x-forwarded-tls-client-cert-info",
    "ssl_client_cert",
    "x-ssl-client-cert",
    "x-client-cert",
    "ssl-client-cert",
    "x-arr-clientcert",
    "x-amzn-mtls-clientcert",
];

/// Headers that make some frameworks see another method than the one that was sent.
const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// How many header fields a request may have: as many as HTTP/1 is read with. In HTTP/2 a field that was sent before
/// takes one byte, and here a hundred: a thousand of them in each of many requests would fill the memory.
const MAX_FIELDS: usize = 100;

/// What one listener holds its requests to.
#[derive(Debug)]
pub struct Guard {
    /// `Host` values that it answers, in lower case.
    pub hosts: Vec<String>,
    /// Origins that may call it from a browser; `None` for a listener that is open to all.
    pub origins: Option<Vec<String>>,
    /// Whom to believe where a request comes from; `None` where nobody asks.
    pub proxies: Option<Proxies>,
    /// How long a request may take, its body included.
    pub timeout: Duration,
    /// Who counts and traces them.
    pub watch: Watch,
}

/// Why a request does not come to its route.
pub(super) struct Refusal {
    status: StatusCode,
    /// The word for logs and metrics.
    pub(super) code: &'static str,
    message: &'static str,
}

impl Refusal {
    /// It took longer than [`Guard::timeout`].
    pub(super) const TOO_LONG: Self = Self {
        status: StatusCode::REQUEST_TIMEOUT,
        code: "request_timeout",
        message: "the request took too long; send it again, and its body without pauses",
    };
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "application/problem+json"),
            (header::CACHE_CONTROL, "no-store"),
            (header::CONNECTION, "close"),
        ];
        let body = serde_json::json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("refused"),
            "status": self.status.as_u16(),
            "detail": self.message,
            "code": self.code,
        });
        (self.status, headers, body.to_string()).into_response()
    }
}

impl Guard {
    /// Whether a request may come to its route.
    pub(super) fn admit(&self, request: &Request<Body>) -> Result<(), Refusal> {
        let headers = request.headers();
        if headers.len() > MAX_FIELDS {
            return refuse(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "header_fields",
                "a request may have at most 100 header fields",
            );
        }
        // One look at each name that came: asking for fifteen names would hash each of them.
        let (mut certificate, mut other_method, mut early) = (false, false, false);
        for name in headers.keys().map(HeaderName::as_str) {
            certificate |= CERTIFICATE_HEADERS.contains(&name);
            other_method |= METHOD_OVERRIDES.contains(&name);
            early |= name == "early-data";
        }
        if certificate {
            return refuse(
                StatusCode::BAD_REQUEST,
                "forwarded_certificate",
                "a forwarded client certificate is accepted from a configured proxy only",
            );
        }
        if other_method {
            return refuse(
                StatusCode::BAD_REQUEST,
                "method_override",
                "method override headers are not accepted; send the method itself",
            );
        }
        // RFC 8470 §5.1: what came in early data can be replayed; an invalid or repeated value counts as 1.
        if early {
            return refuse(StatusCode::TOO_EARLY, "early_data", "send the request again after the handshake");
        }
        // Liveness probes come by address.
        if matches!(request.uri().path(), "/healthz" | "/readyz") {
            return Ok(());
        }
        let Some(host) = host(request) else {
            return refuse(StatusCode::BAD_REQUEST, "host", "exactly one Host header is needed");
        };
        if !self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host)) {
            return refuse(
                StatusCode::MISDIRECTED_REQUEST,
                "unknown_host",
                "this server does not answer for that host; its operator can add it to the hosts in the configuration",
            );
        }
        if let (Some(allowed), Some(origin)) = (&self.origins, headers.get(header::ORIGIN)) {
            let known = origin.to_str().is_ok_and(|origin| allowed.iter().any(|known| known == origin));
            if !known {
                return refuse(
                    StatusCode::FORBIDDEN,
                    "foreign_origin",
                    "requests from pages of other origins are not accepted here",
                );
            }
        }
        Ok(())
    }
}

fn refuse(status: StatusCode, code: &'static str, message: &'static str) -> Result<(), Refusal> {
    Err(Refusal { status, code, message })
}

/// The one host that the request is for: the `Host` header, or in HTTP/2 the authority. An absolute-form
/// target must name the same host as the header.
fn host(request: &Request<Body>) -> Option<&str> {
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    let header = single(request.headers(), &header::HOST).ok()?;
    match (authority, header) {
        (Some(authority), Some(host)) if !authority.eq_ignore_ascii_case(host) => None,
        (Some(authority), _) => Some(authority),
        (None, host) => host,
    }
}

/// The header comes more than once, or is not text.
struct NotOne;

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, NotOne> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| NotOne),
        _ => Err(NotOne),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use carnet_ambient::Clock;
    use tower::ServiceExt;

    use super::*;
    use crate::http::guard;
    use crate::telemetry::Metrics;

    fn router(origins: Option<Vec<String>>) -> Router {
        counted(origins, &Metrics::new(&Clock::system()))
    }

    fn counted(origins: Option<Vec<String>>, metrics: &Metrics) -> Router {
        let router = Router::new()
            .route("/x", get(|| async { "x" }))
            .route("/healthz", get(|| async { "ok" }))
            .route("/slow", get(std::future::pending::<&'static str>));
        guard(
            router,
            Guard {
                hosts: vec!["iap.example".to_owned()],
                origins,
                proxies: None,
                timeout: Duration::from_millis(50),
                watch: Watch::new(metrics, "public", Clock::system(), Vec::new()),
            },
        )
    }

    async fn status(uri: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let origins = Some(vec!["https://iap.example".to_owned()]);
        let answer = router(origins).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        // A refusal repeats nothing of the request, but who reads it need not rely on that.
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{uri} {headers:?}");
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer", "{uri} {headers:?}");
        answer.status().as_u16()
    }

    #[tokio::test]
    async fn each_misdirection_has_its_answer() {
        let good = ("host", "iap.example");
        assert_eq!(status("/x", &[good]).await, 200);
        assert_eq!(status("/x", &[("host", "IAP.example")]).await, 200);
        assert_eq!(status("/x", &[("host", "evil.example")]).await, 421);
        assert_eq!(status("/x", &[]).await, 400);
        assert_eq!(status("/x", &[good, good]).await, 400);
        assert_eq!(status("/healthz", &[("host", "10.1.2.3")]).await, 200);
        assert_eq!(status("http://evil.example/x", &[good]).await, 400);
        assert_eq!(status("http://evil.example/x", &[]).await, 421);
        assert_eq!(status("http://iap.example/x", &[good]).await, 200);
        assert_eq!(status("/x", &[good, ("x-http-method-override", "POST")]).await, 400);
        for value in ["1", "0", "2", "1, 1"] {
            assert_eq!(status("/x", &[good, ("early-data", value)]).await, 425, "{value}");
        }
        assert_eq!(status("/x", &[good, ("origin", "https://evil.example")]).await, 403);
        assert_eq!(status("/x", &[good, ("origin", "null")]).await, 403);
        assert_eq!(status("/x", &[good, ("origin", "https://iap.example")]).await, 200);
        for name in CERTIFICATE_HEADERS {
            assert_eq!(status("/x", &[good, (name, ":AA==:")]).await, 400, "{name}");
        }
        assert_eq!(status("/slow", &[good]).await, 408);
    }

    #[tokio::test]
    async fn more_header_fields_than_http_1_takes_are_refused_in_http_2_too() {
        let mut fields = vec![("host", "iap.example")];
        fields.resize(100, ("x", ""));
        assert_eq!(status("/x", &fields).await, 200);
        fields.push(("x", ""));
        assert_eq!(status("/x", &fields).await, 431);
    }

    #[tokio::test]
    async fn a_client_that_hangs_up_is_counted_as_such() {
        let metrics = Metrics::new(&Clock::system());
        let request = Request::get("/slow").header("host", "iap.example").body(Body::empty()).unwrap();
        let mut answer = Box::pin(counted(None, &metrics).oneshot(request));
        let first =
            std::future::poll_fn(|context| std::task::Poll::Ready(answer.as_mut().poll(context).is_ready()));
        assert!(!first.await, "it was answered at once");
        drop(answer);
        let text = metrics.text();
        let cancelled = "{listener=\"public\",route=\"/slow\",method=\"GET\",status=\"cancelled\"} 1\n";
        assert!(text.contains(cancelled), "{text}");
    }
}

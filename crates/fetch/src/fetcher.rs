//! The client itself: built once, here and nowhere else.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use carnet_ambient::Clock;
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, StatusCode};
use url::Url;

use crate::resolve::VettingResolver;
use crate::{Clamps, FetchError, FetchPolicy, Freshness, Limits, Request, body};

/// The one way to fetch a URL that somebody else chose. Cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    client: reqwest::Client,
    policy: Arc<FetchPolicy>,
    clock: Clock,
}

impl Fetcher {
    /// A fetcher that keeps to `policy`.
    ///
    /// # Errors
    /// [`FetchError::CaBundle`] when the configured bundle is not PEM or holds no certificate.
    pub fn new(policy: FetchPolicy, clock: Clock) -> Result<Self, FetchError> {
        let policy = Arc::new(policy);
        let roots = match &policy.ca_bundle_pem {
            Some(pem) => Some(
                reqwest::Certificate::from_pem_bundle(pem)
                    .ok()
                    .filter(|certificates| !certificates.is_empty())
                    .ok_or_else(|| FetchError::CaBundle("no PEM certificate in it".to_owned()))?,
            ),
            None => None,
        };
        let client = match roots {
            Some(roots) => base(&policy)
                .tls_certs_only(roots)
                .build()
                .map_err(|e| FetchError::CaBundle(e.to_string()))?,
            // A machine without any root certificate can still speak to loopback; https then fails closed.
            None => base(&policy).build().or_else(|error| {
                tracing::warn!(%error, "no platform root certificates: https will be refused");
                base(&policy).tls_certs_only([]).build().map_err(|e| FetchError::Request(e.to_string()))
            })?,
        };
        Ok(Self { client, policy, clock })
    }

    /// What this fetcher admits.
    #[must_use]
    pub fn policy(&self) -> &FetchPolicy {
        &self.policy
    }

    /// GET a JSON document.
    ///
    /// # Errors
    /// [`FetchError`]; a status of 400 and above is not one.
    pub async fn get(&self, url: &Url, limits: Limits) -> Result<Fetched, FetchError> {
        self.send(Request::get(url, limits)).await
    }

    /// Send a request.
    ///
    /// # Errors
    /// [`FetchError`]; a status of 400 and above is not one, a redirect is.
    pub async fn send(&self, request: Request) -> Result<Fetched, FetchError> {
        self.policy.vet(&request.url, &request.limits)?;
        let total = request.limits.total;
        // The transport has its own timer; this one also covers whatever it forgets.
        tokio::time::timeout(total, self.exchange(request)).await.unwrap_or(Err(FetchError::Timeout))
    }

    async fn exchange(&self, request: Request) -> Result<Fetched, FetchError> {
        let Request { method, url, headers, body, limits } = request;
        let response = self
            .client
            .request(method, url)
            .headers(headers)
            .header(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))
            .timeout(limits.total)
            .body(body)
            .send()
            .await
            .map_err(|e| FetchError::from_transport(&e))?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(FetchError::Redirect(status.as_u16()));
        }
        body::check_headers(&headers)?;
        let bytes = body::read(response, limits.body).await?;
        Ok(Fetched { status, headers, bytes, received_at: self.clock.now() })
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").field("policy", &self.policy).finish_non_exhaustive()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place: everything that this client must not do is set here"
)]
fn base(policy: &Arc<FetchPolicy>) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_gzip() // decompression is ours, with a limit
        .user_agent(concat!("carnet/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(2))
        .timeout(Duration::from_secs(30))
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(2)
        .http1_max_headers(64)
        .http2_max_header_list_size(24 * 1024)
        .dns_resolver(Arc::new(VettingResolver { policy: Arc::clone(policy) }))
}

/// An answer within its limits.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The status, never a redirect other than 304.
    pub status: StatusCode,
    /// The header fields as received.
    pub headers: HeaderMap,
    /// The body after decompression.
    pub bytes: Bytes,
    received_at: i64,
}

impl Fetched {
    /// The entity tag, to make the next request conditional.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.text(&ETAG)
    }

    /// The time of the last change as the server wrote it.
    #[must_use]
    pub fn last_modified(&self) -> Option<&str> {
        self.text(&LAST_MODIFIED)
    }

    /// The media type in lower case, without its parameters.
    #[must_use]
    pub fn media_type(&self) -> Option<String> {
        let value = self.text(&CONTENT_TYPE)?;
        Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    /// How long the answer may be used.
    #[must_use]
    pub fn freshness(&self, clamps: &Clamps) -> Freshness {
        Freshness::of(&self.headers, self.received_at, clamps)
    }

    fn text(&self, name: &http::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

//! Why a fetch was refused or failed.

use crate::AddressClass;

/// Why a fetch was refused or failed. It can be cloned, so that all waiters of one flight get it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchError {
    /// Neither `https`, nor `http` on an admitted loopback host.
    #[error("the scheme {0:?} is not fetched")]
    Scheme(String),
    /// The URL carries a user name or a password.
    #[error("a URL with user information is not fetched")]
    UserInfo,
    /// The host is missing, or is a name with a trailing dot or an empty label.
    #[error("the host {0:?} is not fetched")]
    Host(String),
    /// A port that is neither 443 nor configured.
    #[error("port {0} is not fetched")]
    Port(u16),
    /// The address (or every address of the name) belongs to a network that is not fetched from.
    #[error("{host} is a {class} address")]
    Address {
        /// The host as the URL names it.
        host: String,
        /// The class that was refused.
        class: AddressClass,
    },
    /// The name could not be resolved.
    #[error("{0} cannot be resolved")]
    Resolve(String),
    /// The server answered with a redirect, which is never followed.
    #[error("redirect ({0}) is not followed")]
    Redirect(u16),
    /// The body is larger than the limit, before or after decompression. In bytes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The body grows more at decompression than any honest document does.
    #[error("the body grows more than {0}-fold at decompression")]
    Ratio(usize),
    /// The header fields are larger than the limit.
    #[error("the header fields are too large")]
    Headers,
    /// A content coding that was not asked for, or a damaged body.
    #[error("the body has an unusable content coding")]
    Encoding,
    /// The total time of the [`Limits`](crate::Limits) is over.
    #[error("no answer in time")]
    Timeout,
    /// No connection: refused, unreachable, or the TLS handshake failed.
    #[error("no connection: {0}")]
    Connect(String),
    /// The connection broke or the answer was not HTTP.
    #[error("transport: {0}")]
    Transport(String),
    /// The request could not be built from its parts.
    #[error("request: {0}")]
    Request(String),
    /// The configured CA bundle cannot be read.
    #[error("the CA bundle cannot be read: {0}")]
    CaBundle(String),
}

impl FetchError {
    /// A short name for logs and counters.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Scheme(_) => "scheme",
            Self::UserInfo => "userinfo",
            Self::Host(_) => "host",
            Self::Port(_) => "port",
            Self::Address { .. } => "address",
            Self::Resolve(_) => "resolve",
            Self::Redirect(_) => "redirect",
            Self::TooLarge(_) => "too_large",
            Self::Ratio(_) => "ratio",
            Self::Headers => "headers",
            Self::Encoding => "encoding",
            Self::Timeout => "timeout",
            Self::Connect(_) => "connect",
            Self::Transport(_) => "transport",
            Self::Request(_) => "request",
            Self::CaBundle(_) => "ca_bundle",
        }
    }

    /// Translate the transport's error; a refusal of our own resolver lies at the bottom of its chain.
    pub(crate) fn from_transport(error: &reqwest::Error) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        let mut last = String::new();
        while let Some(current) = cause {
            if let Some(own) = current.downcast_ref::<Self>() {
                return own.clone();
            }
            last = current.to_string();
            cause = current.source();
        }
        if error.is_timeout() {
            Self::Timeout
        } else if error.is_connect() {
            Self::Connect(last)
        } else {
            Self::Transport(last)
        }
    }
}

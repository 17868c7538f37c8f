//! Values that must not be seen: wiped when dropped, never shown by `Debug`.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use zeroize::Zeroizing;

/// A client secret: wiped from memory when it is dropped, and not shown by `Debug`.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Take a secret in.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(secret.into())))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self::new(secret)
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self::new(secret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// An access token as it was issued. `Debug` does not show it.
#[derive(Clone)]
pub struct AccessToken {
    pub(crate) value: Secret,
    pub(crate) scope: Option<String>,
    pub(crate) expires_at: i64,
    pub(crate) is_bound: bool,
}

impl AccessToken {
    /// The token itself. Do not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.value.expose()
    }

    /// Whether the token is bound to the client's key: then it is worth nothing without a proof, which
    /// [`Resource`](crate::Resource) makes.
    #[must_use]
    pub const fn is_bound(&self) -> bool {
        self.is_bound
    }

    /// The value of an `Authorization` field (RFC 6750 §2.1), marked as sensitive; `None` for a bound token, which is
    /// never sent that way.
    #[must_use]
    pub fn authorization(&self) -> Option<HeaderValue> {
        if self.is_bound {
            return None;
        }
        let text = Zeroizing::new(format!("Bearer {}", self.expose()));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// When it ends by this machine's clock, in seconds since the epoch.
    #[must_use]
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// The scopes granted, if they differ from those asked for.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("scope", &self.scope)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

//! How a client shows who it is: RFC 6749 §2.3.1, RFC 7523.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_token::{SigningKey, assertion};
use http::HeaderValue;
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

use crate::{Secret, TokenError};

/// How the client shows who it is; it must be the method that it is registered for.
#[derive(Clone)]
#[non_exhaustive]
pub enum ClientAuthentication {
    /// `client_secret_basic`: in the `Authorization` field.
    SecretBasic {
        /// The client id.
        client_id: String,
        /// The secret.
        secret: Secret,
    },
    /// `client_secret_post`: in the form.
    SecretPost {
        /// The client id.
        client_id: String,
        /// The secret.
        secret: Secret,
    },
    /// `private_key_jwt`: an assertion signed with a registered key. Nothing secret leaves the machine.
    PrivateKeyJwt {
        /// The client id.
        client_id: String,
        /// The key, whose `kid` is the registered one.
        key: Box<SigningKey>,
        /// How long an assertion is good for, in seconds; at most 300.
        lifetime: i64,
    },
}

/// What of a request shows who the client is.
pub(crate) struct Presented {
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) parameters: Vec<(&'static str, Zeroizing<String>)>,
}

impl ClientAuthentication {
    /// `client_secret_basic`.
    pub fn secret_basic(client_id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self::SecretBasic { client_id: client_id.into(), secret: secret.into() }
    }

    /// `client_secret_post`.
    pub fn secret_post(client_id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self::SecretPost { client_id: client_id.into(), secret: secret.into() }
    }

    /// `private_key_jwt` with assertions of 60 seconds.
    pub fn private_key_jwt(client_id: impl Into<String>, key: SigningKey) -> Self {
        Self::PrivateKeyJwt { client_id: client_id.into(), key: Box::new(key), lifetime: 60 }
    }

    /// The client id.
    #[must_use]
    pub fn client_id(&self) -> &str {
        match self {
            Self::SecretBasic { client_id, .. }
            | Self::SecretPost { client_id, .. }
            | Self::PrivateKeyJwt { client_id, .. } => client_id,
        }
    }

    pub(crate) fn check(&self) -> Result<(), TokenError> {
        if self.client_id().is_empty() {
            return Err(TokenError::Configuration("the client id is empty".to_owned()));
        }
        match self {
            // The server refuses assertions that live longer; nobody else should accept one either.
            Self::PrivateKeyJwt { lifetime, .. } if !(1..=300).contains(lifetime) => Err(
                TokenError::Configuration(format!("an assertion of {lifetime} s is out of range (1 to 300)")),
            ),
            _ => Ok(()),
        }
    }

    /// `now` in seconds; `jti` fresh random text.
    pub(crate) fn present(&self, issuer: &str, now: i64, jti: &str) -> Result<Presented, TokenError> {
        let owned = |text: &str| Zeroizing::new(text.to_owned());
        let (authorization, parameters) = match self {
            Self::SecretBasic { client_id, secret } => (Some(basic(client_id, secret)?), Vec::new()),
            Self::SecretPost { client_id, secret } => {
                (None, vec![("client_id", owned(client_id)), ("client_secret", owned(secret.expose()))])
            }
            Self::PrivateKeyJwt { client_id, key, lifetime } => {
                // The audience is the issuer and nothing else: an assertion made for one server must be
                // worthless at another (draft-ietf-oauth-rfc7523bis §8).
                let assertion = assertion::make(client_id, issuer, now, *lifetime, jti, key)
                    .map_err(|error| TokenError::Assertion(error.to_string()))?;
                let kind = owned("urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
                let assertion = Zeroizing::new(assertion);
                (None, vec![("client_assertion_type", kind), ("client_assertion", assertion)])
            }
        };
        Ok(Presented { authorization, parameters })
    }
}

/// RFC 6749 §2.3.1: both parts are form-encoded before they are joined, so that a colon in the id is no cut.
fn basic(client_id: &str, secret: &Secret) -> Result<HeaderValue, TokenError> {
    let encode = |text: &str| Zeroizing::new(byte_serialize(text.as_bytes()).collect::<String>());
    let pair = Zeroizing::new(format!("{}:{}", *encode(client_id), *encode(secret.expose())));
    let field = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    let mut value =
        HeaderValue::from_str(&field).map_err(|error| TokenError::Configuration(error.to_string()))?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for ClientAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, client_id) = match self {
            Self::SecretBasic { client_id, .. } => ("SecretBasic", client_id),
            Self::SecretPost { client_id, .. } => ("SecretPost", client_id),
            Self::PrivateKeyJwt { client_id, .. } => ("PrivateKeyJwt", client_id),
        };
        f.debug_struct(name).field("client_id", client_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_form_encodes_both_parts() {
        let secret = Secret::new("z/tZ9VwFZqApmIQ+ZH1I5pLk/uB4ud:X2/8bL+wfFTt1rFw=");
        assert_eq!(
            basic("1PpG/Q 1", &secret).unwrap(),
            "Basic MVBwRyUyRlErMTp6JTJGdFo5VndGWnFBcG1JUSUyQlpIMUk1cExrJTJGdUI0dWQlM0FYMiUyRjhiTCUyQndmRlR0MXJGdyUzRA=="
        );
    }

    #[test]
    fn letters_and_digits_are_spelled_alike_by_everybody() {
        assert_eq!(basic("a1", &Secret::new("b2")).unwrap(), "Basic YTE6YjI=");
    }

    #[test]
    fn debug_shows_no_secret() {
        for it in [
            ClientAuthentication::secret_basic("one", "s3cret"),
            ClientAuthentication::secret_post("one", "s3cret"),
        ] {
            let shown = format!("{it:?}");
            assert!(shown.contains("one") && !shown.contains("s3cret"), "{shown}");
        }
        assert!(basic("one", &Secret::new("s3cret")).unwrap().is_sensitive());
    }
}

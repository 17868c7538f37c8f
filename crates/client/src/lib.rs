#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod api;
mod authentication;
mod binding;
mod discovery;
mod error;
mod offset;
mod resource;
mod secret;
mod source;

pub use api::{Answer, Api, ApiError, Call, FieldError, Problem};
pub use authentication::ClientAuthentication;
pub use error::TokenError;
pub use resource::{Resource, ResourceError, Response};
pub use secret::{AccessToken, Secret};
pub use source::{TokenSource, TokenSourceBuilder};

pub use carnet_ambient::{Clock, Entropy};
pub use carnet_fetch::{FetchError, FetchPolicy};
pub use carnet_token::proof::ProofKind;
pub use carnet_token::{Algorithm, SigningKey};
pub use http::{HeaderMap, HeaderName, Method, StatusCode};
pub use url::Url;

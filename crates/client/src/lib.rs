#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod api;
mod authentication;
mod discovery;
mod error;
mod secret;
mod source;

pub use api::{Answer, Api, ApiError, Call, FieldError, Problem};
pub use authentication::ClientAuthentication;
pub use error::TokenError;
pub use secret::{AccessToken, Secret};
pub use source::{TokenSource, TokenSourceBuilder};

pub use carnet_ambient::{Clock, Entropy};
pub use carnet_fetch::{FetchError, FetchPolicy};
pub use carnet_token::{Algorithm, SigningKey};
pub use http::{Method, StatusCode};
pub use url::Url;

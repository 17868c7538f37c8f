#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod builder;
mod challenge;
mod credentials;
mod discovery;
#[cfg(feature = "axum")]
mod extract;
mod identity;
mod keys;
mod policy;
mod revocation;
#[cfg(feature = "testing")]
pub mod testing;
mod verifier;

pub use builder::{BuildError, VerifierBuilder};
pub use challenge::{Challenge, Reason};
#[cfg(feature = "axum")]
pub use extract::{Authenticate, AuthenticateLayer, Authenticated};
pub use identity::{Identity, Proof};
pub use keys::{IssuerStatus, KeyLimits};
pub use policy::{IssuerPolicy, KeySource};
pub use revocation::TakeFeedError;
pub use revocation::rules::{FeedRules, FeedStanding, FeedState, ReadsWithoutFeed, RevocationSource};
pub use verifier::Verifier;

pub use carnet_ambient::{Clock, Entropy};
pub use carnet_fetch::{Clamps, FetchPolicy};
pub use carnet_token::revocation::{FeedRefusal, RevokedBy};
pub use carnet_token::{AccessToken, Algorithm, ClaimNames, KeySet, Refusal, TokenProfile};

#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod builder;
mod challenge;
mod client_keys;
mod discovery;
#[cfg(feature = "axum")]
mod extract;
mod identity;
mod keys;
mod origin;
mod policy;
mod replay;
mod resource_metadata;
mod revocation;
mod route;
#[cfg(feature = "testing")]
pub mod testing;
mod verifier;

pub use builder::{BuildError, VerifierBuilder};
pub use challenge::{Challenge, Reason};
pub use client_keys::ClientKeySource;
#[cfg(feature = "axum")]
pub use extract::{Authenticate, AuthenticateLayer, Authenticated};
pub use identity::Identity;
pub use keys::{IssuerStatus, KeyLimits};
pub use policy::{IssuerPolicy, KeySource};
pub use replay::{Claimant, MemoryReplayStore, Proof, ReplayError, ReplayLimits, ReplayStore, ReplayUse};
pub use revocation::TakeFeedError;
pub use revocation::rules::{FeedRules, FeedStanding, FeedState, ReadsWithoutFeed, RevocationSource};
pub use route::{ClientCertificate, RouteRules};
pub use verifier::Verifier;

pub use carnet_ambient::{Clock, Entropy};
pub use carnet_fetch::{Clamps, FetchPolicy};
pub use carnet_token::proof::nonce::NonceKey;
pub use carnet_token::proof::{
    Body, BodyDigest, BodyDigester, ProofError, ProofKind, ProofKinds, ReplayKey, Scheme, Window,
};
pub use carnet_token::revocation::{FeedRefusal, RevokedBy};
pub use carnet_token::{AccessToken, Algorithm, ClaimNames, KeySet, Refusal, TokenProfile};

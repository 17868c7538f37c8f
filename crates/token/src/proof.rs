//! Proof of possession: what ties an access token to its sender (RFC 7800), made and checked.
//!
//! A token's `cnf` claim creates obligations, each of which a proof meets: a named key by a signed HTTP request
//! ([`shr`]), a `DPoP` proof ([`dpop`]) or a signature over the HTTP message ([`message_signature`]); a named certificate by
//! the TLS connection ([`certificate`]). A token is accepted when **every** obligation is met, and never otherwise.
//!
//! The way of a request: [`Presentation::of`] takes apart what it shows, the caller validates the access token in it,
//! [`Presentation::check`] compares token, proof and request. What comes out is [`Checked`], which is still replayable:
//! a store must take its [`ReplayKey`]s before anything is done.
//!
//! ```
//! use carnet_token::proof::{Body, Certificate, Presentation, RequestView};
//!
//! let request = RequestView {
//!     method: "GET",
//!     scheme: "https",
//!     authority: "1r.example",
//!     path: "/logistics-objects/1a8ded38",
//!     query: None,
//!     headers: &[("authorization", b"Bearer eyJ.eyJ.sig")],
//!     body: Body::Empty,
//!     certificate: Certificate::None,
//! };
//! let shown = Presentation::of(&request, false)?;
//! assert_eq!(shown.access_token(), "eyJ.eyJ.sig");
//! # Ok::<(), carnet_token::proof::ProofError>(())
//! ```

pub mod certificate;
mod checked;
pub mod dpop;
mod error;
mod key;
pub mod message_signature;
pub mod nonce;
mod presentation;
mod request;
mod rules;
pub mod shr;
mod target;

pub use checked::{Checked, Covered, ReplayKey};
pub use error::ProofError;
pub use presentation::{Presentation, Scheme};
pub use request::{Body, BodyDigest, BodyDigester, Certificate, RequestView};
pub use rules::{NonceRule, ProofKind, ProofKinds, ProofRules, Window};

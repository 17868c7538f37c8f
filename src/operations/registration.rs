//! Machines that register themselves, and change or end their registration (RFC 7591, RFC 7592).
//!
//! What a machine says of itself can never give it more than an administrator who registers a machine without a word
//! about rights: the default scopes, the default audience, tokens that are bound to it. Every key comes with a proof
//! that the sender holds it.

mod authenticate;
mod delete;
mod metadata;
mod proof;
mod read;
mod register;
mod replace;
mod room;

pub use delete::delete;
pub use proof::TYP as PROOF_TYP;
pub use read::read;
pub use register::register;
pub use replace::replace;

use carnet_token::Jwk;

use crate::registry::{Client, GeneratedSecret};

/// A registration as its client may see it.
#[derive(Debug)]
pub struct Registered {
    /// The client.
    pub client: Client,
    /// Its keys that may be used.
    pub keys: Vec<Jwk>,
    /// Its secret, if one was made just now. This is the only time that it can be seen.
    pub secret: Option<GeneratedSecret>,
    /// The token with which the registration is changed from now on, if it is another one than before.
    pub token: Option<crate::registry::OpaqueToken>,
}

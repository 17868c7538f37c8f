//! Tokens with which a participant's machines register themselves (RFC 7591 §3).

mod add;
mod list;
mod revoke;

pub use add::{Added, NewInitialAccessToken, add};
pub use list::list;
pub use revoke::revoke;

const KIND: &str = "initial access token";

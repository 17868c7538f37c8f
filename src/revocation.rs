//! The revocation feed: every decision that concerns tokens which may still be valid, signed for verifiers.
//!
//! It is signed once for all nodes: the one whose insert succeeds has signed an epoch, and every node serves those
//! bytes. Nothing on the way of a request signs, writes or reads the database.

mod documents;
mod entry;
mod feed;

pub use documents::{FeedDocument, LIFETIME, MEDIA_TYPE, Published};
pub use feed::{Feed, FeedError};

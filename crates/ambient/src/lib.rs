//! Time and randomness, the two things that Carnet reads from its surroundings.
//!
//! Everything else takes a [`Clock`] and an [`Entropy`] as parameters, so that a test can set the hour,
//! let it pass, and repeat a run bit by bit. Clippy bans the ambient functions everywhere but here.

mod clock;
mod entropy;

pub use clock::Clock;
pub use entropy::Entropy;

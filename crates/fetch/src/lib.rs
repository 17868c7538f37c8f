//! The one way to fetch a URL that somebody else chose.
//!
//! A server that fetches a key set, a callback or a picture for somebody lends that somebody its place in the
//! network. This crate is the only door: `https` only, no redirects, no cookies, no proxy from the environment,
//! addresses vetted before the connection and the vetted address connected to, every answer bounded in time
//! and size. The cache rules of an answer ([`CacheControl`], [`Freshness`]) and [`SingleFlight`] are pure
//! types beside it.
//!
//! ```
//! # use carnet_fetch::{FetchError, FetchPolicy, Fetcher, Limits};
//! # use url::Url;
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! let fetcher = Fetcher::new(FetchPolicy::default(), carnet_ambient::Clock::system())?;
//! let metadata: Url = "http://169.254.169.254/latest/meta-data/".parse()?;
//! assert!(fetcher.get(&metadata, Limits::key_set()).await.is_err());
//! # Ok(()) }
//! # tokio::runtime::Runtime::new().unwrap().block_on(demo()).unwrap();
//! ```
#![deny(missing_docs)]

mod address;
mod body;
mod cache;
mod error;
mod fetcher;
mod flight;
mod policy;
mod request;
mod resolve;

pub use address::AddressClass;
pub use cache::{CacheControl, Clamps, Freshness, Phase};
pub use error::FetchError;
pub use fetcher::{Fetched, Fetcher};
pub use flight::SingleFlight;
pub use policy::{FetchPolicy, Limits, same_place};
pub use request::Request;

//! What a running server tells its operator: metrics that are scraped, and traces that are sent to a collector.
//!
//! The room knows no domain: others count with what it gives them, and `app::measure` says what is read at a scrape.

mod log;
pub mod metrics;
pub mod traces;

pub use log::count_lost_lines;
pub use metrics::{Metrics, Readers, Route, Running, Traffic};
pub use traces::Traces;

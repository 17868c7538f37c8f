//! What a benchmark says: figures beside their floors, as a table, as JSON and as plots. Nothing here measures.

mod figure;
mod json;
mod markdown;
mod spread;
mod svg;

pub use figure::{Figure, Goal, Measured, Verdict, Yardstick, number};
pub use json::json;
pub use markdown::{BEGIN, END, insert, table};
pub use spread::{Spread, percentile};
pub use svg::charts;

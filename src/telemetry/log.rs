use tracing_appender::non_blocking::ErrorCounter;

use super::Metrics;

/// Tells how many lines of the log were lost.
pub fn count_lost_lines(metrics: &Metrics, lost: ErrorCounter) {
    metrics.counter_of(
        "carnet_log_lines_dropped_total",
        "Log lines that were lost because whoever reads the log was too slow.",
        move |samples| samples.add_count(&[], u64::try_from(lost.dropped_lines()).unwrap_or(u64::MAX)),
    );
}

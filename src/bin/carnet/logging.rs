use std::io::IsTerminal;
use std::time::Duration;

use carnet::cli::local::Failure;
use carnet::config::{RawConfig, Tracing};
use carnet::telemetry::{Metrics, Traces, count_lost_lines};
use carnet_ambient::Entropy;
use tracing_appender::non_blocking::{ErrorCounter, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// How long spans are collected before they are sent to the collector.
const TRACES_DELAY: Duration = Duration::from_secs(2);

/// The log and the traces of a server. What is still to be written when this value goes is written then.
pub struct Logging {
    dropped: ErrorCounter,
    traces: Option<Traces>,
    _writer: WorkerGuard,
}

impl Logging {
    /// Tells what was lost on the way.
    pub fn register(&self, metrics: &Metrics) {
        count_lost_lines(metrics, self.dropped.clone());
        if let Some(traces) = &self.traces {
            traces.register(metrics);
        }
    }

    /// Sends the last spans.
    pub async fn finish(self) {
        if let Some(traces) = self.traces {
            traces.finish().await;
        }
    }
}

/// Starts the log of a server, on standard error, and its traces, if they are configured.
///
/// Lines wait in a bounded queue, so that whoever reads the log slowly, or not at all, holds up no request; the
/// queue is long, and lines that it cannot take are lost.
///
/// # Errors
/// When `[log]` or `[tracing]` makes no sense.
pub fn start(raw: &RawConfig) -> Result<Logging, Failure> {
    let terminal = std::io::stderr().is_terminal();
    let json = match raw.log.format.as_deref() {
        Some("human") => false,
        Some("json") => true,
        None | Some("auto") => !terminal,
        Some(other) => return Err(Failure(format!("log.format: `{other}` is not one of auto, human, json"))),
    };
    let filter = raw.log.filter.as_deref().unwrap_or("info");
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|error| Failure(format!("log.filter: `{filter}`: {error}")))?;
    let traces = match Tracing::validate(raw).map_err(Failure::from_error)? {
        Some(tracing) => Some(
            Traces::start(&tracing.otlp_endpoint, tracing.sample_ratio, TRACES_DELAY, Entropy::system())
                .map_err(|error| Failure(format!("tracing.otlp_endpoint: {error}")))?,
        ),
        None => None,
    };
    let (writer, guard) = tracing_appender::non_blocking(std::io::stderr());
    let dropped = writer.error_counter();
    let log = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        // A reader that went away must not take the server with it.
        .log_internal_errors(false)
        .with_ansi(terminal);
    let log = if json { log.json().flatten_event(true).boxed() } else { log.boxed() };
    // Each with a filter of its own: spans for the collector must not make the log longer.
    let log = tracing_subscriber::registry().with(log.with_filter(filter));
    match &traces {
        Some(traces) => log.with(traces.layer()).init(),
        // Not an empty layer: it would count as one that wants every span.
        None => log.init(),
    }
    Ok(Logging { dropped, traces, _writer: guard })
}

/// Starts the log of a command: warnings only, for the one who typed it.
pub fn start_for_commands() {
    let filter = EnvFilter::new("warn");
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A reader that went away must not take the server with it.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .init();
}

use std::io::IsTerminal;

use carnet::cli::local::Failure;
use carnet::config::RawConfig;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

/// Starts the log of a server, on standard error. What is still to be written when the returned guard goes is
/// written then.
///
/// Lines wait in a bounded queue, so that whoever reads the log slowly, or not at all, holds up no request; the
/// queue is long, and lines that it cannot take are lost.
///
/// # Errors
/// When `[log]` makes no sense.
pub fn start(raw: &RawConfig) -> Result<WorkerGuard, Failure> {
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
    let (writer, guard) = tracing_appender::non_blocking(std::io::stderr());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        // A reader that went away must not take the server with it.
        .log_internal_errors(false)
        .with_ansi(terminal);
    if json {
        log.json().flatten_event(true).init();
    } else {
        log.init();
    }
    Ok(guard)
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

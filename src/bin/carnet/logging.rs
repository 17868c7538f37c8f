use std::io::IsTerminal;

use carnet::cli::local::Failure;
use carnet::config::RawConfig;
use tracing_subscriber::EnvFilter;

/// Starts the log of a server, on standard error.
///
/// # Errors
/// When `[log]` makes no sense.
pub fn start(raw: &RawConfig) -> Result<(), Failure> {
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
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal);
    if json {
        log.json().flatten_event(true).init();
    } else {
        log.init();
    }
    Ok(())
}

/// Starts the log of a command: warnings only, for the one who typed it.
pub fn start_for_commands() {
    let filter = EnvFilter::new("warn");
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .init();
}

use carnet::cli::local::Failure;
use tokio::signal::unix::{SignalKind, signal};

/// Waits until the process is told to end, by SIGTERM or by Ctrl-C.
///
/// # Errors
/// When the handlers cannot be set.
pub async fn told_to_end() -> Result<&'static str, Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::from_error)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::from_error)?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

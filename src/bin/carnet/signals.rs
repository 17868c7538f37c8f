use carnet::cli::local::Failure;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that tell this process to end. Listen before saying that the server is ready: without a handler
/// a signal kills at once.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the handlers cannot be set.
    pub fn listen() -> Result<Self, Failure> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(Failure::from_error)?,
            interrupt: signal(SignalKind::interrupt()).map_err(Failure::from_error)?,
        })
    }

    /// Waits for SIGTERM or Ctrl-C, also one that came since listening began.
    pub async fn told_to_end(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

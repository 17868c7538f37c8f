//! The answering side: one worker thread, kept on its own core, for Carnet and for what it is compared with.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use tracing::Dispatch;

use super::measurement::{Outcome, Setup};

/// A runtime with one worker on the server's core.
pub struct Server {
    runtime: Option<Runtime>,
    /// Ends what listens.
    pub stop: CancellationToken,
}

impl Server {
    pub fn start(setup: &Setup) -> Outcome<Self> {
        Self::new(setup, None)
    }

    /// One whose threads write a log.
    pub fn logging(setup: &Setup, log: Dispatch) -> Outcome<Self> {
        Self::new(setup, Some(log))
    }

    fn new(setup: &Setup, log: Option<Dispatch>) -> Outcome<Self> {
        let cores = setup.cores;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            // Threads that these threads start, such as those of the database, stay on that core as well.
            .on_thread_start(move || {
                cores.on_server().keep();
                if let Some(log) = &log {
                    // For as long as the thread lives, and for no other thread.
                    std::mem::forget(tracing::dispatcher::set_default(log));
                }
            })
            .enable_all()
            .build()?;
        Ok(Self { runtime: Some(runtime), stop: CancellationToken::new() })
    }

    /// Runs something on the worker and waits for it.
    pub fn run<T: Send + 'static>(
        &self,
        what: impl Future<Output = Outcome<T>> + Send + 'static,
    ) -> Outcome<T> {
        let runtime = self.runtime.as_ref().ok_or("the server has ended")?;
        runtime.block_on(async { tokio::spawn(what).await })?
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(2));
        }
    }
}

/// Serves a router with what axum offers for that, and nothing of Carnet's: neither the bounds of its accept loop nor
/// its guard, so that what they cost shows in the ratio.
pub async fn plain(router: Router) -> Outcome<SocketAddr> {
    let socket = TcpListener::bind("127.0.0.1:0").await?;
    let address = socket.local_addr()?;
    let socket = socket.tap_io(|stream| {
        // As Carnet's own loop does.
        let _ = stream.set_nodelay(true);
    });
    tokio::spawn(async move { axum::serve(socket, router).await });
    Ok(address)
}

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use http::{HeaderValue, Version, header};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use super::prompt::Prompt;
use crate::telemetry::Traffic;

/// Bounds on what a connection may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once; further ones wait in the kernel's queue.
    pub connections: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long the header of a request may take, and how long a connection may stay idle.
    pub header: Duration,
    /// How long a peer may take for each step of reading an answer.
    pub patience: Duration,
    /// How long a connection without a request may stay, whatever protocol it speaks.
    pub idle: Duration,
    /// Largest header section, bytes.
    pub header_bytes: usize,
    /// Requests at once on one connection that speaks HTTP/2. Each costs what a connection of HTTP/1 costs.
    pub streams: u32,
    /// How long connections of HTTP/1 may wait for one more request once the server is told to stop, whose answer tells
    /// them that it is the last one.
    pub farewell: Duration,
    /// How long requests in flight may take once the server is told to stop, the farewell included.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(10),
            patience: Duration::from_secs(30),
            idle: Duration::from_mins(1),
            header_bytes: 32 * 1024,
            streams: 32,
            farewell: Duration::from_secs(2),
            // With what is written down afterwards less than the ten seconds after which container runtimes kill.
            drain: Duration::from_secs(7),
        }
    }
}

/// A bound address and what answers there.
pub struct Listener {
    /// The bound socket.
    pub socket: TcpListener,
    /// TLS, or none for plain HTTP.
    pub tls: Option<TlsAcceptor>,
    /// What answers.
    pub router: Router,
    /// Bounds on a connection.
    pub limits: Limits,
    /// Who counts the connections.
    pub traffic: Arc<Traffic>,
}

impl Listener {
    /// Accepts connections until `stop`, then lets requests in flight end.
    ///
    /// An own loop and not `axum::serve`: that one has no header timeout, so that a client which sends a
    /// byte a minute keeps its connection for ever, and it would do one TLS handshake after the other.
    pub async fn serve(self, stop: CancellationToken) {
        let graceful = GracefulShutdown::new();
        let slots = Arc::new(Semaphore::new(self.limits.connections));
        self.traffic.set_limit(self.limits.connections);
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header)
            .max_buf_size(self.limits.header_bytes.max(8192));
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.streams)
            .max_header_list_size(u32::try_from(self.limits.header_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10));
        let (builder, leaving) = (Arc::new(builder), Arc::new(AtomicBool::new(false)));
        let run = |stream: TcpStream, peer: SocketAddr, slot: OwnedSemaphorePermit| {
            let (watcher, router, limits) = (graceful.watcher(), self.router.clone(), self.limits);
            let (builder, tls) = (Arc::clone(&builder), self.tls.clone());
            let activity = Arc::new(Activity::new(&leaving));
            let (open, traffic) = (self.traffic.connected(), Arc::clone(&self.traffic));
            tokio::spawn(async move {
                let (_slot, _open) = (slot, open);
                match tls {
                    None => connection(stream, peer, router, &builder, watcher, limits, activity).await,
                    Some(tls) => match tokio::time::timeout(limits.handshake, tls.accept(stream)).await {
                        Ok(Ok(stream)) => {
                            connection(stream, peer, router, &builder, watcher, limits, activity).await;
                        }
                        Ok(Err(error)) => {
                            traffic.connection_failed("tls_handshake");
                            tracing::debug!(%peer, %error, "TLS handshake failed");
                        }
                        Err(_) => {
                            traffic.connection_failed("tls_timeout");
                            tracing::debug!(%peer, "TLS handshake took too long");
                        }
                    },
                }
            });
        };
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = accept(&self.socket, &slots, &self.traffic) => accepted,
            };
            if let Some((stream, peer, slot)) = accepted {
                run(stream, peer, slot);
            }
        }
        leaving.store(true, Ordering::Relaxed);
        // Who is in the kernel's queue has connected, and would be reset with the socket.
        close_the_door(&self.socket);
        let emptied = async {
            while let Ok(Some((stream, peer, slot))) =
                tokio::time::timeout(EMPTY, accept(&self.socket, &slots, &self.traffic)).await
            {
                run(stream, peer, slot);
            }
        };
        if tokio::time::timeout(QUEUE, emptied).await.is_err() {
            tracing::warn!(
                "connections kept coming while the listener was closed; the last of them are reset"
            );
        }
        drop(self.socket);
        let ended = async {
            // A connection that is closed while its client writes the next request loses it, and with it what may not be
            // sent twice. So those that are busy are told with their next answer, and only those that were idle closed.
            let all = u32::try_from(self.limits.connections).unwrap_or(u32::MAX);
            let _ = tokio::time::timeout(self.limits.farewell, slots.acquire_many(all)).await;
            graceful.shutdown().await;
        };
        if tokio::time::timeout(self.limits.drain, ended).await.is_err() {
            tracing::warn!("requests in flight did not end in time and were cut off");
        }
    }
}

/// The queue counts as empty when nobody has come for so long.
const EMPTY: Duration = Duration::from_millis(20);
/// How long those who had connected may be taken in after the stop.
const QUEUE: Duration = Duration::from_secs(2);

/// Lets nobody new into the kernel's queue while those who are in it are taken in: under load it would never be empty, and
/// whoever comes meanwhile would be reset. Linux drops their first packet by a filter on the listening socket that lets
/// nothing through; they try again, and find another node or a closed port. Where that cannot be done, the bound on the
/// time has to do.
fn close_the_door(socket: &TcpListener) {
    #[cfg(target_os = "linux")]
    {
        // One instruction of the classic packet filter: return, with zero bytes kept (BPF_RET | BPF_K).
        let nothing = [socket2::SockFilter::new(0x06, 0, 0, 0)];
        if let Err(error) = socket2::SockRef::from(socket).attach_filter(&nothing) {
            tracing::debug!(%error, "no filter on the listening socket");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
}

async fn accept(
    socket: &TcpListener,
    slots: &Arc<Semaphore>,
    traffic: &Traffic,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match socket.accept().await {
        Ok((stream, peer)) => {
            let _ = stream.set_nodelay(true);
            Some((stream, peer, slot))
        }
        Err(error) => {
            // Out of file descriptors, most likely: without a pause the loop would burn a core.
            traffic.connection_failed("accept");
            tracing::warn!(%error, "cannot accept a connection");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn connection<S>(
    stream: S,
    peer: SocketAddr,
    router: Router,
    builder: &Builder<TokioExecutor>,
    watcher: Watcher,
    limits: Limits,
    activity: Arc<Activity>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let observed = Arc::clone(&activity);
    let service = hyper::service::service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let version = request.version();
        // A router is always ready.
        let answer = router.clone().call(request.map(axum::body::Body::new));
        let running = observed.begin();
        async move {
            let mut answer = answer.await?;
            // HTTP/2 has frames for that, and no such header (RFC 9113 §8.2.2).
            if version <= Version::HTTP_11 && running.is_last() {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let stream = TokioIo::new(Prompt::new(stream, limits.header, limits.patience));
    let served = builder.serve_connection(stream, service).into_owned();
    tokio::select! {
        end = watcher.watch(served) => {
            if let Err(error) = end {
                tracing::debug!(%peer, %error, "connection ended with an error");
            }
        }
        // HTTP/1 ends idle connections by its header timeout; HTTP/2 would keep them as long as pings are answered.
        () = activity.idle(limits.idle) => tracing::debug!(%peer, "idle connection closed"),
    }
}

/// What a connection is doing.
#[derive(Debug)]
struct Activity {
    begun: AtomicU64,
    running: AtomicU64,
    /// Whether the listener takes in nobody any more.
    leaving: Arc<AtomicBool>,
}

/// A request that is being answered.
struct Request(Arc<Activity>);

impl Request {
    fn is_last(&self) -> bool {
        self.0.leaving.load(Ordering::Relaxed)
    }
}

impl Activity {
    fn new(leaving: &Arc<AtomicBool>) -> Self {
        Self { begun: AtomicU64::new(0), running: AtomicU64::new(0), leaving: Arc::clone(leaving) }
    }

    fn begin(self: &Arc<Self>) -> Request {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
        Request(Arc::clone(self))
    }

    /// Returns when for `time`, at most twice that, no request has begun or been answered.
    async fn idle(&self, time: Duration) {
        loop {
            let before = self.begun.load(Ordering::Relaxed);
            tokio::time::sleep(time).await;
            if self.running.load(Ordering::Relaxed) == 0 && self.begun.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use carnet_ambient::Clock;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::telemetry::Metrics;

    #[tokio::test]
    async fn one_connection_is_told_how_many_requests_it_may_have_at_once() {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let traffic = Metrics::new(&Clock::system()).traffic("public");
        let (router, limits, stop) = (Router::new(), Limits::default(), CancellationToken::new());
        tokio::spawn(Listener { socket, tls: None, router, limits, traffic }.serve(stop.clone()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The preface with empty settings, and what comes back first: the server's (RFC 9113 §3.4, §6.5).
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        let mut frame = [0; 9];
        stream.read_exact(&mut frame).await.unwrap();
        assert_eq!((frame[0], frame[1], frame[3]), (0, 0, 4), "no settings: {frame:?}");
        let mut settings = vec![0; usize::from(frame[2])];
        stream.read_exact(&mut settings).await.unwrap();
        let most = settings.chunks(6).find(|setting| setting[..2] == [0, 3]).unwrap();
        assert_eq!(most[2..], limits.streams.to_be_bytes());
        stop.cancel();
    }
}

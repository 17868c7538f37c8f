//! Those who guess. They send as fast as they are answered, and begin again when they are cut off.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use carnet::registry::GeneratedSecret;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{AT_VICTIM, CONNECTIONS};
use crate::http::{self, Credentials, whole};
use crate::measurement::{Outcome, Setup};

/// The connections come from 127.0.0.2 to 127.0.0.9.
const ADDRESSES: usize = 8;
/// Whoever guesses the victim's secret sits here.
const AT_THE_VICTIM: u8 = 10;
const AT_THE_VICTIM_CONNECTIONS: usize = 8;
/// Whoever is cut off comes back after this.
const PAUSE: Duration = Duration::from_millis(5);

/// Requests with wrong secrets, ready to be sent.
pub struct Guesses {
    all: Vec<Vec<u8>>,
    victim: Vec<Vec<u8>>,
    next: AtomicUsize,
    refused: AtomicU64,
}

/// An attack that goes on.
pub struct Attack {
    stop: CancellationToken,
    thread: JoinHandle<Outcome<()>>,
    guesses: Arc<Guesses>,
    refused_before: u64,
}

impl Guesses {
    pub fn make(
        setup: &Setup,
        address: SocketAddr,
        attacked: &[Credentials],
        victim: &Credentials,
    ) -> Outcome<Self> {
        let guess = |client: &Credentials| {
            let secret = GeneratedSecret::new(&setup.entropy, &client.client_id);
            let guess = Credentials {
                client_id: client.client_id.clone(),
                client_secret: secret.expose().to_owned(),
            };
            http::by_secret(address, &guess)
        };
        let all: Vec<_> = attacked.iter().map(guess).collect();
        if all.is_empty() {
            return Err("there is nobody to attack".into());
        }
        let victim = (0..AT_VICTIM).map(|_| guess(victim)).collect();
        Ok(Self { all, victim, next: AtomicUsize::new(0), refused: AtomicU64::new(0) })
    }

    fn next(&self) -> &[u8] {
        &self.all[self.next.fetch_add(1, Ordering::Relaxed) % self.all.len()]
    }
}

impl Attack {
    /// Begins it, in a thread of its own.
    pub fn begin(address: SocketAddr, guesses: Arc<Guesses>) -> Outcome<Self> {
        let stop = CancellationToken::new();
        let refused_before = guesses.refused.load(Ordering::Relaxed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (token, theirs) = (stop.clone(), Arc::clone(&guesses));
        let thread = std::thread::spawn(move || runtime.block_on(all(address, theirs, token)));
        Ok(Self { stop, thread, guesses, refused_before })
    }

    /// Ends it; returns how many guesses were refused until now.
    pub fn end(self) -> Outcome<f64> {
        let refused = self.guesses.refused.load(Ordering::Relaxed) - self.refused_before;
        self.stop.cancel();
        self.thread.join().map_err(|_| "the attackers broke down")??;
        Ok(f64::from(u32::try_from(refused)?))
    }
}

async fn all(address: SocketAddr, guesses: Arc<Guesses>, stop: CancellationToken) -> Outcome<()> {
    let mut attackers = JoinSet::new();
    for number in 0..CONNECTIONS {
        let from = u8::try_from(2 + number % ADDRESSES)?;
        let (guesses, stop) = (Arc::clone(&guesses), stop.clone());
        attackers.spawn(async move {
            let mut attacker = Attacker { from, address, stream: None };
            while !stop.is_cancelled() {
                attacker.guess(&guesses, guesses.next()).await?;
            }
            Ok(())
        });
    }
    for number in 0..AT_THE_VICTIM_CONNECTIONS {
        let guesses = Arc::clone(&guesses);
        attackers.spawn(async move {
            let mut attacker = Attacker { from: AT_THE_VICTIM, address, stream: None };
            // All of them, even if the time is over: the victim has to bear that many.
            for request in guesses.victim.iter().skip(number).step_by(AT_THE_VICTIM_CONNECTIONS) {
                attacker.guess(&guesses, request).await?;
            }
            Ok(())
        });
    }
    while let Some(ended) = attackers.join_next().await {
        let outcome: Outcome<()> = ended?;
        outcome?;
    }
    Ok(())
}

/// One connection, made again when it is lost.
struct Attacker {
    from: u8,
    address: SocketAddr,
    stream: Option<TcpStream>,
}

impl Attacker {
    /// Sends one guess. Being refused, told to wait or cut off is what an attacker expects; a token is not.
    async fn guess(&mut self, guesses: &Guesses, request: &[u8]) -> Outcome<()> {
        match self.exchange(request).await {
            Ok(200) => Err("a wrong secret was accepted".into()),
            Ok(_) => {
                guesses.refused.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(_) => {
                self.stream = None;
                tokio::time::sleep(PAUSE).await;
                Ok(())
            }
        }
    }

    async fn exchange(&mut self, request: &[u8]) -> Outcome<u16> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect().await?,
        };
        stream.write_all(request).await?;
        let mut answer = Vec::with_capacity(1024);
        let status = loop {
            if stream.read_buf(&mut answer).await? == 0 {
                return Err("cut off".into());
            }
            if let Some(status) = whole(&answer)? {
                break status;
            }
        };
        self.stream = Some(stream);
        Ok(status)
    }

    async fn connect(&self) -> Outcome<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        let from = IpAddr::V4(Ipv4Addr::new(127, 0, 0, self.from));
        socket.bind(SocketAddr::new(from, 0))?;
        let stream = socket.connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

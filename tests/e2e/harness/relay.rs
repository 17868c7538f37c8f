use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::port;

/// A plain TCP relay before one or several servers: it knows no protocol, takes each connection to the next server
/// that accepts it, and can be frozen, so that whoever is behind it seems to have vanished from the network.
pub struct Relay {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    servers: Vec<SocketAddr>,
    next: AtomicUsize,
    frozen: AtomicBool,
    /// Counts up when the server is replaced: what was connected before is dead.
    generation: AtomicUsize,
    ended: AtomicBool,
}

const TICK: Duration = Duration::from_millis(20);
/// How long a server may take to accept. One that stops lets nobody in for a moment before it refuses; who waited for it
/// longer would be back when the kernel tries again, after a second.
const CONNECT: Duration = Duration::from_millis(50);
/// How many servers are tried for a connection, the same ones again and again.
const TRIES: usize = 6;

impl Relay {
    /// Begins to relay.
    pub fn start(servers: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port::free())).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (next, generation) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (frozen, ended) = (AtomicBool::new(false), AtomicBool::new(false));
        let state = Arc::new(State { servers, next, frozen, generation, ended });
        let running = Arc::clone(&state);
        thread::spawn(move || {
            while !running.ended.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((client, _)) => {
                        let state = Arc::clone(&running);
                        thread::spawn(move || state.relay(client));
                    }
                    Err(_) => thread::sleep(Duration::from_millis(2)),
                }
            }
        });
        Self { address, state }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nothing passes any more, in neither direction, and no connection ends.
    pub fn freeze(&self) {
        self.state.frozen.store(true, Ordering::Relaxed);
    }

    /// Whoever is behind it has died without a word and was replaced: on connections from before nothing ever passes
    /// again, and none of them ends; new ones are served.
    pub fn replace(&self) {
        self.state.generation.fetch_add(1, Ordering::Relaxed);
        self.thaw();
    }

    /// Everything passes again.
    pub fn thaw(&self) {
        self.state.frozen.store(false, Ordering::Relaxed);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
    }
}

impl State {
    fn relay(self: Arc<Self>, client: TcpStream) {
        client.set_nonblocking(false).unwrap();
        let generation = self.generation.load(Ordering::Relaxed);
        self.wait_while_frozen(generation);
        let Some(server) = self.connect() else { return };
        // Whatever comes goes on at once: a kernel that waits for more would add its 40 ms to every round.
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let state = Arc::clone(&self);
        let there = thread::spawn(move || state.pump(from_client, to_server, generation));
        self.pump(server, client, generation);
        let _ = there.join();
    }

    fn connect(&self) -> Option<TcpStream> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        (first..first + TRIES).find_map(|turn| {
            let server = self.servers[turn % self.servers.len()];
            TcpStream::connect_timeout(&server, CONNECT).ok()
        })
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream, generation: usize) {
        from.set_read_timeout(Some(TICK)).unwrap();
        let mut piece = [0; 16 * 1024];
        while !self.ended.load(Ordering::Relaxed) {
            self.wait_while_frozen(generation);
            match from.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => {
                    self.wait_while_frozen(generation);
                    if to.write_all(&piece[..length]).is_err() {
                        break;
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => break,
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }

    fn wait_while_frozen(&self, generation: usize) {
        let is_dead = || self.generation.load(Ordering::Relaxed) != generation;
        while (self.frozen.load(Ordering::Relaxed) || is_dead()) && !self.ended.load(Ordering::Relaxed) {
            thread::sleep(TICK);
        }
    }
}

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A free loopback port.
///
/// From a range below the system's ephemeral ports: an outgoing connection of another test can never take it
/// between this look and the server's bind.
pub fn free() -> u16 {
    let process = u16::try_from(std::process::id() % 500).unwrap_or(0) * 20;
    loop {
        let port = 20_000 + (process + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

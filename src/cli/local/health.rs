use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use clap::Args;

use super::Failure;

/// Flags of `carnet health`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  carnet health --address 127.0.0.1:8080")]
pub struct HealthArgs {
    /// Address of a plain-HTTP listener of the server, usually the administration listener.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8081")]
    pub address: String,
}

/// Asks `/readyz`.
///
/// # Errors
/// When the server does not answer or is not ready.
pub fn health(args: &HealthArgs) -> Result<(), Failure> {
    if args.address.contains('/') {
        return Err(Failure(format!("`{}` is a URL: give HOST:PORT of a plain-HTTP listener", args.address)));
    }
    let unreachable = |error: std::io::Error| {
        Failure(format!(
            "{}: {error}; is carnet serve running there? Its administration listener is --address HOST:PORT",
            args.address
        ))
    };
    let address = args
        .address
        .to_socket_addrs()
        .map_err(unreachable)?
        .next()
        .ok_or_else(|| Failure(format!("`{}` names no address", args.address)))?;
    let wait = Duration::from_secs(3);
    let mut stream = TcpStream::connect_timeout(&address, wait).map_err(unreachable)?;
    stream.set_read_timeout(Some(wait)).map_err(unreachable)?;
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .map_err(unreachable)?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer).map_err(unreachable)?;
    if answer.starts_with("HTTP/1.1 200") {
        println!("ready");
        Ok(())
    } else {
        Err(Failure(format!(
            "{} is not ready: its log says why, and carnet doctor looks for it",
            args.address
        )))
    }
}

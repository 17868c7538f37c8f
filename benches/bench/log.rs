//! `log.es256.secret`: what the line in the log costs that tells of each token. `token.*` is measured without a log, as
//! its floor is; here the same requests go to two servers that differ in that alone.

use std::fs::File;
use std::net::SocketAddr;

use carnet::registry::SigningAlgorithm;
use carnet_testkit::measure::Figure;
use tracing::Dispatch;

use super::http;
use super::iap::Iap;
use super::load::{Until, drive};
use super::measurement::{Outcome, PER_SECOND, Setup};
use super::server::Server;

pub fn measure(setup: &Setup) -> Outcome<Vec<Figure>> {
    // As `carnet serve` writes it when nobody sits at the terminal: JSON lines, written by a thread of their own.
    let (writer, _guard) = tracing_appender::non_blocking(File::options().write(true).open("/dev/null")?);
    let log = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_writer(writer)
        .with_ansi(false)
        .json()
        .flatten_event(true)
        .finish();
    let (logging, silent) = (Server::logging(setup, Dispatch::new(log))?, Server::start(setup)?);
    let folder = tempfile::tempdir()?;
    let with_log = client(&logging, folder.path().join("logging"))?;
    let without = client(&silent, folder.path().join("silent"))?;
    let ask = |(address, request): &(SocketAddr, Vec<u8>)| {
        drive(setup, *address, std::slice::from_ref(request), Until::Passed(setup.round()))
    };
    let [value, floor] = setup.interleave([&mut || ask(&with_log), &mut || ask(&without)])?;
    Ok(vec![Figure::new("log.es256.secret", PER_SECOND, value).floor("without a log", floor, None)])
}

/// Starts a server; returns its address and the request of a client.
fn client(server: &Server, data_dir: std::path::PathBuf) -> Outcome<(SocketAddr, Vec<u8>)> {
    let stop = server.stop.clone();
    server.run(async move {
        let iap = Iap::start(&data_dir, stop).await?;
        let participant = iap.participant().await?;
        let client = iap.with_secret(&participant, SigningAlgorithm::Es256).await?;
        let (address, request) = (iap.address, http::by_secret(iap.address, &client));
        // Its keys stay prepared as long as it lives, which is as long as the server.
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(iap);
        });
        Ok((address, request))
    })
}

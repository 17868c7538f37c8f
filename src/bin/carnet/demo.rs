//! `carnet demo`: the main job on one machine, without network or prior set-up.

mod cast;
mod printer;
mod script;

use std::process::ExitCode;

use carnet::cli::local::{DemoArgs, Failure};
use carnet::config::{Config, RawConfig};
use carnet_ambient::{Clock, Entropy};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::serve::{Running, Sockets};
use crate::signals::Signals;

/// Plays the demonstration.
pub async fn demo(args: &DemoArgs) -> Result<ExitCode, Failure> {
    let folder = tempfile::Builder::new().prefix("carnet-demo-").tempdir().map_err(Failure::from_error)?;
    let mut signals = Signals::listen()?;
    let (sockets, config) = stage(folder.path()).await?;
    let stop = CancellationToken::new();
    let running = Running::start(config, sockets, Clock::system(), Entropy::system(), stop.clone()).await?;
    let mut printer = printer::Printer::new();
    script::play(&running.app, &mut printer).await;
    if !args.exit {
        script::invite(&running.app, &mut printer);
    }
    let unexpected = printer.finish();
    if !args.exit {
        signals.told_to_end().await;
    }
    stop.cancel();
    running.stopped().await;
    Ok(if unexpected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Three free ports and the configuration of an identity provider and a record server on them.
async fn stage(folder: &std::path::Path) -> Result<(Sockets, Config), Failure> {
    let free = || async { TcpListener::bind("127.0.0.1:0").await.map_err(Failure::from_error) };
    let (public, administration, record) = (free().await?, free().await?, free().await?);
    let address =
        |socket: &TcpListener| socket.local_addr().map(|a| a.to_string()).map_err(Failure::from_error);
    let mut raw = RawConfig::default();
    raw.server.data_dir = Some(folder.join("data"));
    raw.server.listen = Some(address(&public)?);
    raw.server.admin_listen = Some(address(&administration)?);
    raw.record.listen = Some(address(&record)?);
    raw.record.company = cast::companies();
    let config = Config::try_from(raw).map_err(Failure::from_error)?;
    Ok((Sockets { public, administration, record: Some(record) }, config))
}

use carnet::cli::local::{Failure, RecordServeArgs};
use carnet::config::RecordConfig;
use carnet::http::{Budget, Guard, Limits, Listener, Watch, guard};
use carnet::telemetry::Metrics;
use carnet_ambient::{Clock, Entropy};
use carnet_db::{Database, Engine};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::serve::bind;
use crate::signals::Signals;
use crate::{logging, service_manager};

/// `carnet record serve`: the record server alone. It knows the issuer's address and nothing else of it.
pub async fn serve(args: &RecordServeArgs) -> Result<(), Failure> {
    let (config, raw) = args.load()?;
    let logging = logging::start(&raw)?;
    let mut signals = Signals::listen()?;
    let socket = bind("the record server", config.listen).await?;
    if let (Engine::Sqlite, Some(folder)) = (config.database.engine(), &raw.server.data_dir) {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure(format!("cannot make the folder {}: {error}", folder.display())))?;
    }
    let mounted = Mounted::open(&config, Clock::system(), Entropy::system()).await?;
    let stop = CancellationToken::new();
    // Without an administration listener there is nowhere to ask for them.
    let metrics = Metrics::new(&Clock::system());
    let connections = Budget::of_this_process().public;
    let listener = tokio::spawn(mounted.listener(&config, socket, connections, &metrics).serve(stop.clone()));
    tracing::info!(
        base_url = config.base_url,
        issuer = config.issuer,
        audience = config.audience,
        companies = config.companies.len(),
        "the record server is ready"
    );
    service_manager::tell(service_manager::READY);
    let signal = signals.told_to_end().await;
    tracing::info!(signal, "stopping: no new connections, requests in flight are answered");
    service_manager::tell(service_manager::STOPPING);
    stop.cancel();
    let _ = listener.await;
    mounted.close().await;
    tracing::info!("stopped");
    logging.finish().await;
    Ok(())
}

/// A record server and its database.
pub struct Mounted {
    server: carnet_record::Server,
    database: Database,
}

impl Mounted {
    /// Opens it.
    pub async fn open(config: &RecordConfig, clock: Clock, entropy: Entropy) -> Result<Self, Failure> {
        let database = Database::connect(&config.database).await.map_err(Failure::from_error)?;
        let base_url = config.base_url.parse().map_err(Failure::from_error)?;
        let mut record = carnet_record::Config::new(base_url, config.issuer.clone(), config.audience.clone());
        record.companies = config
            .companies
            .iter()
            .map(|(path, identifier)| carnet_record::Company {
                path: path.clone(),
                identifier: Some(identifier.clone()),
            })
            .collect();
        record.allow_insecure_loopback = config.allow_insecure_loopback;
        record.allow_bearer = config.allow_bearer;
        record.key_cache_min = Duration::from_secs(config.key_cache_min);
        record.key_cooldown = Duration::from_secs(config.key_cooldown);
        record.revocation_poll = Duration::from_secs(config.revocation_poll);
        if !config.reads_without_feed {
            record.reads_without_feed = carnet_record::ReadsWithoutFeed::Refuse;
        }
        record.hide_existence = config.hide_existence;
        record.implicit_grant = config.implicit_grant;
        let server = carnet_record::Server::open(record, database.clone(), clock, entropy)
            .await
            .map_err(|error| Failure(format!("record server: {error}")))?;
        Ok(Self { server, database })
    }

    /// What answers on its socket.
    pub fn listener(
        &self,
        config: &RecordConfig,
        socket: TcpListener,
        connections: usize,
        metrics: &Metrics,
    ) -> Listener {
        let hosts = config.hosts.clone();
        let watch = Watch::new(metrics, "record", Clock::system(), config.trust_traceparent_from.clone());
        let timeout = Duration::from_secs(30);
        Listener {
            socket,
            tls: None,
            router: guard(
                self.server.router(),
                Guard { hosts, origins: None, proxies: None, timeout, watch },
            ),
            limits: Limits { connections, ..Limits::default() },
            traffic: metrics.traffic("record"),
        }
    }

    /// Closes the database.
    pub async fn close(self) {
        self.database.close().await;
    }
}

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use carnet::anchoring::Anchoring;
use carnet::app::{App, Start};
use carnet::cli::local::{Failure, ServeArgs};
use carnet::config::Config;
use carnet::http::{Budget, Limits, Listener, acceptor};
use carnet::{db, following, oauth, operations, router};
use carnet_ambient::{Clock, Entropy};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::signals::Signals;
use crate::{logging, record, service_manager};

/// How often what has expired is swept out.
const HOUSEKEEPING: Duration = Duration::from_mins(1);

/// How often the log is told which credentials will expire.
const EXPIRY_WARNINGS: Duration = Duration::from_hours(24);
/// The same after an attempt that failed.
const EXPIRY_WARNINGS_RETRY: Duration = Duration::from_mins(10);

/// How long the last head of the journal may take at the end.
const SETTLE: Duration = Duration::from_secs(10);

/// Sockets that are bound before anything is made, so that a taken port changes nothing.
pub struct Sockets {
    /// Of the public listener.
    pub public: TcpListener,
    /// Of the administration listener.
    pub administration: TcpListener,
    /// Of the record server, if it is on.
    pub record: Option<TcpListener>,
}

impl Sockets {
    async fn bind(config: &Config) -> Result<Self, Failure> {
        Ok(Self {
            public: bind("the public listener", config.listen()).await?,
            administration: bind("the administration listener", config.admin_listen()).await?,
            record: match config.record() {
                Some(record) => Some(bind("the record server", record.listen).await?),
                None => None,
            },
        })
    }
}

/// Binds an address, and says whose it was if that fails.
pub async fn bind(whose: &str, address: std::net::SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Failure(format!(
                "cannot listen on {address} for {whose}: {error}; stop what listens there, or choose another address \
                 with --listen, --admin-listen or --record-listen"
            )))
}

/// `carnet serve`.
pub async fn serve(args: &ServeArgs) -> Result<(), Failure> {
    let (config, raw) = args.load()?;
    let logging = logging::start(&raw)?;
    let mut signals = Signals::listen()?;
    let sockets = Sockets::bind(&config).await?;
    let stop = CancellationToken::new();
    let running = Running::start(config, sockets, Clock::system(), Entropy::system(), stop.clone()).await?;
    logging.register(&running.app.metrics);
    // Whoever asks for JSON collects both streams, and wants nothing else in them.
    if raw.log.format.as_deref() != Some("json") {
        print_banner(&running);
    }
    tracing::info!(
        issuer = running.app.config.issuer(),
        listen = %running.app.config.listen(),
        admin_listen = %running.app.config.admin_listen(),
        version = env!("CARGO_PKG_VERSION"),
        "carnet is ready"
    );
    service_manager::tell(service_manager::READY);
    let signal = signals.told_to_end().await;
    tracing::info!(signal, "stopping: no new connections, requests in flight are answered");
    service_manager::tell(service_manager::STOPPING);
    stop.cancel();
    running.stopped().await;
    tracing::info!("stopped");
    logging.finish().await;
    Ok(())
}

/// An identity provider that answers, with the record server beside it if that is on.
pub struct Running {
    /// Its parts.
    pub app: App,
    /// Whether this start made the installation.
    pub start: Start,
    oauth: oauth::State,
    listeners: JoinSet<()>,
    background: JoinSet<()>,
    anchoring: Anchoring,
    record: Option<record::Mounted>,
}

impl Running {
    /// Opens the installation and begins to answer.
    pub async fn start(
        config: Config,
        sockets: Sockets,
        clock: Clock,
        entropy: Entropy,
        stop: CancellationToken,
    ) -> Result<Self, Failure> {
        let tls = match config.tls() {
            Some(files) => {
                let host = config.issuer().split_once("://").map_or("", |(_, host)| host);
                Some(acceptor(files, host, &clock).map_err(Failure::from_error)?)
            }
            None => None,
        };
        // The library seeds its generator from the processor's jitter, at the first use, for some 40 ms: meanwhile the
        // registry is read.
        let first_use = entropy.clone();
        drop(tokio::task::spawn_blocking(move || first_use.bytes::<1>()));
        let record_config = config.record().cloned();
        let (app, start) =
            App::open(config, clock.clone(), entropy.clone()).await.map_err(Failure::from_error)?;
        // Refuses a database that was set back, before anything that was revoked since can be used again.
        let anchoring = Anchoring::open(&app).await.map_err(Failure::from_error)?;
        // Before anything answers, and before the memory of used assertions is opened: a record server that
        // cannot start must leave this stop as clean as it was.
        let record = match &record_config {
            Some(config) => Some(record::Mounted::open(config, clock, entropy).await?),
            None => None,
        };
        let oauth = oauth::State::new(&app).await.map_err(Failure::from_error)?;
        let budget = Budget::of_this_process();
        let public = Listener {
            socket: sockets.public,
            tls,
            router: router::public(&app, oauth.clone()),
            limits: Limits { connections: budget.public, ..Limits::default() },
            traffic: app.metrics.traffic("public"),
        };
        let administration = Listener {
            socket: sockets.administration,
            tls: None,
            router: router::administration(&app),
            limits: Limits { connections: budget.administration, ..Limits::default() },
            traffic: app.metrics.traffic("administration"),
        };
        let mut listeners = JoinSet::new();
        listeners.spawn(public.serve(stop.clone()));
        listeners.spawn(administration.serve(stop.clone()));
        if let (Some(config), Some(mounted), Some(socket)) = (&record_config, &record, sockets.record) {
            warn_of_unknown_audience(&app, &config.audience);
            listeners
                .spawn(mounted.listener(config, socket, budget.record, &app.metrics).serve(stop.clone()));
        }
        let mut background = JoinSet::new();
        background.spawn(following::follow(app.clone()));
        background.spawn(following::follow_feed(app.clone()));
        background.spawn(anchoring.clone().follow());
        background.spawn(housekeeping(app.clone(), anchoring.clone()));
        background.spawn(tend_keys(app.clone()));
        background.spawn(warn_of_expiry(operations::Context::new(&app)));
        warn_of_unnamed_proxy(&app);
        Ok(Self { app, start, oauth, listeners, background, anchoring, record })
    }

    /// Waits until every listener has drained, then saves what must survive and closes.
    pub async fn stopped(mut self) {
        while self.listeners.join_next().await.is_some() {}
        self.background.shutdown().await;
        if let Err(error) = self.oauth.save().await {
            tracing::error!(%error, "the consumed assertion identifiers could not be saved");
        }
        let settled = tokio::time::timeout(SETTLE, self.anchoring.settle()).await;
        match settled {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "the journal's last head could not be signed or written down");
            }
            // A database that hangs must not keep a service manager waiting until it kills this process.
            Err(_) => tracing::error!("the database does not answer; the journal's last head is not signed"),
        }
        if let Some(record) = self.record {
            record.close().await;
        }
        self.app.database.close().await;
    }
}

/// The record server can only be used with tokens that name it.
fn warn_of_unknown_audience(app: &App, audience: &str) {
    let known = app.registry.current().is_ok_and(|image| image.resource_server(audience).is_some());
    if !known {
        tracing::warn!(
            audience,
            "no token will be accepted by the record server: its audience is not registered; see carnet resource \
             list, then carnet resource set ID --identifier AUDIENCE, or carnet resource add"
        );
    }
}

async fn housekeeping(app: App, anchoring: Anchoring) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    loop {
        ticks.tick().await;
        let pool = app.database.writer().pool();
        let swept = async {
            db::administration_token::forget_expired(pool, app.clock.now_millis()).await?;
            db::idempotency_record::forget_expired(pool, app.clock.now_millis()).await?;
            db::consumed_identifier::forget_expired(pool, app.clock.now()).await
        };
        if let Err(error) = swept.await {
            app.metrics.database_error("housekeeping");
            tracing::warn!(%error, "what has expired could not be swept out; trying again in a minute");
        }
        if let Err(error) = anchoring.trim().await {
            tracing::warn!(%error, "old journal records could not be removed; trying again in a minute");
        }
    }
}

/// Keeps the signing keys going: successors are announced, take over and retire without anybody's doing.
async fn tend_keys(app: App) {
    let context = operations::Context::new(&app);
    let every = Duration::from_secs(u64::try_from(app.config.key_life().lead / 8).unwrap_or(0).clamp(1, 30));
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = operations::signing_key::tend(&context).await {
            tracing::warn!(%error, "what is due on the signing keys could not be done; trying again soon");
        }
    }
}

/// Whoever stands between hides all the world behind one address.
fn warn_of_unnamed_proxy(app: &App) {
    if app.config.proxies().hide_local {
        tracing::warn!(
            "the issuer is https and this server does not speak TLS, so that a proxy must stand before it: name it in \
             server.trusted_proxies, for instance [\"127.0.0.1\"]. Until then nobody's failed attempts are throttled \
             that come from this machine or a private network, and no client with an address list gets a token there"
        );
    }
}

/// At the start and once a day.
async fn warn_of_expiry(context: operations::Context) {
    let mut since = None;
    loop {
        let pause = match operations::expiring::warn(&context, since).await {
            Ok(until) => {
                since = Some(until);
                EXPIRY_WARNINGS
            }
            Err(error) => {
                tracing::warn!(%error, "what will expire could not be looked up; trying again in ten minutes");
                EXPIRY_WARNINGS_RETRY
            }
        };
        tokio::time::sleep(pause).await;
    }
}

fn print_banner(running: &Running) {
    let config = &running.app.config;
    let mut text = format!(
        "carnet {}\n  issuer          {}\n  administration  {}\n",
        env!("CARGO_PKG_VERSION"),
        config.issuer(),
        config.admin_url()
    );
    if let Some(record) = config.record() {
        let _ = writeln!(text, "  record server   {} (audience {})", record.base_url, record.audience);
        if record.companies.is_empty() {
            text.push_str(
                "                  serves no company yet: add [[record.company]] to the configuration\n",
            );
        }
    }
    let _ = writeln!(text, "  data            {}", config.data_dir().display());
    text.push('\n');
    if let Start::First(credentials) = &running.start {
        let _ = writeln!(
            text,
            "First start: keys, database and one administrator were made.\n\
             The administrator's secret is valid for 24 hours: {}\n\n\
             Next, in another terminal:\n  \
             export CARNET_CREDENTIALS={}\n  \
             carnet participant add --help",
            credentials.display(),
            credentials.display()
        );
    } else {
        let _ = writeln!(
            text,
            "Credentials lost or expired? Stop the server and run: carnet admin reset --data-dir {}",
            config.data_dir().display()
        );
    }
    // A closed standard output is no reason to stop serving.
    let _ = std::io::stdout().write_all(text.as_bytes());
    let _ = std::io::stdout().flush();
}

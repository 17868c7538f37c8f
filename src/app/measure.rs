//! What is read at each scrape: the age of what is known, and how long it will last.

use std::sync::{Arc, Mutex, PoisonError};

use carnet_ambient::Clock;
use carnet_db::Database;
use carnet_db::sqlx::AnyPool;

use super::App;
use crate::keys::Keys;
use crate::registry::{ClientKind, Follower, Image};
use crate::telemetry::Metrics;

/// Registers them.
pub(super) fn register(app: &App) {
    let metrics = &app.metrics;
    registry(metrics, &app.registry);
    clients(metrics, &app.registry, &app.clock);
    keys(metrics, &app.keys, &app.clock);
    database(metrics, &app.database);
}

fn registry(metrics: &Metrics, registry: &Follower) {
    let follower = registry.clone();
    metrics.gauge(
        "carnet_ready",
        "1 while this node issues tokens: its image is fresh and its clock agrees with the database's.",
        move |samples| samples.add(&[], f64::from(u8::from(follower.current().is_ok()))),
    );
    let follower = registry.clone();
    metrics.gauge(
        "carnet_registry_image_age_seconds",
        "Time since the last successful look at the database's change number; above 2 s no tokens are issued.",
        move |samples| samples.add(&[], follower.observe().age.as_secs_f64()),
    );
    let follower = registry.clone();
    metrics.gauge(
        "carnet_registry_change_number",
        "The change number of the memory image; on several nodes the same, but for the moment of a change.",
        move |samples| samples.add_count(&[], count(follower.observe().image.change())),
    );
    let follower = registry.clone();
    metrics.gauge(
        "carnet_clock_agrees",
        "1 while this machine's clock is within 5 s of the database's; else no tokens are issued.",
        move |samples| samples.add(&[], f64::from(u8::from(follower.observe().clock_fits))),
    );
    let follower = registry.clone();
    metrics.counter_of(
        "carnet_registry_polls_failed_total",
        "Looks at the database's change number that failed.",
        move |samples| samples.add_count(&[], follower.failed_polls()),
    );
    let follower = registry.clone();
    metrics.gauge("carnet_resource_servers", "Registered resource servers.", move |samples| {
        samples.add_count(&[], length(follower.observe().image.resource_server_count()));
    });
}

/// What an image says of clients and their credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Census {
    /// Of this image.
    change: i64,
    /// Until then nothing expires that would change it, milliseconds since 1970-01-01 UTC.
    good_until: i64,
    machines: [u64; 2],
    administrators: [u64; 2],
    secrets: u64,
    keys: u64,
    next_secret: Option<i64>,
    next_key: Option<i64>,
    /// When the first of the active machines is left without a credential.
    next_lockout: Option<i64>,
    locked_out: u64,
}

impl Census {
    fn take(image: &Image, now: i64) -> Self {
        let mut census = Self {
            change: image.change(),
            good_until: i64::MAX,
            machines: [0; 2],
            administrators: [0; 2],
            secrets: 0,
            keys: 0,
            next_secret: None,
            next_key: None,
            next_lockout: None,
            locked_out: 0,
        };
        for entry in image.clients() {
            let active = entry.is_active();
            let state = usize::from(!active);
            match entry.client().kind {
                ClientKind::Administrator => census.administrators[state] += 1,
                ClientKind::Machine => census.machines[state] += 1,
            }
            // Whoever is disabled loses nothing.
            if !active {
                continue;
            }
            let secrets = entry.secrets().iter().map(|secret| secret.expires_at);
            let keys = entry.keys().iter().map(|usable| usable.key.not_after);
            census.secrets += tally(secrets.clone(), now, &mut census.next_secret);
            census.keys += tally(keys.clone(), now, &mut census.next_key);
            // Without an end is later than any end.
            let last = secrets.chain(keys).map(|end| end.unwrap_or(i64::MAX)).max();
            match (entry.client().kind, last) {
                // The first administrator's secret expires by design, and is made anew on the machine.
                (ClientKind::Administrator, _) | (_, Some(i64::MAX)) => {}
                (_, Some(end)) if end > now => sooner(&mut census.next_lockout, end),
                _ => census.locked_out += 1,
            }
        }
        census.good_until =
            [census.next_secret, census.next_key].into_iter().flatten().min().unwrap_or(i64::MAX);
        census
    }
}

/// Counts the ends that are not there or to come, and remembers the next of them.
fn tally(ends: impl Iterator<Item = Option<i64>>, now: i64, next: &mut Option<i64>) -> u64 {
    let mut usable = 0;
    for end in ends {
        match end {
            Some(end) if end <= now => continue,
            Some(end) => sooner(next, end),
            None => {}
        }
        usable += 1;
    }
    usable
}

fn sooner(next: &mut Option<i64>, end: i64) {
    *next = Some(next.map_or(end, |known| known.min(end)));
}

fn clients(metrics: &Metrics, registry: &Follower, clock: &Clock) {
    let (follower, time) = (registry.clone(), clock.clone());
    let last: Mutex<Option<Census>> = Mutex::new(None);
    // Counted when something has changed, not at each scrape: there may be a million of them.
    let census = Arc::new(move || {
        let (image, now) = (follower.observe().image, time.now_millis());
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        match *last {
            Some(known) if known.change == image.change() && now < known.good_until => (known, now),
            _ => (*last.insert(Census::take(&image, now)), now),
        }
    });
    let take = Arc::clone(&census);
    metrics.gauge(
        "carnet_clients",
        "Registered clients, by kind and state; disabled is also who belongs to a disabled participant.",
        move |samples| {
            let (census, _) = take();
            for (kind, [active, disabled]) in
                [("machine", census.machines), ("administrator", census.administrators)]
            {
                samples.add_count(&[("kind", kind), ("state", "active")], active);
                samples.add_count(&[("kind", kind), ("state", "disabled")], disabled);
            }
        },
    );
    let take = Arc::clone(&census);
    metrics.gauge(
        "carnet_client_credentials",
        "Credentials of active clients that may be used now, by kind.",
        move |samples| {
            let (census, _) = take();
            samples.add_count(&[("kind", "secret")], census.secrets);
            samples.add_count(&[("kind", "key")], census.keys);
        },
    );
    let take = Arc::clone(&census);
    metrics.gauge(
        "carnet_client_credential_next_expiry_seconds",
        "Time until the next credential of an active client expires, by kind; no sample if none does.",
        move |samples| {
            let (census, now) = take();
            for (kind, next) in [("secret", census.next_secret), ("key", census.next_key)] {
                if let Some(end) = next {
                    samples.add(&[("kind", kind)], seconds(end - now));
                }
            }
        },
    );
    let take = Arc::clone(&census);
    metrics.gauge(
        "carnet_client_next_lockout_seconds",
        "Time until the first active machine is left without a credential; no sample if none is.",
        move |samples| {
            let (census, now) = take();
            if let Some(end) = census.next_lockout {
                samples.add(&[], seconds(end - now));
            }
        },
    );
    metrics.gauge(
        "carnet_clients_locked_out",
        "Active machines without any credential that may be used.",
        move |samples| samples.add_count(&[], census().0.locked_out),
    );
}

fn keys(metrics: &Metrics, keys: &Keys, clock: &Clock) {
    let (keys, clock) = (keys.clone(), clock.clone());
    metrics.gauge(
        "carnet_signing_key_age_seconds",
        "Time since a signing key began to be used, or was made if it is only announced.",
        move |samples| {
            let now = clock.now_millis();
            for key in keys.current().keys() {
                let labels = [
                    ("kid", key.kid.as_str()),
                    ("alg", key.algorithm.as_str()),
                    ("state", key.state.as_str()),
                    ("purpose", key.purpose.as_str()),
                ];
                samples.add(&labels, seconds(now - key.activated_at.unwrap_or(key.announced_at)));
            }
        },
    );
}

fn database(metrics: &Metrics, database: &Database) {
    let (writer, reader) = (database.writer().pool().clone(), database.reader().pool().clone());
    metrics.gauge(
        "carnet_database_connections",
        "Connections to the registry's database, by pool and state.",
        move |samples| {
            let mut add = |name: &'static str, pool: &AnyPool| {
                let idle = length(pool.num_idle());
                samples.add_count(&[("pool", name), ("state", "idle")], idle);
                let busy = u64::from(pool.size()).saturating_sub(idle);
                samples.add_count(&[("pool", name), ("state", "busy")], busy);
            };
            add("writer", &writer);
            add("reader", &reader);
        },
    );
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn length(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "exact for 280,000 years of milliseconds")]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

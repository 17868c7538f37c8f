//! Metrics in the text format of Prometheus, without a global registry: one [`Metrics`] is made at start and passed
//! on in the states.
//!
//! To add one:
//!
//! - Something that is counted on the way of a request: make a [`Counters`] once with [`Metrics::counters`], keep it
//!   in the state of the room, and call [`Counters::add`]. That is one atomic addition; labels are words of the code
//!   (`&'static str`), so that no request can invent a series.
//! - Something that is known anyway (an age, a length, a number that the room counts itself): give
//!   [`Metrics::gauge`] or [`Metrics::counter_of`] a closure. It is called at each scrape, off the requests' way, and
//!   may take a lock and a moment, but must not wait for the network or the database.
//!
//! A name begins with `carnet_`, ends in its unit (`_seconds`, `_bytes`), and in `_total` if it is a counter. Client
//! ids, addresses and paths never become labels. A test compares the dashboard and the alert rules with what is
//! there, and the page of the operations lists what there is.
//!
//! Written here and not taken from a crate: those that are maintained take a lock for each histogram and for each
//! lookup of labels, and what would be left to them is a page of text.

mod counters;
mod exposition;
mod grown;
mod histogram;
mod process;
mod readers;
mod traffic;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use carnet_ambient::Clock;

pub use counters::Counters;
pub use exposition::{CONTENT_TYPE, Samples};
pub use readers::{NotAdmitted, Readers};
pub use traffic::{OpenConnection, Route, Running, Traffic};

use exposition::{Exposition, Kind};
use grown::Grown;

/// Everything that is measured in one process.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    families: Arc<Mutex<Vec<Family>>>,
    listeners: Arc<Grown<&'static str, Arc<Traffic>>>,
    requests_refused: Counters<2>,
    connections_failed: Counters<2>,
    tokens_issued: Counters<2>,
    token_refusals: Counters<2>,
    database_errors: Counters<1>,
}

/// A metric: its name, and who writes its samples.
struct Family {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    write: Box<dyn Fn(&mut Samples<'_>) + Send + Sync>,
}

impl Metrics {
    /// The metrics of a process that starts now.
    #[must_use]
    pub fn new(clock: &Clock) -> Self {
        let families: Arc<Mutex<Vec<Family>>> = Arc::default();
        let listeners: Arc<Grown<&'static str, Arc<Traffic>>> = Arc::default();
        process::register(&families, clock);
        traffic::register(&families, &listeners);
        let counters = |name, help, labels| counters_in(&families, name, help, labels);
        let database_errors = counters_in(
            &families,
            "carnet_database_errors_total",
            "Answers and chores that failed because of the database, by where that was noticed.",
            ["place"],
        );
        for place in ["token_endpoint", "administration", "housekeeping"] {
            database_errors.announce([place]);
        }
        Self(Arc::new(Inner {
            requests_refused: counters(
                "carnet_http_requests_refused_total",
                "Requests that the listener refused by itself, whatever their route, by listener and reason.",
                ["listener", "reason"],
            ),
            connections_failed: counters(
                "carnet_connections_failed_total",
                "Connections that ended before a request: not accepted, or without a TLS handshake.",
                ["listener", "reason"],
            ),
            tokens_issued: counters(
                "carnet_tokens_issued_total",
                "Tokens issued, by signing algorithm (opaque: not signed) and kind.",
                ["alg", "kind"],
            ),
            token_refusals: counters(
                "carnet_token_refusals_total",
                "Token requests refused, by what the client was told and the reason in the log.",
                ["error", "reason"],
            ),
            database_errors,
            listeners,
            families,
        }))
    }

    /// A counter that is increased where things happen, with these label names.
    #[must_use]
    pub fn counters<const N: usize>(
        &self,
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
    ) -> Counters<N> {
        counters_in(&self.0.families, name, help, labels)
    }

    /// A value that `read` tells at each scrape. A name that is known already gets the new reader.
    pub fn gauge(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn(&mut Samples<'_>) + Send + Sync + 'static,
    ) {
        register(&self.0.families, Family { name, kind: Kind::Gauge, help, write: Box::new(read) });
    }

    /// A counter that somebody else keeps, and that `read` tells at each scrape.
    pub fn counter_of(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn(&mut Samples<'_>) + Send + Sync + 'static,
    ) {
        register(&self.0.families, Family { name, kind: Kind::Counter, help, write: Box::new(read) });
    }

    /// What one listener counts.
    #[must_use]
    pub fn traffic(&self, listener: &'static str) -> Arc<Traffic> {
        let make = || {
            let refused = self.0.requests_refused.clone();
            (listener, Arc::new(Traffic::new(listener, refused, self.0.connections_failed.clone())))
        };
        Arc::clone(self.0.listeners.find_or_insert(|known| *known == listener, make))
    }

    /// A token was issued.
    pub fn token_issued(&self, alg: &'static str, kind: &'static str) {
        self.0.tokens_issued.add([alg, kind]);
    }

    /// A token request was refused.
    pub fn token_refused(&self, error: &'static str, reason: &'static str) {
        self.0.token_refusals.add([error, reason]);
    }

    /// Something failed because of the database.
    pub fn database_error(&self, place: &'static str) {
        self.0.database_errors.add([place]);
    }

    /// All metrics as text. It reads files of `/proc` and may take milliseconds: not for the requests' way.
    #[must_use]
    pub fn text(&self) -> String {
        let families = self.0.families.lock().unwrap_or_else(PoisonError::into_inner);
        let mut exposition = Exposition::default();
        for family in families.iter() {
            (family.write)(&mut exposition.family(family.name, family.kind, family.help));
        }
        exposition.into_text()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

fn counters_in<const N: usize>(
    families: &Mutex<Vec<Family>>,
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
) -> Counters<N> {
    let counters = Counters::new(labels);
    let read = counters.clone();
    let write = Box::new(move |samples: &mut Samples<'_>| read.write(samples));
    register(families, Family { name, kind: Kind::Counter, help, write });
    counters
}

fn register(families: &Mutex<Vec<Family>>, family: Family) {
    let mut families = families.lock().unwrap_or_else(PoisonError::into_inner);
    match families.binary_search_by_key(&family.name, |known| known.name) {
        Ok(at) => families[at] = family,
        Err(at) => families.insert(at, family),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_and_what_is_read_stand_in_the_text() {
        let metrics = Metrics::new(&Clock::manual(1_800_000_000_000));
        let opened = metrics.counters("carnet_doors_total", "Doors opened.", ["room"]);
        opened.add(["hall"]);
        opened.add(["hall"]);
        metrics.gauge("carnet_age_seconds", "Age.", |samples| samples.add(&[("of", "a\"b\\c\nd")], 1.5));
        let text = metrics.text();
        for part in [
            "# HELP carnet_doors_total Doors opened.\n# TYPE carnet_doors_total counter\ncarnet_doors_total{room=\"hall\"} 2\n",
            "# TYPE carnet_age_seconds gauge\ncarnet_age_seconds{of=\"a\\\"b\\\\c\\nd\"} 1.5\n",
            "process_start_time_seconds 1800000000\n",
            "# TYPE carnet_tokens_issued_total counter\n",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn a_name_stands_once_and_its_last_reader_counts() {
        let metrics = Metrics::new(&Clock::manual(0));
        metrics.gauge("carnet_x", "X.", |samples| samples.add(&[], 1.0));
        metrics.gauge("carnet_x", "X.", |samples| samples.add(&[], 2.0));
        let text = metrics.text();
        assert_eq!(text.matches("# TYPE carnet_x gauge\n").count(), 1);
        assert!(text.contains("\ncarnet_x 2\n") && !text.contains("\ncarnet_x 1\n"));
    }
}

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use http::{Method, StatusCode};

use super::exposition::{Kind, Samples};
use super::grown::Grown;
use super::histogram::Histogram;
use super::{Counters, Family, register as register_family};

/// What stands for the route of a request that no route matches: a path of somebody's choosing must not become a
/// series.
const UNMATCHED: &str = "(none)";
/// The methods that have a series; any other word is the last.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];
/// The statuses that have a series, in order; any other is `other`.
const STATUSES: [u16; 37] = [
    200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409, 410, 411,
    412, 413, 414, 415, 416, 421, 422, 423, 425, 428, 429, 431, 500, 501, 503, 504,
];

/// What one listener counts: connections, requests by route, method and status, and how long they took.
#[derive(Debug)]
pub struct Traffic {
    listener: &'static str,
    routes: Grown<Box<str>, Route>,
    refused: Counters<2>,
    failed: Counters<2>,
    open: AtomicU64,
    accepted: AtomicU64,
    limit: AtomicU64,
}

/// A route's template and what was answered there.
#[derive(Debug)]
pub struct Route {
    // Made with the first request by that method: few routes have more than two.
    methods: [OnceLock<Arc<Answers>>; METHODS.len()],
}

#[derive(Debug)]
struct Answers {
    statuses: [AtomicU64; STATUSES.len() + 1],
    cancelled: AtomicU64,
    panicked: AtomicU64,
    duration: Histogram,
}

/// A request that is being answered. If it goes without [`Running::answered`], the client has hung up.
#[derive(Debug)]
pub struct Running(Option<Arc<Answers>>);

/// A connection that is open as long as this value lives.
#[derive(Debug)]
pub struct OpenConnection(Arc<Traffic>);

impl Traffic {
    pub(super) fn new(listener: &'static str, refused: Counters<2>, failed: Counters<2>) -> Self {
        for reason in ["accept", "tls_handshake", "tls_timeout"] {
            failed.announce([listener, reason]);
        }
        Self {
            listener,
            routes: Grown::default(),
            refused,
            failed,
            open: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            limit: AtomicU64::new(0),
        }
    }

    /// The listener's name.
    #[must_use]
    pub fn listener(&self) -> &'static str {
        self.listener
    }

    /// The route with this template; `None` for a request that no route matches.
    #[must_use]
    pub fn route(&self, template: Option<&str>) -> &Route {
        let template = template.unwrap_or(UNMATCHED);
        self.routes.find_or_insert(|known| **known == *template, || (template.into(), Route::new()))
    }

    /// A request was refused before it came to its route.
    pub fn refused(&self, reason: &'static str) {
        self.refused.add([self.listener, reason]);
    }

    /// A connection was accepted.
    #[must_use]
    pub fn connected(self: &Arc<Self>) -> OpenConnection {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// A connection came to nothing.
    pub fn connection_failed(&self, reason: &'static str) {
        self.failed.add([self.listener, reason]);
    }

    /// How many connections this listener may have at once.
    pub fn set_limit(&self, connections: usize) {
        self.limit.store(u64::try_from(connections).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Route {
    fn new() -> Self {
        Self { methods: std::array::from_fn(|_| OnceLock::new()) }
    }

    /// A request by this method begins.
    #[must_use]
    pub fn begin(&self, method: usize) -> Running {
        Running(Some(Arc::clone(self.methods[method.min(METHODS.len() - 1)].get_or_init(Arc::default))))
    }

    /// The number of a method for [`Route::begin`].
    #[must_use]
    pub fn method(method: &Method) -> usize {
        METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1)
    }

    /// The name that a method's number stands for.
    #[must_use]
    pub fn method_name(method: usize) -> &'static str {
        METHODS[method.min(METHODS.len() - 1)]
    }

    fn answers(&self) -> impl Iterator<Item = (&'static str, &Answers)> {
        METHODS.iter().zip(&self.methods).filter_map(|(method, answers)| Some((*method, &**answers.get()?)))
    }
}

impl Running {
    /// It was answered.
    pub fn answered(mut self, status: StatusCode, took: Duration) {
        let Some(answers) = self.0.take() else { return };
        let status = STATUSES.binary_search(&status.as_u16()).unwrap_or(STATUSES.len());
        answers.statuses[status].fetch_add(1, Ordering::Relaxed);
        answers.duration.observe(took);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(answers) = &self.0 {
            let count = if std::thread::panicking() { &answers.panicked } else { &answers.cancelled };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            statuses: std::array::from_fn(|_| AtomicU64::new(0)),
            cancelled: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
            duration: Histogram::default(),
        }
    }
}

type Listeners = Arc<Grown<&'static str, Arc<Traffic>>>;

pub(super) fn register(families: &Mutex<Vec<Family>>, listeners: &Listeners) {
    let family = |name, kind, help, write: fn(&Traffic, &mut Samples<'_>)| {
        let listeners = Arc::clone(listeners);
        let write = Box::new(move |samples: &mut Samples<'_>| {
            listeners.iter().for_each(|(_, traffic)| write(traffic, samples));
        });
        register_family(families, Family { name, kind, help, write });
    };
    family(
        "carnet_http_requests_total",
        Kind::Counter,
        "Requests, by listener, template of the route, method and status; cancelled: the client \
         hung up; panicked: a defect of this program ended it.",
        Traffic::write_requests,
    );
    family(
        "carnet_http_request_duration_seconds",
        Kind::Histogram,
        "Time from a request's header to its answer's, by listener, template of the route and method.",
        Traffic::write_durations,
    );
    family("carnet_connections", Kind::Gauge, "Open connections, by listener.", |traffic, samples| {
        samples.add_count(&[("listener", traffic.listener)], traffic.open.load(Ordering::Relaxed));
    });
    family(
        "carnet_connections_limit",
        Kind::Gauge,
        "How many connections a listener may have at once; further ones wait in the kernel's queue.",
        |traffic, samples| {
            samples.add_count(&[("listener", traffic.listener)], traffic.limit.load(Ordering::Relaxed));
        },
    );
    family(
        "carnet_connections_accepted_total",
        Kind::Counter,
        "Connections accepted, by listener.",
        |traffic, samples| {
            samples.add_count(&[("listener", traffic.listener)], traffic.accepted.load(Ordering::Relaxed));
        },
    );
}

impl Traffic {
    fn write_requests(&self, samples: &mut Samples<'_>) {
        for (route, answered) in self.routes.iter() {
            for (method, answers) in answered.answers() {
                let statuses = STATUSES.iter().map(u16::to_string).chain(["other".to_owned()]);
                let counts = statuses.zip(&answers.statuses);
                let ended = [("cancelled", &answers.cancelled), ("panicked", &answers.panicked)];
                let ended = ended.map(|(status, count)| (status.to_owned(), count));
                for (status, count) in counts.chain(ended) {
                    let count = count.load(Ordering::Relaxed);
                    if count > 0 {
                        let labels = [
                            ("listener", self.listener),
                            ("route", &**route),
                            ("method", method),
                            ("status", &status),
                        ];
                        samples.add_count(&labels, count);
                    }
                }
            }
        }
    }

    fn write_durations(&self, samples: &mut Samples<'_>) {
        for (route, answered) in self.routes.iter() {
            for (method, answers) in answered.answers() {
                let labels = [("listener", self.listener), ("route", &**route), ("method", method)];
                answers.duration.write(samples, &labels);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use carnet_ambient::Clock;

    use super::super::Metrics;
    use super::*;

    #[test]
    fn words_of_a_strangers_choosing_become_no_series() {
        let metrics = Metrics::new(&Clock::manual(0));
        let traffic = metrics.traffic("public");
        for method in ["BREW", "PROPFIND", "GET"] {
            let method = Route::method(&Method::from_bytes(method.as_bytes()).unwrap());
            traffic.route(None).begin(method).answered(StatusCode::IM_A_TEAPOT, Duration::from_millis(1));
        }
        let text = metrics.text();
        let series: Vec<&str> =
            text.lines().filter(|line| line.starts_with("carnet_http_requests_total{")).collect();
        assert_eq!(
            series,
            [
                "carnet_http_requests_total{listener=\"public\",route=\"(none)\",method=\"GET\",status=\"other\"} 1",
                "carnet_http_requests_total{listener=\"public\",route=\"(none)\",method=\"other\",status=\"other\"} 2",
            ]
        );
    }

    #[test]
    fn a_connection_is_open_as_long_as_its_value_lives() {
        let metrics = Metrics::new(&Clock::manual(0));
        let traffic = metrics.traffic("public");
        let (first, second) = (traffic.connected(), traffic.connected());
        drop(first);
        let text = metrics.text();
        assert!(text.contains("\ncarnet_connections{listener=\"public\"} 1\n"), "{text}");
        assert!(text.contains("\ncarnet_connections_accepted_total{listener=\"public\"} 2\n"), "{text}");
        drop(second);
        assert!(metrics.text().contains("\ncarnet_connections{listener=\"public\"} 0\n"));
    }

    #[test]
    fn statuses_are_in_order() {
        assert!(STATUSES.is_sorted());
    }
}

//! `clients.1m_vs_100`: what a token costs with a million clients in memory, beside a hundred.

use std::net::SocketAddr;

use carnet_testkit::measure::{Figure, Goal, Spread};

use super::http::{self, Credentials};
use super::iap::Iap;
use super::load::{Until, drive};
use super::measurement::{Outcome, Setup};
use super::seed::Seeded;
use super::server::Server;

const FEW: usize = 100;
const MANY: usize = 1_000_000;
/// How many clients ask, of the many.
const ASKING: usize = 10_000;
/// The first use of each secret is written down; so many at once are left to the database, which is waited for.
const FIRST_USES: usize = 500;

pub fn measure(setup: &Setup) -> Outcome<Vec<Figure>> {
    let few = Seeded::make(setup, FEW)?;
    let made;
    let (name, many, count) = if setup.quick {
        ("clients.20k_vs_100", setup.twenty_thousand()?, 20_000)
    } else {
        made = Seeded::make(setup, MANY)?;
        ("clients.1m_vs_100", &made, MANY)
    };
    let server = Server::start(setup)?;
    let many = Registry::start(setup, &server, many, if setup.quick { ASKING / 10 } else { ASKING })?;
    let few = Registry::start(setup, &server, &few, FEW)?;
    let asking = many.requests.len();
    let [with_many, with_few] = setup.interleave([&mut || many.cost(setup), &mut || few.cost(setup)])?;
    Ok(vec![figure(name, with_many, with_few).note(format!(
        "server time per token (ES256, by secret) with {count} clients in the registry, {asking} of them asking in \
         turn, beside {FEW} clients, all of them asking."
    ))])
}

fn figure(name: &str, many: Spread, few: Spread) -> Figure {
    Figure::new(name, "µs", many).floor("100 clients", few, Some(Goal::AtMost(1.1)))
}

/// A registry that answers, with who asks it.
struct Registry {
    // Keeps the data folder locked and its keys prepared.
    _iap: Iap,
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
}

impl Registry {
    fn start(setup: &Setup, server: &Server, seeded: &Seeded, asking: usize) -> Outcome<Self> {
        let (path, stop) = (seeded.path(), server.stop.clone());
        let iap = server.run(async move { Iap::start(&path, stop).await })?;
        let address = iap.address;
        let every = (seeded.clients.len() / asking).max(1);
        let asking = seeded.clients.iter().step_by(every).take(asking);
        let requests: Vec<Vec<u8>> =
            asking.map(|client: &Credentials| http::by_secret(address, client)).collect();
        for first_uses in requests.chunks(FIRST_USES) {
            drive(setup, address, first_uses, Until::Spent)?;
            // Who asks for the one connection that writes gets it when all before have had it.
            let database = iap.app.database.clone();
            server.run(async move {
                drop(database.writer().pool().acquire().await?);
                Ok(())
            })?;
        }
        Ok(Self { _iap: iap, address, requests })
    }

    /// Microseconds per token.
    fn cost(&self, setup: &Setup) -> Outcome<f64> {
        Ok(1e6 / drive(setup, self.address, &self.requests, Until::Passed(setup.round()))?)
    }
}

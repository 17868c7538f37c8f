//! `startup` and `memory.20k_clients`: the program itself with 20,000 clients, beside the same with one.

use std::path::Path;

use carnet_testkit::measure::{Figure, Goal};

use super::http::{self, Credentials};
use super::load::{Until, drive};
use super::measurement::{Outcome, Setup, spread};
use super::process::Process;
use super::seed::Seeded;

/// Token requests before the memory is looked at, so that caches and buffers have grown as they will.
const REQUESTS: usize = 5_000;
/// How many clients send them: the first use of each is written down, and a queue of such writes is not to be measured.
const ASKING: usize = 100;

/// What the starts of one folder showed.
#[derive(Default)]
struct Starts {
    milliseconds: Vec<f64>,
    megabytes: Vec<f64>,
}

pub fn measure(setup: &Setup) -> Outcome<Vec<Figure>> {
    let full = setup.twenty_thousand()?;
    // One, so that both can be asked for tokens.
    let one = Seeded::make(setup, 1)?;
    let (mut of_full, mut of_one) = (Starts::default(), Starts::default());
    for round in 0..=setup.rounds() {
        for (folder, clients, starts) in
            [(full.path(), &full.clients, &mut of_full), (one.path(), &one.clients, &mut of_one)]
        {
            let (milliseconds, megabytes) = start(setup, &folder, clients)?;
            // The first start of each reads its files into the page cache.
            if round > 0 {
                starts.milliseconds.push(milliseconds);
                starts.megabytes.push(megabytes);
            }
        }
    }
    let requests = if setup.quick { REQUESTS / 10 } else { REQUESTS };
    Ok(vec![
        Figure::new("startup", "ms", spread(&of_full.milliseconds)?)
            .goal(Goal::Below(200.0))
            .floor("one client", spread(&of_one.milliseconds)?, None)
            .note(
                "`carnet serve` as a process of its own on a folder that was used before, SQLite, from its spawn to \
                 the first 200 of /readyz, asked for every millisecond.",
            ),
        Figure::new("memory.20k_clients", "MB", spread(&of_full.megabytes)?)
            .goal(Goal::Below(60.0))
            .floor("one client", spread(&of_one.megabytes)?, None)
            .note(format!(
                "resident memory (VmRSS) of the same processes after {requests} token requests by secret, no argon2 \
                 hash being computed."
            )),
    ])
}

/// One life of a server: how long it took to get ready, and how large it became.
fn start(setup: &Setup, folder: &Path, clients: &[Credentials]) -> Outcome<(f64, f64)> {
    let server = Process::start(setup, folder)?;
    let count = if setup.quick { REQUESTS / 10 } else { REQUESTS };
    let requests: Vec<Vec<u8>> = clients
        .iter()
        .take(ASKING)
        .cycle()
        .take(count)
        .map(|client| http::by_secret(server.address, client))
        .collect();
    drive(setup, server.address, &requests, Until::Spent)?;
    let measured = (server.ready_after, server.resident()?);
    server.stop()?;
    Ok(measured)
}

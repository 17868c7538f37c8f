//! Clients with the right secret, from 127.0.0.1, who ask now and then and notice how long it takes.

use std::net::SocketAddr;
use std::time::Duration;

use carnet_ambient::Clock;
use carnet_testkit::measure::percentile;

use crate::http::{self, Connection, Credentials};
use crate::measurement::Outcome;

/// How many there are, besides the victim.
pub const CLIENTS: usize = 3;
/// How long each of them waits after an answer.
const PAUSE: Duration = Duration::from_millis(8);

/// Honest clients, the victim of the attack among them.
pub struct Honest<'a> {
    clock: &'a Clock,
    address: SocketAddr,
    clients: &'a [Credentials],
    victim: &'a Credentials,
}

/// What they noticed.
#[derive(Default)]
pub struct Noticed {
    /// Milliseconds from request to answer, of all of them.
    milliseconds: Vec<f64>,
    /// How often the victim was refused.
    pub victim_refused: u32,
}

impl<'a> Honest<'a> {
    pub fn new(
        clock: &'a Clock,
        address: SocketAddr,
        clients: &'a [Credentials],
        victim: &'a Credentials,
    ) -> Self {
        Self { clock, address, clients, victim }
    }

    /// Lets each of them ask for so long, over a connection of its own.
    pub fn ask_for(&self, time: Duration) -> Outcome<Noticed> {
        std::thread::scope(|scope| {
            let mut threads = vec![scope.spawn(|| self.one(self.victim, true, time))];
            for client in self.clients {
                threads.push(scope.spawn(|| self.one(client, false, time)));
            }
            let mut all = Noticed::default();
            for thread in threads {
                let noticed = thread.join().map_err(|_| "an honest client broke down")??;
                all.milliseconds.extend(noticed.milliseconds);
                all.victim_refused += noticed.victim_refused;
            }
            Ok(all)
        })
    }

    fn one(&self, client: &Credentials, is_victim: bool, time: Duration) -> Outcome<Noticed> {
        let request = http::by_secret(self.address, client);
        let mut connection = Connection::open(self.address)?;
        let (start, mut noticed) = (self.clock.monotonic(), Noticed::default());
        loop {
            let sent = self.clock.monotonic();
            if sent.saturating_sub(start) >= time {
                return Ok(noticed);
            }
            connection.send(&request)?;
            let status = connection.answer()?;
            let took = self.clock.monotonic().saturating_sub(sent);
            noticed.milliseconds.push(took.as_secs_f64() * 1_000.0);
            match status {
                200 => {}
                _ if is_victim => noticed.victim_refused += 1,
                _ => return Err(format!("an honest client was refused: {}", connection.text()).into()),
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Noticed {
    pub fn percentile(&self, hundredths: usize) -> Outcome<f64> {
        percentile(&self.milliseconds, hundredths).ok_or_else(|| "nobody was answered".into())
    }
}

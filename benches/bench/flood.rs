//! `flood.wrong_secrets`: what honest clients notice while others guess.
//!
//! Attackers come from other loopback addresses than honest clients: 200 connections with wrong secrets for 10,000
//! clients, and one address with 1,000 wrong secrets for one victim. Everything that is said of a client in these
//! requests is true but the secret, which has the right form, so that only the check itself can refuse it. The server
//! is the program itself with 20,000 clients, free to use both cores; so are attackers and honest clients.

mod attackers;
mod honest;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use carnet_testkit::measure::{Figure, Goal};

use self::attackers::{Attack, Guesses};
use self::honest::{Honest, Noticed};
use super::http::Credentials;
use super::measurement::{Outcome, Setup, spread};
use super::process::Process;

/// How many clients' secrets are guessed.
const ATTACKED: usize = 10_000;
/// Over how many connections.
const CONNECTIONS: usize = 200;
/// How many guesses the victim has to bear, each round.
const AT_VICTIM: usize = 1_000;

/// The samples of the rounds.
#[derive(Default)]
struct Rounds {
    quiet_p50: Vec<f64>,
    quiet_p99: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    victim_refused: Vec<f64>,
    guesses: Vec<f64>,
    before: Vec<f64>,
    after: Vec<f64>,
}

pub fn measure(setup: &Setup) -> Outcome<Vec<Figure>> {
    let seeded = setup.twenty_thousand()?;
    let server = Process::start(setup, &seeded.path())?;
    let (attacked, unharmed) = seeded.clients.split_at(ATTACKED);
    let [victim, honest @ ..] = unharmed else { return Err("there is no victim".into()) };
    let honest = honest.get(..honest::CLIENTS).ok_or("there are too few honest clients")?;
    let guesses = Arc::new(Guesses::make(setup, server.address, attacked, victim)?);
    let mut rounds = Rounds::default();
    for _ in 0..setup.rounds() {
        round(setup, &server, honest, victim, &guesses, &mut rounds)?;
    }
    server.stop()?;
    figures(&rounds)
}

fn round(
    setup: &Setup,
    server: &Process,
    honest: &[Credentials],
    victim: &Credentials,
    guesses: &Arc<Guesses>,
    rounds: &mut Rounds,
) -> Outcome<()> {
    let (quiet_time, flood_time) = if setup.quick { (400, 1_200) } else { (3_000, 8_000) };
    let notice = |address: SocketAddr, millis: u64| -> Outcome<Noticed> {
        Honest::new(&setup.clock, address, honest, victim).ask_for(Duration::from_millis(millis))
    };
    let quiet = notice(server.address, quiet_time)?;
    rounds.before.push(server.resident()?);
    let attack = Attack::begin(server.address, Arc::clone(guesses))?;
    let flooded = notice(server.address, flood_time);
    let refused = attack.end()?;
    let flooded = flooded?;
    rounds.after.push(server.resident()?);
    rounds.guesses.push(refused / (Duration::from_millis(flood_time).as_secs_f64()));
    rounds.quiet_p50.push(quiet.percentile(50)?);
    rounds.quiet_p99.push(quiet.percentile(99)?);
    rounds.p50.push(flooded.percentile(50)?);
    rounds.p99.push(flooded.percentile(99)?);
    rounds.victim_refused.push(f64::from(flooded.victim_refused + quiet.victim_refused));
    Ok(())
}

fn figures(rounds: &Rounds) -> Outcome<Vec<Figure>> {
    let victim_refused: f64 = rounds.victim_refused.iter().sum();
    let rate = spread(&rounds.guesses)?;
    let summary = format!(
        "{:.0} wrong secrets a second for {ATTACKED} clients over {CONNECTIONS} connections and {AT_VICTIM} for one victim, \
         {} rounds: honest p99 {:.1} ms ({:.1} ms without), the victim refused {victim_refused:.0} times, memory {:.0} MB \
         ({:.0} MB before).",
        rate.median,
        rounds.p99.len(),
        spread(&rounds.p99)?.median,
        spread(&rounds.quiet_p99)?.median,
        spread(&rounds.after)?.max,
        spread(&rounds.before)?.min,
    );
    Ok(vec![
        Figure::new("flood.wrong_secrets.p50", "ms", spread(&rounds.p50)?).floor(
            "without flood",
            spread(&rounds.quiet_p50)?,
            None,
        ),
        Figure::new("flood.wrong_secrets.victim", "refusals", spread(&rounds.victim_refused)?)
            .goal(Goal::AtMost(0.0)),
        Figure::new("flood.wrong_secrets.memory", "MB", spread(&rounds.after)?).floor(
            "before each flood",
            spread(&rounds.before)?,
            None,
        ),
        Figure::new("flood.wrong_secrets.guesses", "1/s", rate),
        Figure::new("flood.wrong_secrets", "ms", spread(&rounds.p99)?)
            .goal(Goal::Below(20.0))
            .floor("p99 without flood", spread(&rounds.quiet_p99)?, None)
            .note(summary),
    ])
}

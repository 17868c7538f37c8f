//! What there is to measure, and what every measurement works with.

use std::cell::OnceCell;
use std::time::Duration;

use carnet_ambient::{Clock, Entropy};
use carnet_testkit::measure::{Figure, Spread};
use carnet_token::proof::ProofKind;

use super::cores::Cores;
use super::seed::Seeded;
use super::token::{self, Method};
use super::{clients, flood, jwks, log, proof, scale, verify};

/// A measurement that cannot be made says why.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Figures that are measured together.
pub struct Measurement {
    pub names: &'static [&'static str],
    /// The unit in which a failure is reported.
    pub unit: &'static str,
    pub run: fn(&Setup) -> Outcome<Vec<Figure>>,
}

/// Requests, signatures or verifications each second.
pub const PER_SECOND: &str = "1/s";

const fn rate(names: &'static [&'static str], run: fn(&Setup) -> Outcome<Vec<Figure>>) -> Measurement {
    Measurement { names, unit: PER_SECOND, run }
}

/// In the order of the report.
pub const MEASUREMENTS: &[Measurement] = &[
    rate(&["token.rs256.secret"], |setup| {
        token::measure(setup, "token.rs256.secret", "RS256", Method::Secret)
    }),
    rate(&["token.rs256.private_key_jwt"], |setup| {
        token::measure(setup, "token.rs256.private_key_jwt", "RS256", Method::PrivateKeyJwt)
    }),
    rate(&["token.es256.secret"], |setup| {
        token::measure(setup, "token.es256.secret", "ES256", Method::Secret)
    }),
    rate(&["token.es256.private_key_jwt"], |setup| {
        token::measure(setup, "token.es256.private_key_jwt", "ES256", Method::PrivateKeyJwt)
    }),
    rate(&["token.eddsa.secret"], |setup| {
        token::measure(setup, "token.eddsa.secret", "EdDSA", Method::Secret)
    }),
    rate(&["verify.rs256"], |setup| verify::measure(setup, "verify.rs256", &verify::rs256()?)),
    rate(&["verify.es256"], |setup| verify::measure(setup, "verify.es256", &verify::es256()?)),
    rate(&["proof.shr.es256"], |setup| es256(setup, "proof.shr.es256", ProofKind::Shr)),
    rate(&["proof.shr.rs256"], |setup| rs256(setup, "proof.shr.rs256", ProofKind::Shr)),
    rate(&["proof.dpop.es256"], |setup| es256(setup, "proof.dpop.es256", ProofKind::Dpop)),
    rate(&["proof.dpop.rs256"], |setup| rs256(setup, "proof.dpop.rs256", ProofKind::Dpop)),
    rate(&["proof.httpsig.es256"], |setup| es256(setup, "proof.httpsig.es256", ProofKind::MessageSignature)),
    rate(&["proof.httpsig.rs256"], |setup| rs256(setup, "proof.httpsig.rs256", ProofKind::MessageSignature)),
    Measurement { names: &["replay.check_ns", "replay.bytes_per_entry"], unit: "ns, B", run: proof::replay },
    rate(&["jwks"], jwks::measure),
    Measurement { names: &["startup", "memory.20k_clients"], unit: "ms, MB", run: scale::measure },
    Measurement { names: &["clients.1m_vs_100"], unit: "µs", run: clients::measure },
    rate(&["log.es256.secret"], log::measure),
    Measurement { names: &["flood.wrong_secrets"], unit: "ms", run: flood::measure },
];

fn es256(setup: &Setup, name: &'static str, kind: ProofKind) -> Outcome<Vec<Figure>> {
    proof::measure(setup, name, kind, &verify::es256()?, &verify::es256()?)
}

fn rs256(setup: &Setup, name: &'static str, kind: ProofKind) -> Outcome<Vec<Figure>> {
    proof::measure(setup, name, kind, &verify::rs256()?, &verify::rs256()?)
}

/// What the measurements share.
pub struct Setup {
    pub quick: bool,
    pub clock: Clock,
    pub entropy: Entropy,
    pub cores: Cores,
    twenty_thousand: OnceCell<Seeded>,
}

impl Setup {
    pub fn new(quick: bool) -> Self {
        // Before anything is signed in this process: it cannot be done later.
        carnet::keys::install_crypto_provider();
        let cores = Cores::find();
        println!("{cores}");
        Self {
            quick,
            clock: Clock::system(),
            entropy: Entropy::system(),
            cores,
            twenty_thousand: OnceCell::new(),
        }
    }

    /// How many times each subject is measured; never fewer than five.
    pub fn rounds(&self) -> usize {
        if self.quick { 5 } else { 7 }
    }

    /// How long one sample of a rate takes.
    pub fn round(&self) -> Duration {
        Duration::from_millis(if self.quick { 200 } else { 1500 })
    }

    /// A data folder with 20,000 clients; made once, by who asks first.
    pub fn twenty_thousand(&self) -> Outcome<&Seeded> {
        if let Some(seeded) = self.twenty_thousand.get() {
            return Ok(seeded);
        }
        let seeded = Seeded::make(self, 20_000)?;
        Ok(self.twenty_thousand.get_or_init(|| seeded))
    }

    /// Samples of several subjects, A B A B …, after one of each that warms up and does not count.
    pub fn interleave<const N: usize>(
        &self,
        mut subjects: [&mut dyn FnMut() -> Outcome<f64>; N],
    ) -> Outcome<[Spread; N]> {
        let mut samples: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
        for round in 0..=self.rounds() {
            for (subject, samples) in subjects.iter_mut().zip(&mut samples) {
                let sample = subject()?;
                if round > 0 {
                    samples.push(sample);
                }
            }
        }
        let mut spreads = Vec::new();
        for samples in &samples {
            spreads.push(spread(samples)?);
        }
        spreads.try_into().map_err(|_| "a subject was lost".into())
    }

    /// How often a second something happens that is done in batches of 16, for one round on the server's core.
    pub fn rate_of(&self, mut what: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
        let _pinned = self.cores.on_server();
        let (start, mut done) = (self.clock.monotonic(), 0_u32);
        loop {
            for _ in 0..16 {
                what()?;
            }
            done += 16;
            let passed = self.clock.monotonic().saturating_sub(start);
            if passed >= self.round() {
                return Ok(f64::from(done) / passed.as_secs_f64());
            }
        }
    }
}

/// The spread of samples that must be there.
pub fn spread(samples: &[f64]) -> Outcome<Spread> {
    Spread::of(samples).ok_or_else(|| "nothing was measured".into())
}

//! `token.*`: whole token requests beside a bare endpoint, and the raw signing rate for orientation.

use std::net::SocketAddr;

use carnet::registry::SigningAlgorithm;
use carnet_testkit::ClientKeyPair;
use carnet_testkit::measure::{Figure, Goal};
use carnet_token::{PublicKey, SigningKey, assertion};

use super::bare::Bare;
use super::http;
use super::iap::Iap;
use super::load::{Until, drive};
use super::measurement::{Outcome, PER_SECOND, Setup};
use super::server::Server;

/// Clients of each measurement: more than one, so that none fills the memory of used assertions.
const CLIENTS: usize = 8;
/// How long the assertions of one round are good, seconds.
const ASSERTION_LIFETIME: i64 = 200;
/// What the payload of a token is long, about, in bytes.
const PAYLOAD: usize = 640;

/// How the clients authenticate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Secret,
    PrivateKeyJwt,
}

/// Both endpoints, and who asks them.
struct Endpoints {
    iap: Iap,
    bare: SocketAddr,
    clients: Clients,
}

enum Clients {
    Secret(Vec<http::Credentials>),
    Key(Vec<(String, ClientKeyPair)>),
}

/// Measures one name.
pub fn measure(
    setup: &Setup,
    name: &'static str,
    word: &'static str,
    method: Method,
) -> Outcome<Vec<Figure>> {
    let algorithm: SigningAlgorithm = word.parse()?;
    let folder = tempfile::tempdir()?;
    let server = Server::start(setup)?;
    let (path, stop) = (folder.path().join("data"), server.stop.clone());
    let endpoints = server.run(async move {
        let iap = Iap::start(&path, stop).await?;
        endpoints(iap, algorithm, method).await
    })?;
    let key = endpoints.iap.signing_key(algorithm)?;
    let (iap, bare) = (endpoints.iap.address, endpoints.bare);
    let issuer = endpoints.iap.app.config.issuer();
    let [value, floor, raw] = setup.interleave([
        &mut || endpoints.clients.ask(setup, issuer, iap),
        &mut || endpoints.clients.ask(setup, issuer, bare),
        &mut || sign(setup, &key),
    ])?;
    // Only where the signature is most of the work can the whole be close to it.
    let of_raw = (algorithm == SigningAlgorithm::Rs256).then_some(Goal::AtLeast(0.85));
    Ok(vec![
        Figure::new(name, PER_SECOND, value).floor("bare endpoint", floor, Some(Goal::AtLeast(0.9))).beside(
            "raw signing",
            raw,
            of_raw,
        ),
    ])
}

async fn endpoints(iap: Iap, algorithm: SigningAlgorithm, method: Method) -> Outcome<Endpoints> {
    let participant = iap.participant().await?;
    let mut bare = Bare::new(iap.app.config.issuer(), iap.signing_key(algorithm)?);
    let clients = match method {
        Method::Secret => {
            let mut clients = Vec::new();
            for _ in 0..CLIENTS {
                let client = iap.with_secret(&participant, algorithm).await?;
                bare.with_secret(&client);
                clients.push(client);
            }
            Clients::Secret(clients)
        }
        Method::PrivateKeyJwt => {
            let mut clients = Vec::new();
            for _ in 0..CLIENTS {
                // Clients of an RS256 network have RSA keys.
                let key = if algorithm == SigningAlgorithm::Rs256 {
                    ClientKeyPair::rs256("bench")
                } else {
                    ClientKeyPair::es256("bench")
                };
                let client_id = iap.with_key(&participant, algorithm, &key).await?;
                let public = key.signing_key().public_jwk().ok_or("a key without public half")?;
                bare.with_key(&client_id, PublicKey::from_jwk(public)?);
                clients.push((client_id, key));
            }
            Clients::Key(clients)
        }
    };
    Ok(Endpoints { bare: bare.serve().await?, iap, clients })
}

impl Clients {
    /// One sample: how many tokens `address` gives each second to the clients of `issuer`.
    fn ask(&self, setup: &Setup, issuer: &str, address: SocketAddr) -> Outcome<f64> {
        match self {
            Self::Secret(clients) => {
                let requests: Vec<Vec<u8>> =
                    clients.iter().map(|client| http::by_secret(address, client)).collect();
                drive(setup, address, &requests, Until::Passed(setup.round()))
            }
            Self::Key(clients) => {
                // Made before the clock starts. No assertion is taken twice, so that a sample is a number of them.
                let count = if setup.quick { 600 } else { 4_000 };
                let mut requests = Vec::with_capacity(count);
                for (client_id, key) in clients.iter().cycle().take(count) {
                    let assertion = assertion::make(
                        client_id,
                        issuer,
                        setup.clock.now(),
                        ASSERTION_LIFETIME,
                        &setup.entropy.uuid(),
                        key.signing_key(),
                    )?;
                    requests.push(http::by_assertion(address, &assertion));
                }
                drive(setup, address, &requests, Until::Spent)
            }
        }
    }
}

/// One sample of the raw rate: header and payload are bytes already, and nothing is answered.
fn sign(setup: &Setup, key: &SigningKey) -> Outcome<f64> {
    let header = format!("{{\"alg\":\"{}\",\"typ\":\"at+jwt\",\"kid\":\"{}\"}}", key.algorithm(), key.kid());
    let payload = "x".repeat(PAYLOAD);
    setup.rate_of(|| {
        std::hint::black_box(key.sign_parts(header.as_bytes(), payload.as_bytes())?);
        Ok(())
    })
}

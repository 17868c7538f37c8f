//! Figures as ratios: what the token endpoint does, beside the raw signing rate and a static answer of the
//! same server, interleaved in one run, so that a noisy machine disturbs all of them alike.
//!
//! `cargo xtask bench` runs it; `--quick` for a look, `--json FILE` for machines.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a bench that cannot run must stop")]
#![expect(clippy::cast_precision_loss, reason = "rates are read by people")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use carnet::app::App;
use carnet::config::{Config, RawConfig};
use carnet::http::{Limits, Listener};
use carnet::operations::{self, Actor, Context};
use carnet::registry::SigningAlgorithm;
use carnet::{oauth, router};
use carnet_ambient::{Clock, Entropy};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// Connections of the load generator.
const CONNECTIONS: usize = 8;

struct Plan {
    rounds: usize,
    round: Duration,
    json: Option<String>,
}

/// One thing that is measured: its rate in each round.
struct Subject {
    name: &'static str,
    floor: Option<&'static str>,
    rates: Vec<f64>,
}

fn main() {
    let plan = plan();
    let clock = Clock::system();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bench = runtime.block_on(prepare(folder.path()));

    let requests: Vec<(&'static str, Option<&'static str>, Vec<u8>)> = vec![
        ("static", None, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("token.rs256.secret", Some("sign.rs256"), bench.rs256.clone()),
        ("token.es256.secret", Some("sign.es256"), bench.es256.clone()),
    ];
    let mut subjects: Vec<Subject> =
        requests.iter().map(|(name, floor, _)| Subject { name, floor: *floor, rates: Vec::new() }).collect();
    let signers = [("sign.rs256", SigningAlgorithm::Rs256), ("sign.es256", SigningAlgorithm::Es256)];
    subjects.extend(signers.iter().map(|(name, _)| Subject { name, floor: None, rates: Vec::new() }));

    for _ in 0..plan.rounds {
        for (at, (_, _, request)) in requests.iter().enumerate() {
            subjects[at].rates.push(load(bench.address, request, plan.round, &clock));
        }
        for (at, (_, algorithm)) in signers.iter().enumerate() {
            subjects[requests.len() + at].rates.push(sign(&bench.app, *algorithm, plan.round, &clock));
        }
    }
    report(&subjects, &plan);
    bench.stop.cancel();
    runtime.shutdown_timeout(Duration::from_secs(1));
}

fn plan() -> Plan {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let json = arguments.iter().position(|a| a == "--json").and_then(|at| arguments.get(at + 1).cloned());
    let (rounds, millis) = if quick { (3, 200) } else { (7, 1500) };
    Plan { rounds, round: Duration::from_millis(millis), json }
}

struct Bench {
    app: App,
    address: SocketAddr,
    rs256: Vec<u8>,
    es256: Vec<u8>,
    stop: CancellationToken,
}

async fn prepare(folder: &std::path::Path) -> Bench {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let mut raw = RawConfig::default();
    raw.server.data_dir = Some(folder.join("data"));
    raw.server.listen = Some(address.to_string());
    let config = Config::try_from(raw).unwrap();
    let (app, _) = App::open(config, Clock::system(), Entropy::system()).await.unwrap();
    let oauth = oauth::State::new(&app).await.unwrap();
    let stop = CancellationToken::new();
    let listener = Listener {
        socket,
        tls: None,
        router: router::public(&app, oauth),
        limits: Limits::default(),
        traffic: app.metrics.traffic("public"),
    };
    tokio::spawn(listener.serve(stop.clone()));
    tokio::spawn(app.registry.clone().follow());
    let context = Context::new(&app);
    let participant = json!({
        "name": "Bench", "iol_identifier": "https://bench.example/bench",
        "logistics_agent_uri": "https://1r.bench.example/logistics-objects/bench", "roles": ["CAR"],
    });
    let participant = operations::participant::create(
        &context,
        &Actor::local(),
        serde_json::from_value(participant).unwrap(),
    )
    .await
    .unwrap();
    let rs256 = request(&context, &participant.id, "RS256", address).await;
    let es256 = request(&context, &participant.id, "ES256", address).await;
    Bench { app, address, rs256, es256, stop }
}

/// Registers a client for an algorithm; returns its token request as bytes.
async fn request(context: &Context, participant_id: &str, algorithm: &str, address: SocketAddr) -> Vec<u8> {
    let body = json!({
        "participant_id": participant_id, "name": algorithm, "require_bound_tokens": false,
        "signing_alg": algorithm,
    });
    let created = operations::client::create(context, &Actor::local(), serde_json::from_value(body).unwrap())
        .await
        .unwrap();
    let secret = created.secret.as_ref().unwrap();
    let basic = base64::engine::general_purpose::STANDARD.encode(format!(
        "{}:{}",
        created.details.client.id,
        secret.expose()
    ));
    let body = "grant_type=client_credentials";
    format!(
        "POST /token HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {basic}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Answers per second over keep-alive connections, each with one request in flight.
fn load(address: SocketAddr, request: &[u8], round: Duration, clock: &Clock) -> f64 {
    let request: Arc<[u8]> = request.into();
    let start = clock.monotonic();
    let threads: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (request, clock) = (Arc::clone(&request), clock.clone());
            std::thread::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_nodelay(true).unwrap();
                let (mut answers, mut buffer) = (0_u64, Vec::with_capacity(8192));
                while clock.monotonic().checked_sub(start).unwrap() < round {
                    stream.write_all(&request).unwrap();
                    read_answer(&mut stream, &mut buffer);
                    answers += 1;
                }
                answers
            })
        })
        .collect();
    let answers: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    answers as f64 / (clock.monotonic().checked_sub(start).unwrap()).as_secs_f64()
}

fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) {
    buffer.clear();
    let mut chunk = [0; 8192];
    loop {
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "the server closed the connection");
        buffer.extend_from_slice(&chunk[..read]);
        let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head]).unwrap();
        assert!(text.starts_with("HTTP/1.1 200"), "{}", String::from_utf8_lossy(buffer));
        let length: usize = text
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, value)| value.parse().unwrap());
        if buffer.len() >= head + 4 + length {
            return;
        }
    }
}

/// Signatures per second on one thread, over a message of a token's size.
fn sign(app: &App, algorithm: SigningAlgorithm, round: Duration, clock: &Clock) -> f64 {
    let key = app.keys.access_token_key(algorithm).expect("an active key");
    let header = json!({ "alg": algorithm.as_str() });
    let claims = Value::String("x".repeat(500));
    let start = clock.monotonic();
    let mut signatures = 0_u64;
    while clock.monotonic().checked_sub(start).unwrap() < round {
        for _ in 0..16 {
            std::hint::black_box(key.sign_compact(&header, &claims).unwrap());
        }
        signatures += 16;
    }
    signatures as f64 / (clock.monotonic().checked_sub(start).unwrap()).as_secs_f64()
}

fn median(rates: &[f64]) -> f64 {
    let mut rates = rates.to_vec();
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn report(subjects: &[Subject], plan: &Plan) {
    let rate = |name: &str| subjects.iter().find(|s| s.name == name).map(|s| median(&s.rates));
    println!("| what | per second (median of {}) | beside | ratio |", plan.rounds);
    println!("|---|---:|---|---:|");
    let mut lines = Vec::new();
    for subject in subjects {
        let value = median(&subject.rates);
        let floor = subject.floor.and_then(rate);
        let ratio = floor.map(|floor| value / floor);
        println!(
            "| {} | {value:.0} | {} | {} |",
            subject.name,
            subject.floor.unwrap_or(""),
            ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"))
        );
        lines.push(json!({
            "name": subject.name, "value": value, "unit": "1/s", "floor": floor, "ratio": ratio,
        }));
    }
    if let Some(file) = &plan.json {
        std::fs::write(file, serde_json::to_vec_pretty(&lines).unwrap()).expect("the JSON file is written");
    }
}

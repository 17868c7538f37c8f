//! Rotation under load: tokens are issued and verified all the time while keys rotate, and one is revoked.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use carnet_ambient::Clock;
use serde_json::{Value, json};

use crate::harness::http::Request;
use crate::harness::iap::{Client, Iap, Setup};
use crate::harness::record::RecordServer;
use crate::harness::{full_size, token, tools, within};

/// What those who verify have found.
#[derive(Default)]
struct Tally {
    verified: AtomicU64,
    refused: Mutex<Vec<Refused>>,
}

/// A token that a verifier refused.
#[derive(Clone)]
struct Refused {
    kid: String,
    by: &'static str,
    said: String,
    after: Duration,
}

/// Somebody else's caching verifier in a process of its own: a line with a token in, a line with its judgement out.
struct ForeignVerifier {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl ForeignVerifier {
    fn start(iap: &Iap, audience: &str) -> Self {
        let mut command = tools::node_command("jose_verify_stream.mjs");
        command.args([iap.issuer(), audience]);
        // Node makes the pipes that it has non-blocking, for everybody who shares them: it must not have ours.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, to, from }
    }

    fn verify(&mut self, token: &str) -> String {
        writeln!(self.to, "{token}").unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for ForeignVerifier {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn no_verification_fails_while_keys_rotate_but_of_the_revoked_key() {
    let (rotations, seconds) = if full_size() { (5, 60) } else { (2, 24) };
    let base = RecordServer::reserve();
    let iap = Setup::default()
        .environment("CARNET_KEY_SET__MAX_AGE", "1")
        .environment("CARNET_KEY_SET__STALE_WHILE_REVALIDATE", "1")
        .environment("CARNET_KEY_SET__STALE_IF_ERROR", "1")
        .environment("CARNET_KEYS__MARGIN", "1")
        .environment("CARNET_KEYS__ANNOUNCE_LEAD", "8")
        .environment("CARNET_KEYS__ALGORITHMS", "['RS256', 'ES256']")
        .start();
    iap.change_default_resource(&json!({ "identifier": base }));
    let company = iap.participant_at("shipper", "SHP", &format!("{base}/shipper"));
    let client = iap.client(&company, json!({ "signing_alg": "ES256" }));
    let ours = RecordServer::start_with(
        &base,
        iap.issuer(),
        &["shipper"],
        &[("CARNET_RECORD__KEY_CACHE_MIN", "1"), ("CARNET_RECORD__KEY_COOLDOWN", "1")],
    );
    let (tally, stop) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
    let clock = Clock::system();
    let begin = clock.monotonic();
    let loads: Vec<_> = (0..2)
        .map(|_| {
            let load = Load {
                request: request(&iap, &client),
                object: format!("{base}/shipper/none"),
                foreign: ForeignVerifier::start(&iap, &base),
                tally: Arc::clone(&tally),
                stop: Arc::clone(&stop),
                clock: clock.clone(),
                begin,
            };
            thread::spawn(move || load.run())
        })
        .collect();

    for number in 1..=rotations {
        let rotate = json!({ "alg": "ES256", "reason": format!("rotation {number}") });
        within(Duration::from_secs(30), "the successor's lead is over", || {
            (iap.admin("POST", "/signing-keys/rotate", Some(&rotate)).status == 200).then_some(())
        });
    }
    // Two caches away the announced successor is known by now.
    thread::sleep(Duration::from_secs(5));
    let stolen = active(&iap);
    let worthless = iap.token(&client, &[]);
    assert_eq!(token::read(&worthless).0["kid"], stolen.as_str());
    iap.admin("POST", &format!("/signing-keys/{stolen}/revoke"), Some(&json!({ "reason": "stolen" })))
        .expect(200);
    let left = Duration::from_secs(seconds).saturating_sub(clock.monotonic().checked_sub(begin).unwrap());
    thread::sleep(left.max(Duration::from_secs(3)));
    stop.store(true, Ordering::Relaxed);
    for load in loads {
        load.join().unwrap();
    }
    // Whoever looks at the key set knows by now; both do that within seconds.
    let refused = |token: &str| {
        let object = Request::get(&format!("{base}/shipper/none")).bearer(token);
        object.header("Accept", "application/ld+json").send().status == 401
    };
    within(Duration::from_secs(10), "our verifier refuses the stolen key", || {
        refused(&worthless).then_some(())
    });
    let mut theirs = ForeignVerifier::start(&iap, &base);
    assert_eq!(theirs.verify(&worthless), "ERR_JWKS_NO_MATCHING_KEY");
    drop(ours);

    let (verified, refused) = (tally.verified.load(Ordering::Relaxed), tally.refused.lock().unwrap().clone());
    let others: Vec<String> = refused
        .iter()
        .filter(|refused| refused.kid != stolen)
        .map(|Refused { kid, by, said, after }| format!("{by} refused {kid} after {after:?}: {said}"))
        .collect();
    println!(
        "rotation under load: {rotations} rotations and one revocation in {} s; {verified} verifications, {} refusals \
         of the revoked key, {} of another",
        clock.monotonic().checked_sub(begin).unwrap().as_secs(),
        refused.len() - others.len(),
        others.len()
    );
    assert!(verified > 200, "only {verified} verifications");
    assert!(others.is_empty(), "{}", others.join("\n"));
}

/// The key that signs with ES256 now.
fn active(iap: &Iap) -> String {
    let list = iap.admin("GET", "/signing-keys", None).expect(200).json();
    let is =
        |key: &&Value| key["purpose"] == "access-token" && key["alg"] == "ES256" && key["state"] == "active";
    list["items"].as_array().unwrap().iter().find(is).unwrap()["kid"].as_str().unwrap().to_owned()
}

fn request(iap: &Iap, client: &Client) -> Request {
    Request::post(&format!("{}/token", iap.issuer()))
        .basic(&client.client_id, client.secret())
        .form(&[("grant_type", "client_credentials")])
}

/// One who gets tokens and has each verified by two programs.
struct Load {
    request: Request,
    object: String,
    foreign: ForeignVerifier,
    tally: Arc<Tally>,
    stop: Arc<AtomicBool>,
    clock: Clock,
    begin: Duration,
}

impl Load {
    fn run(mut self) {
        let mut tokens: Vec<String> = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let answer = self.request.send();
            assert_eq!(answer.status, 200, "{answer:?}");
            tokens.push(answer.json()["access_token"].as_str().unwrap().to_owned());
            // The newest, and one from before: both must be good, as no token has expired yet.
            let older = tokens[tokens.len() / 2].clone();
            for token in [tokens.last().unwrap().clone(), older] {
                self.verify_by_ours(&token);
                self.verify_by_theirs(&token);
            }
        }
    }

    fn verify_by_ours(&self, token: &str) {
        let answer = Request::get(&self.object).bearer(token).header("Accept", "application/ld+json").send();
        // There is no such object; who is refused does not get that far.
        self.note(token, "carnet-verifier", (answer.status != 404).then(|| answer.text()));
    }

    fn verify_by_theirs(&mut self, token: &str) {
        let said = self.foreign.verify(token);
        self.note(token, "jose", (said != "ok").then_some(said));
    }

    fn note(&self, token: &str, by: &'static str, refused: Option<String>) {
        match refused {
            None => {
                self.tally.verified.fetch_add(1, Ordering::Relaxed);
            }
            Some(said) => {
                let kid = token::read(token).0["kid"].as_str().unwrap().to_owned();
                let after = self.clock.monotonic().checked_sub(self.begin).unwrap();
                self.tally.refused.lock().unwrap().push(Refused { kid, by, said, after });
            }
        }
    }
}

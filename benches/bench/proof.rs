//! `proof.*`: the decision about a request with a bound token and its proof, keys at hand, without HTTP, beside the raw
//! rate at which the signature library verifies the same two signatures by its plain call. `replay.*`: the memory of used
//! proofs with a million of them in it.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use carnet_testkit::measure::{Figure, Goal};
use carnet_token::proof::{Body, Certificate, ProofKind, RequestView, Window, dpop, message_signature, shr};
use carnet_token::{Confirmation, KeyRef, base64url};
use carnet_verifier::{
    Claimant, ClientKeySource, IssuerPolicy, KeySet, KeySource, MemoryReplayStore, ReplayError, ReplayKey,
    ReplayLimits, ReplayStore, Verifier,
};
use http::Request;
use http::request::Parts;
use tokio::runtime::Builder;

use super::measurement::{Outcome, PER_SECOND, Setup, spread};
use super::verify::{self, AUDIENCE, CLIENT, ISSUER, Pair};

/// Different requests, in turn.
const REQUESTS: usize = 64;
/// Live entries of the store that is measured.
const LIVE: u64 = 1_000_000;

/// How many more are taken for one sample.
const BATCH: u32 = 20_000;

/// One request, and the two signatures in it.
struct Signed {
    parts: Parts,
    /// Of token and proof: what was signed, and the signature.
    signatures: [(Vec<u8>, Vec<u8>); 2],
}

/// A store that takes every proof for a new one: what a store costs is part of the figure, and no proof is made while the
/// clock runs.
#[derive(Debug)]
struct ForgetfulStore {
    inner: MemoryReplayStore,
    taken: AtomicU64,
}

impl ReplayStore for ForgetfulStore {
    fn consume<'a>(
        &'a self,
        claimant: &'a Claimant<'a>,
        keys: &'a [ReplayKey],
        now: i64,
    ) -> Pin<Box<dyn Future<Output = Result<(), ReplayError>> + Send + 'a>> {
        Box::pin(async move {
            let mut fresh = keys.to_vec();
            for key in &mut fresh {
                let number = self.taken.fetch_add(1, Ordering::Relaxed);
                key.digest[..8].copy_from_slice(&number.to_be_bytes());
            }
            self.inner.consume(claimant, &fresh, now).await
        })
    }
}

fn everything(capacity: usize) -> ReplayLimits {
    ReplayLimits { capacity, key_percent: 100, company_percent: 100, issuer_percent: 100, horizon: 1000 }
}

pub fn measure(
    setup: &Setup,
    name: &'static str,
    kind: ProofKind,
    issuer: &Pair,
    client: &Pair,
) -> Outcome<Vec<Figure>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
    let keys = |pair: &Pair| KeySet::parse(pair.key.jwks().to_string().as_bytes());
    let policy = IssuerPolicy::new(ISSUER)
        .keys(KeySource::Static(keys(issuer)?))
        .client_keys(ClientKeySource::Static(HashMap::from([(CLIENT.to_owned(), keys(client)?)])))
        // The proofs are made before the clock starts.
        .proof_window(Window { max_age: 300, skew: 30 });
    let inner = MemoryReplayStore::first_start(&setup.entropy, everything(4_000_000));
    let store = ForgetfulStore { inner, taken: AtomicU64::new(0) };
    let verifier = Verifier::builder(AUDIENCE).trust(policy).replay_store(Arc::new(store)).build()?;
    let requests = (0..REQUESTS).map(|_| signed(setup, kind, issuer, client)).collect::<Outcome<Vec<_>>>()?;
    drop(entered);
    let (mut next, mut next_raw) = (0, 0);
    let [value, floor] = setup.interleave([
        &mut || {
            setup.rate_of(|| {
                next = (next + 1) % REQUESTS;
                let identity = runtime.block_on(verifier.verify(&requests[next].parts));
                std::hint::black_box(identity.map_err(|challenge| format!("refused: {challenge:?}"))?);
                Ok(())
            })
        },
        &mut || {
            setup.rate_of(|| {
                next_raw = (next_raw + 1) % REQUESTS;
                let [token, proof] = &requests[next_raw].signatures;
                issuer.bytes.verify(&token.0, &token.1)?;
                Ok(client.bytes.verify(&proof.0, &proof.1)?)
            })
        },
    ])?;
    let goal = Some(Goal::AtLeast(0.70));
    Ok(vec![Figure::new(name, PER_SECOND, value).floor("both raw verifications", floor, goal)])
}

fn signed(setup: &Setup, kind: ProofKind, issuer: &Pair, client: &Pair) -> Outcome<Signed> {
    let key = client.key.signing_key();
    let jkt = key.public_jwk().ok_or("a key without public half")?.thumbprint()?;
    let cnf = Confirmation::key(KeyRef::new(key.kid(), jkt));
    let token = verify::token(setup, &issuer.key, Some(&cnf))?;
    let (now, jti) = (setup.clock.now(), setup.entropy.uuid());
    let url = format!("{AUDIENCE}/logistics-objects/1a8ded38");
    let mut request = Request::get(format!("{url}?embedded=true&at=2026-01-01T00%3A00%3A00Z"));
    let mut view = RequestView {
        method: "GET",
        scheme: "https",
        authority: AUDIENCE.trim_start_matches("https://"),
        path: "/logistics-objects/1a8ded38",
        query: Some("embedded=true&at=2026-01-01T00%3A00%3A00Z"),
        headers: &[],
        body: Body::Empty,
        certificate: Certificate::None,
    };
    let compact = |text: &str| -> Outcome<(Vec<u8>, Vec<u8>)> {
        let (message, signature) = text.rsplit_once('.').ok_or("no compact JWS")?;
        Ok((message.as_bytes().to_vec(), base64url::decode(signature)?))
    };
    let proof = match kind {
        ProofKind::Shr => {
            let making = shr::Making { access_token: &token, now, jti: &jti, nonce: None };
            let proof = shr::make(&making, &view, key)?;
            request = request.header("authorization", format!("PoP {proof}"));
            compact(&proof)?
        }
        ProofKind::Dpop => {
            let access_token = Some(token.as_str());
            let making = dpop::Making { method: "GET", url: &url, now, jti: &jti, access_token, nonce: None };
            let proof = dpop::make(&making, key)?;
            request = request.header("authorization", format!("DPoP {token}")).header("dpop", &proof);
            compact(&proof)?
        }
        _ => {
            let authorization = format!("PoP {token}");
            let lines = [("authorization", authorization.as_bytes())];
            view.headers = &lines;
            let making = message_signature::Making { keyid: key.kid(), now, nonce: &jti };
            let fields = message_signature::sign_request(&making, &view, key)?;
            request = request
                .header("authorization", &authorization)
                .header("signature-input", &fields.signature_input)
                .header("signature", &fields.signature);
            // Any message of that length: the floor is what its verification costs.
            let message = format!("{authorization}{url}{}", fields.signature_input).into_bytes();
            let signature = key.sign_bytes(&message)?;
            (message, signature)
        }
    };
    let (parts, ()) = request.body(())?.into_parts();
    Ok(Signed { parts, signatures: [compact(&token)?, proof] })
}

/// `replay.check_ns`, `replay.bytes_per_entry`
pub fn replay(setup: &Setup) -> Outcome<Vec<Figure>> {
    let live = if setup.quick { LIVE / 10 } else { LIVE };
    let store = MemoryReplayStore::first_start(&setup.entropy, everything(usize::MAX / 200));
    let now = setup.clock.now();
    let before = resident()?;
    let mut number = 0_u64;
    let mut take = |store: &MemoryReplayStore| -> Outcome<()> {
        number += 1;
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        let keys = [ReplayKey { digest, keep_until: now + 92 }];
        // A thousand companies, each with a key of its own.
        let company = format!("https://1r.example/company-{}", number % 1000);
        let key = Some(carnet_token::Thumbprint::of(company.as_bytes()));
        let claimant = Claimant { issuer: ISSUER, company: &company, key };
        let mut taken = store.consume(&claimant, &keys, now);
        // It is in memory: there is nothing to wait for.
        match taken.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => Ok(outcome?),
            Poll::Pending => Err("a store in memory waits".into()),
        }
    };
    for _ in 0..live {
        take(&store)?;
    }
    #[expect(clippy::cast_precision_loss, reason = "bytes and counts far below 2^53")]
    let bytes = resident()?.saturating_sub(before) as f64 / live as f64;
    let mut samples = Vec::new();
    for _ in 0..setup.rounds() {
        let _pinned = setup.cores.on_server();
        let start = setup.clock.monotonic();
        // Few beside what is there.
        for _ in 0..BATCH {
            take(&store)?;
        }
        let passed = setup.clock.monotonic().saturating_sub(start);
        samples.push(passed.as_secs_f64() * 1e9 / f64::from(BATCH));
    }
    Ok(vec![
        Figure::new("replay.check_ns", "ns", spread(&samples)?),
        Figure::new("replay.bytes_per_entry", "B", spread(&[bytes])?).goal(Goal::AtMost(64.0)),
    ])
}

/// Resident memory of this process in bytes.
fn resident() -> Outcome<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split(' ').nth(1).ok_or("no resident pages")?.parse()?;
    Ok(pages * 4096)
}

//! kill -9 at random moments during registrations, rotations and the creation of objects: what was acknowledged is
//! there, nothing is half done, and the journal verifies.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use carnet_ambient::Entropy;
use carnet_db::Database;
use carnet_db::sqlx::query_scalar;
use serde_json::{Value, json};

use crate::harness::http::Request;
use crate::harness::iap::{Client, Iap, Participant, Setup};
use crate::harness::{full_size, within};

/// What the server has acknowledged.
#[derive(Default)]
struct Acknowledged {
    participants: Mutex<Vec<String>>,
    clients: Mutex<Vec<Client>>,
    objects: Mutex<Vec<String>>,
    rotations: AtomicU64,
}

/// One who works until the server is gone.
struct Worker {
    admin: String,
    admin_token: String,
    record: String,
    token: String,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Acknowledged>,
}

#[test]
fn whatever_was_acknowledged_survives_kill_9() {
    let rounds = if full_size() { 50 } else { 3 };
    let entropy = Entropy::seeded(20_261_125);
    let mut iap = Setup::default()
        .record()
        .environment("CARNET_KEY_SET__MAX_AGE", "1")
        .environment("CARNET_KEY_SET__STALE_WHILE_REVALIDATE", "0")
        .environment("CARNET_KEYS__MARGIN", "0")
        .environment("CARNET_KEYS__ANNOUNCE_LEAD", "2")
        .environment("CARNET_KEYS__ROTATION_PERIOD", "60")
        .environment("CARNET_KEYS__ALGORITHMS", "['RS256', 'ES256']")
        .environment("CARNET_RECORD__COMPANY", "[{ path = 'shipper' }]")
        .start();
    let company = format!("{}/shipper", iap.record_listener());
    let shipper = iap.participant_at("shipper", "SHP", &company);
    let writer = iap.client(&shipper, json!({ "signing_alg": "ES256" }));
    let acknowledged = Arc::new(Acknowledged::default());
    for round in 1..=rounds {
        let stop = Arc::new(AtomicBool::new(false));
        let workers = employ(&iap, &shipper, &writer, &stop, &acknowledged);
        let random = u64::from(u16::from_be_bytes(entropy.bytes()));
        thread::sleep(Duration::from_millis(200 + random % 2300));
        iap.process().signal("KILL");
        stop.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.join().unwrap();
        }
        iap.forget_process();
        look_into(&iap);
        iap.start_again();
        // As a whole, it is asked only at the end of each fifth round: what is there once stays.
        if round % 5 == 0 || round == rounds {
            everything_is_there(&iap, &writer, &acknowledged);
        }
    }
    println!(
        "crash rounds: {rounds}; acknowledged and found again: {} participants, {} clients, {} objects, {} rotations",
        acknowledged.participants.lock().unwrap().len(),
        acknowledged.clients.lock().unwrap().len(),
        acknowledged.objects.lock().unwrap().len(),
        acknowledged.rotations.load(Ordering::Relaxed)
    );
}

fn employ(
    iap: &Iap,
    shipper: &Participant,
    writer: &Client,
    stop: &Arc<AtomicBool>,
    acknowledged: &Arc<Acknowledged>,
) -> Vec<thread::JoinHandle<()>> {
    let token = within(Duration::from_secs(10), "a token", || {
        let answer = iap.ask(writer, &[]);
        (answer.status == 200).then(|| answer.json()["access_token"].as_str().unwrap().to_owned())
    });
    let worker = || Worker {
        admin: format!("{}/admin/v1", iap.admin_listener()),
        admin_token: iap.admin_token(),
        record: iap.record_listener().to_owned(),
        token: token.clone(),
        stop: Arc::clone(stop),
        acknowledged: Arc::clone(acknowledged),
    };
    let (register, rotate) = (worker(), worker());
    let (first, second) = (worker(), worker());
    let participant = shipper.id.clone();
    vec![
        thread::spawn(move || register.register(&participant)),
        thread::spawn(move || rotate.rotate()),
        thread::spawn(move || first.create_objects()),
        thread::spawn(move || second.create_objects()),
    ]
}

impl Worker {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn post(&self, path: &str, body: &Value) -> Option<Value> {
        let request = Request::post(&format!("{}{path}", self.admin)).bearer(&self.admin_token).json(body);
        request.try_send().filter(|answer| matches!(answer.status, 200 | 201)).map(|answer| answer.json())
    }

    fn register(&self, participant: &str) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        while self.goes_on() {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let company = json!({
                "name": "company", "roles": ["FWD"],
                "iol_identifier": format!("https://onerecord.example/company{number}"),
                "logistics_agent_uri": format!("https://agents.example/logistics-objects/company{number}"),
            });
            if let Some(made) = self.post("/participants", &company) {
                let id = made["id"].as_str().unwrap().to_owned();
                self.acknowledged.participants.lock().unwrap().push(id);
            }
            let client =
                json!({ "participant_id": participant, "name": "machine", "require_bound_tokens": false });
            if let Some(made) = self.post("/clients", &client) {
                self.acknowledged.clients.lock().unwrap().push(Client {
                    client_id: made["client_id"].as_str().unwrap().to_owned(),
                    client_secret: made["client_secret"].as_str().map(str::to_owned),
                });
            }
        }
    }

    fn rotate(&self) {
        while self.goes_on() {
            // Mostly too early; what counts is that it may be under way at any moment.
            if self.post("/signing-keys/rotate", &json!({ "alg": "ES256" })).is_some() {
                self.acknowledged.rotations.fetch_add(1, Ordering::Relaxed);
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn create_objects(&self) {
        let object = json!({
            "@context": { "@vocab": "http://onerecord.iata.org/" }, "@type": "AirWaybill", "airlinePrefix": "020",
            "pieces": [{ "@type": "Piece", "upid": "P-1" }],
        });
        while self.goes_on() {
            let request = Request::post(&format!("{}/shipper", self.record))
                .bearer(&self.token)
                .body("application/ld+json", object.to_string().as_bytes());
            if let Some(answer) = request.try_send().filter(|answer| answer.status == 201) {
                let location = answer.header("location").unwrap().to_owned();
                self.acknowledged.objects.lock().unwrap().push(location);
            }
        }
    }
}

/// Looks into the databases of a server that was killed.
fn look_into(iap: &Iap) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let database = Database::connect(&iap.database_url().parse().unwrap()).await.unwrap();
        carnet::audit::verify(&database).await.unwrap();
        for (what, statement) in HALF_DONE {
            let found: i64 = query_scalar(*statement).fetch_one(database.reader().pool()).await.unwrap();
            assert_eq!(found, 0, "{what}");
        }
        database.close().await;
        let records = Database::connect(&iap.record_database_url().parse().unwrap()).await.unwrap();
        for (what, statement) in HALF_CREATED {
            let found: i64 = query_scalar(*statement).fetch_one(records.reader().pool()).await.unwrap();
            assert_eq!(found, 0, "{what}");
        }
        records.close().await;
    });
}

/// What no moment may leave behind at the identity provider.
const HALF_DONE: &[(&str, &str)] = &[
    (
        "participants without a journal record",
        "SELECT count(*) FROM participant WHERE NOT EXISTS (SELECT 1 FROM journal WHERE subject = 'participant/' || \
         participant.id AND action = 'participant.create')",
    ),
    (
        "participants without their identifier",
        "SELECT count(*) FROM participant WHERE NOT EXISTS (SELECT 1 FROM one_record_id WHERE participant_id = \
         participant.id AND main = 1)",
    ),
    (
        "clients without a secret",
        "SELECT count(*) FROM client WHERE NOT EXISTS (SELECT 1 FROM client_secret WHERE client_id = client.id)",
    ),
    (
        "journal records of clients that are not there",
        "SELECT count(*) FROM journal WHERE action = 'client.create' AND NOT EXISTS (SELECT 1 FROM client WHERE \
         'client/' || client.id = journal.subject)",
    ),
    (
        "algorithms without exactly one active key",
        "SELECT 2 - count(DISTINCT alg) FROM sealed_key WHERE purpose = 'access-token' AND state = 'active'",
    ),
    (
        "keys that should sign but have no private half",
        "SELECT count(*) FROM sealed_key WHERE state IN ('active', 'announced') AND jwe = ''",
    ),
];

/// What no moment may leave behind at the record server.
const HALF_CREATED: &[(&str, &str)] = &[
    (
        "objects without their revision",
        "SELECT count(*) FROM lo WHERE NOT EXISTS (SELECT 1 FROM lo_rev WHERE lo_rev.lo = lo.id AND \
         lo_rev.revision = lo.revision)",
    ),
    (
        "objects without their embedded pieces",
        "SELECT count(*) FROM lo WHERE NOT EXISTS (SELECT 1 FROM embedded WHERE embedded.lo = lo.id)",
    ),
];

fn everything_is_there(iap: &Iap, writer: &Client, acknowledged: &Acknowledged) {
    for id in acknowledged.participants.lock().unwrap().iter() {
        iap.admin("GET", &format!("/participants/{id}"), None).expect(200);
    }
    for client in acknowledged.clients.lock().unwrap().iter() {
        iap.ask(client, &[]).expect(200);
    }
    let token = iap.token(writer, &[]);
    for object in acknowledged.objects.lock().unwrap().iter() {
        Request::get(object).bearer(&token).header("Accept", "application/ld+json").send().expect(200);
    }
}

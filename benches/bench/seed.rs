//! Data folders with many clients. The rows are written directly: registering a million clients one by one would measure
//! the journal.

use std::path::PathBuf;

use carnet::app::App;
use carnet::registry::{GeneratedSecret, scope};
use carnet_ambient::{Clock, Entropy};
use carnet_db::Transaction;
use carnet_db::sqlx::{self, AssertSqlSafe};
use carnet_token::base64url;
use tempfile::TempDir;

use super::http::Credentials;
use super::iap;
use super::measurement::{Outcome, Setup};
use super::server::Server;

/// How many clients a participant has.
const MACHINES: usize = 100;
/// Rows of one statement; SQLite takes 32,766 values in one.
const BATCH: usize = 500;
/// Of how many clients, at most, the secrets are kept: they are spread evenly over all.
pub const KNOWN: usize = 20_000;

/// A data folder after its first start, with clients that have secrets and get ES256 tokens.
pub struct Seeded {
    folder: TempDir,
    /// Clients to ask with, evenly spread over all of them.
    pub clients: Vec<Credentials>,
}

/// Values for one table, collected into statements of many rows.
struct Rows {
    head: &'static str,
    columns: usize,
    values: Vec<String>,
}

impl Seeded {
    /// Makes a folder with so many clients.
    pub fn make(setup: &Setup, count: usize) -> Outcome<Self> {
        println!("  making a registry of {count} clients");
        let folder = tempfile::tempdir()?;
        let server = Server::start(setup)?;
        let path = folder.path().join("data");
        let clients = server.run(async move {
            // The address only names the issuer; nobody listens there.
            let app = iap::open(&path, "127.0.0.1:8080".parse()?).await?;
            let clients = fill(&app, count).await?;
            app.database.close().await;
            Ok(clients)
        })?;
        Ok(Self { folder, clients })
    }

    /// The data folder.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

async fn fill(app: &App, count: usize) -> Outcome<Vec<Credentials>> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let keys = iap::keyring(app);
    let (now, scopes) = (clock.now_millis().to_string(), serde_json::to_string(&scope::DEFAULT)?);
    let every = count.div_ceil(KNOWN);
    let mut known = Vec::new();
    let mut tx = app.database.writer().begin().await?;
    let mut participants = Rows::new(
        "INSERT INTO participant (id, name, roles, logistics_agent_uri, status, created_at, updated_at)",
        7,
    );
    let mut identifiers =
        Rows::new("INSERT INTO one_record_id (uri, participant_id, main, status, created_at)", 5);
    let mut clients = Rows::new(
        "INSERT INTO client (id, participant_id, kind, bootstrap, name, token_endpoint_auth_method, \
         require_bound_tokens, scopes, audiences, signing_alg, status, created_at, updated_at)",
        13,
    );
    let mut secrets = Rows::new("INSERT INTO client_secret (id, client_id, mac, status, created_at)", 5);
    let mut participant = String::new();
    for number in 0..count {
        if number % MACHINES == 0 {
            participant = entropy.ulid(&clock);
            let agent = format!("https://1r.company-{number}.example/logistics-objects/company");
            participants.push([&participant, "Company", "[\"CAR\"]", &agent, "active", &now, &now]);
            let uri = format!("https://company-{number}.example/company");
            identifiers.push([&uri, &participant, "1", "approved", &now]);
        }
        let id = entropy.ulid(&clock);
        let secret = GeneratedSecret::new(&entropy, &id);
        let mac = base64url::encode(keys.secret_mac(secret.expose()));
        let method = "client_secret_basic";
        clients.push([
            &id,
            &participant,
            "machine",
            "0",
            "machine",
            method,
            "0",
            &scopes,
            "[]",
            "ES256",
            "active",
            &now,
            &now,
        ]);
        secrets.push([&entropy.ulid(&clock), &id, &mac, "active", &now]);
        if number % every == 0 {
            known.push(Credentials { client_id: id, client_secret: secret.expose().to_owned() });
        }
        if number % BATCH == BATCH - 1 || number == count - 1 {
            // In the order of the foreign keys.
            for rows in [&mut participants, &mut identifiers, &mut clients, &mut secrets] {
                rows.write(&mut tx).await?;
            }
        }
    }
    tx.commit().await?;
    Ok(known)
}

impl Rows {
    fn new(head: &'static str, columns: usize) -> Self {
        Self { head, columns, values: Vec::new() }
    }

    fn push<const N: usize>(&mut self, row: [&str; N]) {
        debug_assert_eq!(N, self.columns);
        self.values.extend(row.map(str::to_owned));
    }

    /// Writes what was collected. Numbers go in as text: on SQLite, where this writes, the columns' affinity makes
    /// numbers of them.
    async fn write(&mut self, tx: &mut Transaction) -> Outcome<()> {
        if self.values.is_empty() {
            return Ok(());
        }
        // Places without a name: SQLite looks for a named one among all of them, which takes minutes for thousands.
        let row = format!("({})", vec!["?"; self.columns].join(", "));
        let rows = vec![row.as_str(); self.values.len() / self.columns].join(", ");
        let statement = format!("{} VALUES {rows}", self.head);
        // Only the number of places is made here; every value is bound.
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for value in self.values.drain(..) {
            query = query.bind(value);
        }
        query.execute(&mut **tx).await?;
        Ok(())
    }
}

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::{Answer, Request};
use super::postgres::Database;
use super::process::{Process, carnet};
use super::{port, within};

const START: Duration = Duration::from_mins(1);
const STOP: Duration = Duration::from_secs(30);

/// How an IAP is to be started; `Iap::start` takes the defaults.
#[derive(Default)]
pub struct Setup {
    record: bool,
    sqlite: bool,
    environment: Vec<(&'static str, &'static str)>,
}

impl Setup {
    /// With a record server on a listener of its own.
    pub fn record(mut self) -> Self {
        self.record = true;
        self
    }

    /// On SQLite whatever the suite runs on: for tests about the data directory.
    pub fn sqlite(mut self) -> Self {
        self.sqlite = true;
        self
    }

    /// With a variable of its environment.
    pub fn environment(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    #[track_caller]
    pub fn start(self) -> Iap {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let [public, admin, record] = [port::free(), port::free(), port::free()];
        let mut iap = Iap {
            process: None,
            others: Vec::new(),
            data_dir,
            issuer: format!("http://127.0.0.1:{public}"),
            admin: format!("http://127.0.0.1:{admin}"),
            record: self.record.then(|| format!("http://127.0.0.1:{record}")),
            database: if self.sqlite { None } else { Database::fresh() },
            record_database: if self.sqlite || !self.record { None } else { Database::fresh() },
            arguments: Vec::new(),
            environment: self.environment,
            admin_token: RefCell::default(),
            folder,
        };
        iap.start_again();
        iap
    }
}

/// A running `carnet serve` with a data directory and ports of its own.
pub struct Iap {
    // Before the databases: the server must be gone when they are dropped.
    process: Option<Process>,
    others: Vec<Node>,
    data_dir: PathBuf,
    issuer: String,
    admin: String,
    record: Option<String>,
    database: Option<Database>,
    record_database: Option<Database>,
    arguments: Vec<String>,
    environment: Vec<(&'static str, &'static str)>,
    admin_token: RefCell<Option<String>>,
    folder: TempDir,
}

/// A further node of an IAP, with a data folder and ports of its own.
pub struct Node {
    process: Option<Process>,
    name: String,
    pub base: String,
    issuer: String,
    admin_listen: String,
    database_url: String,
    folder: PathBuf,
    master_key: PathBuf,
    environment: Vec<(&'static str, &'static str)>,
}

impl Node {
    /// Starts it on the same ports, and waits until it is ready.
    #[track_caller]
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "it still runs");
        let mut command = carnet();
        command.args(["serve", "--issuer", &self.issuer, "--listen", authority(&self.base)]);
        command.args(["--admin-listen", &self.admin_listen, "--database", &self.database_url]);
        command.arg("--data-dir").arg(self.folder.join(&self.name));
        command.env("CARNET_KEYS__MASTER_KEY_FILE", &self.master_key);
        command.envs(self.environment.iter().copied());
        let mut process = Process::start(&self.name, command, &self.folder);
        wait_until_ready(&mut process, &self.base);
        self.process = Some(process);
    }

    /// Ends it as a service manager would; it must end with success.
    #[track_caller]
    pub fn stop(&mut self) {
        let mut process = self.process.take().unwrap();
        process.signal("TERM");
        let status = process.wait(STOP);
        assert!(status.success(), "SIGTERM: {status}");
    }

    pub fn process(&self) -> &Process {
        self.process.as_ref().unwrap()
    }
}

/// A participant as it was registered.
pub struct Participant {
    pub id: String,
    pub iol_identifier: String,
    pub logistics_agent_uri: String,
}

/// A client as it was registered.
pub struct Client {
    pub client_id: String,
    pub client_secret: Option<String>,
}

impl Client {
    pub fn secret(&self) -> &str {
        self.client_secret.as_deref().unwrap()
    }
}

impl Iap {
    #[track_caller]
    pub fn start() -> Self {
        Setup::default().start()
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn admin_listener(&self) -> &str {
        &self.admin
    }

    pub fn record_listener(&self) -> &str {
        self.record.as_deref().unwrap()
    }

    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Where each node of this IAP answers: on PostgreSQL a second one is started first, on SQLite there is one.
    #[track_caller]
    pub fn nodes(&mut self) -> Vec<String> {
        let mut nodes = vec![self.issuer.clone()];
        if self.database.is_some() {
            let second = self.node("second", &self.database_url());
            nodes.push(second.base.clone());
            self.others.push(second);
        }
        nodes
    }

    /// Starts a further node of this IAP, which reaches the shared database at `database_url`.
    #[track_caller]
    pub fn node(&self, name: &str, database_url: &str) -> Node {
        let mut node = Node {
            process: None,
            name: name.to_owned(),
            base: format!("http://127.0.0.1:{}", port::free()),
            issuer: self.issuer.clone(),
            admin_listen: format!("127.0.0.1:{}", port::free()),
            database_url: database_url.to_owned(),
            folder: self.folder.path().to_owned(),
            master_key: self.data_dir.join("keys/master.jwk"),
            environment: self.environment.clone(),
        };
        node.start_again();
        node
    }

    /// Where the registry is kept, as `--database` takes it.
    pub fn database_url(&self) -> String {
        match &self.database {
            Some(database) => database.url().to_owned(),
            None => format!("sqlite:{}", self.data_dir.join("carnet.db").display()),
        }
    }

    /// Where the record server keeps its objects.
    pub fn record_database_url(&self) -> String {
        match &self.record_database {
            Some(database) => database.url().to_owned(),
            None => format!("sqlite:{}", self.data_dir.join("record.db").display()),
        }
    }

    /// A folder for the files of the test itself.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn process(&self) -> &Process {
        self.process.as_ref().unwrap()
    }

    pub fn process_mut(&mut self) -> &mut Process {
        self.process.as_mut().unwrap()
    }

    /// The `carnet serve` command of this IAP.
    pub fn command(&self) -> Command {
        let mut command = carnet();
        command.arg("serve").arg("--data-dir").arg(&self.data_dir).arg("--issuer").arg(&self.issuer);
        command
            .arg("--listen")
            .arg(authority(&self.issuer))
            .arg("--admin-listen")
            .arg(authority(&self.admin));
        if let Some(record) = &self.record {
            command.arg("--record-listen").arg(authority(record));
            // Most of what is tried there has nothing to do with proofs, of which `record::proofs` is.
            command.env("CARNET_RECORD__ALLOW_BEARER", "true");
        }
        if let Some(database) = &self.database {
            command.arg("--database").arg(database.url());
        }
        if let Some(database) = &self.record_database {
            command.arg("--record-database").arg(database.url());
        }
        command.args(&self.arguments).envs(self.environment.iter().copied());
        command
    }

    /// Starts it on the same data directory and the same ports, and waits until it is ready.
    #[track_caller]
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "it still runs");
        self.admin_token.take();
        let mut process = Process::start("serve", self.command(), self.folder.path());
        let listeners = [Some(&self.issuer), Some(&self.admin), self.record.as_ref()];
        for listener in listeners.into_iter().flatten() {
            wait_until_ready(&mut process, listener);
        }
        self.process = Some(process);
    }

    /// Ends it as a service manager would; it must end with success.
    #[track_caller]
    pub fn stop(&mut self) {
        let mut process = self.process.take().unwrap();
        process.signal("TERM");
        let status = process.wait(STOP);
        assert!(status.success(), "SIGTERM: {status}");
    }

    /// Adds an argument for the next start.
    pub fn add_argument(&mut self, flag: &str, value: &str) {
        self.arguments.extend([flag.to_owned(), value.to_owned()]);
    }

    /// Takes note that the process was killed.
    pub fn forget_process(&mut self) {
        let mut process = self.process.take().unwrap();
        process.wait(STOP);
    }

    /// Moves it to another data directory; the process must be stopped.
    pub fn move_to(&mut self, data_dir: PathBuf) {
        assert!(self.process.is_none(), "it still runs");
        self.data_dir = data_dir;
    }

    /// The credentials file of the first start.
    #[track_caller]
    pub fn credentials(&self) -> Value {
        let path = self.data_dir.join("admin-credentials.json");
        let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_slice(&text).unwrap()
    }

    /// An administration token with both scopes.
    #[track_caller]
    pub fn admin_token(&self) -> String {
        if let Some(token) = self.admin_token.borrow().as_ref() {
            return token.clone();
        }
        let credentials = self.credentials();
        let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
        let answer = Request::post(&text("token_endpoint"))
            .basic(&text("client_id"), &text("client_secret"))
            .form(&[("grant_type", "client_credentials"), ("scope", &text("scope"))])
            .send()
            .expect(200);
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        self.admin_token.replace(Some(token.clone()));
        token
    }

    /// A call of the admin API; `path` begins after `/admin/v1`.
    #[track_caller]
    pub fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let base = self.credentials()["admin_url"].as_str().unwrap().to_owned();
        let request = Request::new(method, &format!("{base}{path}")).bearer(&self.admin_token());
        match body {
            Some(body) => request.json(body).send(),
            None => request.send(),
        }
    }

    /// Registers a company `name` under `https://onerecord.example`.
    #[track_caller]
    pub fn participant(&self, name: &str, role: &str) -> Participant {
        self.participant_at(name, role, &format!("https://onerecord.example/{name}"))
    }

    /// Registers a company with this ONE Record ID.
    #[track_caller]
    pub fn participant_at(&self, name: &str, role: &str, iol_identifier: &str) -> Participant {
        let logistics_agent_uri = format!("https://agents.example/logistics-objects/{name}");
        let answer = self.admin(
            "POST",
            "/participants",
            Some(&json!({
                "name": name,
                "iol_identifier": iol_identifier,
                "logistics_agent_uri": logistics_agent_uri,
                "roles": [role],
            })),
        );
        let id = answer.expect(201).json()["id"].as_str().unwrap().to_owned();
        Participant { id, iol_identifier: iol_identifier.to_owned(), logistics_agent_uri }
    }

    /// Registers a bearer client of a participant; `settings` are laid over the defaults.
    #[track_caller]
    pub fn client(&self, of: &Participant, settings: Value) -> Client {
        let mut body = json!({
            "participant_id": of.id,
            "name": "machine",
            "token_endpoint_auth_method": "client_secret_basic",
            "require_bound_tokens": false,
        });
        let Value::Object(settings) = settings else { panic!("settings are an object") };
        body.as_object_mut().unwrap().extend(settings);
        let made = self.admin("POST", "/clients", Some(&body)).expect(201).json();
        Client {
            client_id: made["client_id"].as_str().unwrap().to_owned(),
            client_secret: made["client_secret"].as_str().map(str::to_owned),
        }
    }

    /// Asks the token endpoint as this client.
    #[track_caller]
    pub fn ask(&self, client: &Client, parameters: &[(&str, &str)]) -> Answer {
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend_from_slice(parameters);
        Request::post(&format!("{}/token", self.issuer))
            .basic(&client.client_id, client.secret())
            .form(&form)
            .send()
    }

    /// An access token for this client.
    #[track_caller]
    pub fn token(&self, client: &Client, parameters: &[(&str, &str)]) -> String {
        self.ask(client, parameters).expect(200).json()["access_token"].as_str().unwrap().to_owned()
    }

    /// The identifier of the resource server that the first start made.
    #[track_caller]
    pub fn default_audience(&self) -> String {
        match &self.record {
            Some(record) => record.clone(),
            None => format!("{}/record", self.issuer),
        }
    }

    /// Gives the resource server of the first start other settings.
    #[track_caller]
    pub fn change_default_resource(&self, settings: &Value) {
        let audience = self.default_audience();
        let list = self.admin("GET", "/resource-servers", None).expect(200).json();
        let items = list["items"].as_array().unwrap();
        let own =
            items.iter().find(|item| item["identifier"] == audience).unwrap_or_else(|| panic!("{list}"));
        let path = format!("/resource-servers/{}", own["id"].as_str().unwrap());
        self.admin("PATCH", &path, Some(settings)).expect(200);
    }
}

/// `host:port` of a loopback base URL.
pub fn authority(url: &str) -> &str {
    url.trim_start_matches("http://")
}

/// Waits for `/readyz`, and fails at once when the process ends before.
#[track_caller]
pub fn wait_until_ready(process: &mut Process, base: &str) {
    let ready = Request::get(&format!("{base}/readyz"));
    within(START, "ready", || {
        if let Some(status) = process.ended() {
            panic!("ended before it was ready: {status}");
        }
        ready.try_send().filter(|answer| answer.status == 200)
    });
}

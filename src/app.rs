//! What a running identity provider consists of, and how it comes to be.

mod measure;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet_ambient::{Clock, Entropy};
use carnet_db::Database;
use zeroize::Zeroizing;

use crate::config::Config;
use crate::data_dir::{self, Credentials, DataDir, DataDirError};
use crate::db::installation::Installation;
use crate::keys::{self, Keys, MasterKey, NewKeys};
use crate::operations::bootstrap;
use crate::registry::{Follower, scope};
use crate::revocation::Feed;
use crate::telemetry::{Metrics, Readers};
use crate::{db, operations};

/// The parts that the rooms share. A room's state is made from it, and holds only what that room needs.
#[derive(Clone)]
pub struct App {
    /// The validated configuration.
    pub config: Arc<Config>,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// The database.
    pub database: Database,
    /// The registry's memory image.
    pub registry: Follower,
    /// Signing keys and the secret MAC.
    pub keys: Keys,
    /// What is measured.
    pub metrics: Metrics,
    /// Who may read that.
    pub metrics_readers: Readers,
    /// The revocation feed.
    pub feed: Feed,
    /// This node's folder, locked as long as the app lives.
    pub data_dir: Arc<DataDir>,
    _database_lock: Arc<Option<File>>,
}

/// Whether this start made the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// It did; the administrator's credentials stand in this file.
    First(PathBuf),
    /// It found one.
    Again,
}

/// Why an identity provider cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data folder cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// A key cannot be used.
    #[error(transparent)]
    Keys(#[from] keys::KeysError),
    /// The first administrator could not be made.
    #[error("cannot make the first administrator: {0}")]
    Bootstrap(#[from] operations::Refusal),
    /// The database holds sealed keys, but the key that opens them is missing.
    #[error(
        "the database belongs to installation {installation}, but its master key {path} is missing: copy it from \
         the node that was started first, or name it with keys.master_key_file. A new one is never made for \
         keys that exist"
    )]
    MasterKeyMissing {
        /// The installation in the database.
        installation: String,
        /// Where the key was looked for.
        path: PathBuf,
    },
    /// The master key opens the keys of another installation.
    #[error(
        "{path} is not the master key of this database (installation {installation}): copy it from a node that starts, \
         after carnet keys rewrap from the one where it was run, or name it with keys.master_key_file"
    )]
    MasterKeyForeign {
        /// The installation in the database.
        installation: String,
        /// The key that was read.
        path: PathBuf,
    },
    /// The data folder and the database belong to different installations.
    #[error(
        "the data folder belongs to installation {folder}, the database to {database}: check --data-dir and --database"
    )]
    Mixed {
        /// What the folder says.
        folder: String,
        /// What the database says.
        database: String,
    },
    /// The metrics' token cannot be used.
    #[error("metrics.token_file: {path}: {source}")]
    MetricsToken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: std::io::Error,
    },
    /// The issuer is not the one of the first start.
    #[error(
        "this installation's issuer is {known}, not {given}: every token and trust list names it, so that it cannot \
         change. Start with --issuer {known}, or begin a new installation in another --data-dir and database"
    )]
    Issuer {
        /// The issuer of the first start.
        known: String,
        /// The configured one.
        given: String,
    },
    /// A task ended badly.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<carnet_db::Error> for StartError {
    fn from(error: carnet_db::Error) -> Self {
        Self::Database(error.into())
    }
}

impl App {
    /// Opens the installation, or makes it if this is the first start.
    ///
    /// # Errors
    /// What stands in the way, and what to do about it.
    pub async fn open(config: Config, clock: Clock, entropy: Entropy) -> Result<(Self, Start), StartError> {
        keys::install_crypto_provider();
        let token_file = config.metrics_token_file();
        let metrics_readers =
            Readers::open(token_file, config.admin_listen().ip().is_loopback()).map_err(|source| {
                StartError::MetricsToken { path: token_file.unwrap_or(Path::new("")).to_owned(), source }
            })?;
        let data_dir = DataDir::open(config.data_dir())?;
        let database_lock = lock_database(&config)?;
        let database = Database::connect(config.database()).await?;
        db::migrate(&database).await?;
        let start = match db::installation::find(database.reader().pool()).await? {
            Some(_) => Start::Again,
            None => first_start(&config, &data_dir, &database, &clock, &entropy).await?,
        };
        // Read again: another node may have been first while this one made its keys.
        let installation = db::installation::find(database.reader().pool())
            .await?
            .ok_or_else(|| StartError::Internal("the installation is gone".to_owned()))?;
        check_installation(&config, &data_dir, &installation)?;
        let master = open_master_key(&config, &installation)?;
        data_dir.set_installation(&installation.id)?;
        data_dir.publish_credentials()?;
        let keys =
            Keys::open(&db::sealed_key::live(database.reader().pool()).await?, master, config.key_life())?;
        let registry = Follower::start(database.clone(), clock.clone()).await?;
        let (issuer, feed_keys) = (config.issuer().to_owned(), keys.clone());
        let feed = Feed::start(database.clone(), clock.clone(), feed_keys, issuer).await;
        let app = Self {
            config: Arc::new(config),
            metrics: Metrics::new(&clock),
            metrics_readers,
            clock,
            entropy,
            database,
            registry,
            keys,
            feed,
            data_dir: Arc::new(data_dir),
            _database_lock: Arc::new(database_lock),
        };
        measure::register(&app);
        Ok((app, start))
    }
}

/// What the credentials file says of an administrator who has just got a secret.
pub(crate) fn credentials(config: &Config, administrator: bootstrap::Credentials) -> Credentials {
    Credentials {
        issuer: config.issuer().to_owned(),
        token_endpoint: config.token_endpoint(),
        admin_url: config.admin_url().to_owned(),
        client_id: administrator.client_id,
        client_secret: Zeroizing::new(administrator.secret.expose().to_owned()),
        scope: scope::ADMINISTRATOR.join(" "),
    }
}

/// An embedded database belongs to one process: what it has consumed is remembered in memory. It has a lock of its own
/// beside it, also inside the data folder: another process may reach it from another data folder.
pub(crate) fn lock_database(config: &Config) -> Result<Option<File>, StartError> {
    let Some(file) = config.database().file() else { return Ok(None) };
    let name = file.file_name().unwrap_or_default().to_owned();
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Two spellings of one path must take one lock.
    let canonical = |path: &Path| {
        path.canonicalize().map_err(|source| DataDirError::Io { path: path.to_owned(), source })
    };
    let folder = canonical(folder)?;
    let mut lock_name = name.clone();
    lock_name.push(".lock");
    Ok(Some(data_dir::lock(&folder.join(lock_name), &folder.join(name))?))
}

fn check_installation(
    config: &Config,
    data_dir: &DataDir,
    installation: &Installation,
) -> Result<(), StartError> {
    if let Some(folder) = data_dir.installation()?.filter(|folder| *folder != installation.id) {
        return Err(StartError::Mixed { folder, database: installation.id.clone() });
    }
    if installation.issuer != config.issuer() {
        // A demonstration on loopback may come back on another port; a public issuer is for ever.
        if installation.issuer.starts_with("https://") || config.issuer().starts_with("https://") {
            return Err(StartError::Issuer {
                known: installation.issuer.clone(),
                given: config.issuer().to_owned(),
            });
        }
        tracing::warn!(
            known = installation.issuer,
            given = config.issuer(),
            "the loopback issuer has changed since the first start: tokens and audiences made before name the old one"
        );
    }
    Ok(())
}

fn open_master_key(config: &Config, installation: &Installation) -> Result<MasterKey, StartError> {
    let path = config.master_key_file();
    if !path.exists() {
        return Err(StartError::MasterKeyMissing {
            installation: installation.id.clone(),
            path: path.to_owned(),
        });
    }
    let master = MasterKey::read(path)?;
    if master.key_check_value() == installation.key_check_value {
        return Ok(master);
    }
    // A change of the master key that was cut off after the database knew the new one.
    let coming = keys::coming_master_key(path);
    let coming = if coming.exists() { Some(MasterKey::read(&coming)?) } else { None };
    let Some(master) = coming.filter(|key| key.key_check_value() == installation.key_check_value) else {
        return Err(StartError::MasterKeyForeign {
            installation: installation.id.clone(),
            path: path.to_owned(),
        });
    };
    let old = keys::take_over_master_key(path)?;
    tracing::warn!(old = %old.display(), "the change of the master key was completed");
    Ok(master)
}

/// Makes the installation: keys, the default resource server, the first administrator. The insert into
/// `installation` decides which of several nodes it is; the others throw their keys away.
async fn first_start(
    config: &Config,
    data_dir: &DataDir,
    database: &Database,
    clock: &Clock,
    entropy: &Entropy,
) -> Result<Start, StartError> {
    if let Some(folder) = data_dir.installation()? {
        return Err(StartError::Mixed { folder, database: "none: it is empty".to_owned() });
    }
    let path = config.master_key_file();
    let master = if path.exists() {
        // Left by a first start that did not get further, or given by the operator.
        MasterKey::read(path)?
    } else {
        let master = MasterKey::generate(entropy);
        master.write_new(path)?;
        master
    };
    let (for_keys, for_clock) = (entropy.clone(), clock.clone());
    let (life, algorithms) = (config.key_life(), config.algorithms().to_vec());
    let (keys, sealed) = tokio::task::spawn_blocking(move || {
        let sealed = NewKeys::generate(&algorithms, &for_keys)?.seal(&master, &for_clock, &for_keys)?;
        Ok::<_, keys::KeysError>((Keys::open(&sealed, master, life)?, sealed))
    })
    .await
    .map_err(|error| StartError::Internal(error.to_string()))??;

    let mut tx = database.writer().begin().await?;
    let installation = Installation {
        id: entropy.ulid(clock),
        key_check_value: keys.key_check_value(),
        issuer: config.issuer().to_owned(),
        created_at: clock.now_millis(),
    };
    if !db::installation::insert(&mut tx, &installation).await? {
        tx.rollback().await.map_err(db::Error::from)?;
        return Ok(Start::Again);
    }
    for key in &sealed {
        db::sealed_key::insert(&mut tx, key).await?;
    }
    let audience = config
        .record()
        .map_or_else(|| format!("{}/record", config.issuer()), |record| record.audience.clone());
    let administrator = bootstrap::create(&mut tx, clock, entropy, &keys, &audience).await?;
    data_dir.write_credentials(&credentials(config, administrator))?;
    tx.commit().await.map_err(db::Error::from)?;
    data_dir.publish_credentials()?;
    data_dir.set_installation(&installation.id)?;
    Ok(Start::First(data_dir.credentials_path()))
}

//! Identifiers of client assertions and DPoP proofs: each may be used once (RFC 7523 §3, RFC 9449 §11.1).
//!
//! With PostgreSQL several nodes share a table, and its unique constraint decides. With SQLite there is one process,
//! which remembers them itself, writes them down at a clean stop and reads them at the next start. After a stop that
//! was not clean nobody knows what was used: then assertions from before the start are refused for their short life.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use carnet_db::{Database, Engine};
use carnet_token::assertion::MAX_LIFETIME;
use serde_json::{Map, Value};
use tracing::Instrument as _;

use super::{ErrorCode, OAuthError};
use crate::telemetry::traces::span;
use crate::telemetry::{Metrics, metrics::Samples};
use crate::{db, private_file};

/// How many identifiers are remembered: 1,600 assertions a second for their longest life.
const CAPACITY: usize = 500_000;
/// How many of them one client may fill: nobody can take the memory from all others.
const CLIENT_CAPACITY: usize = CAPACITY / 4;
/// How many are remembered before the expired ones are looked for.
const FIRST_SWEEP: usize = 1024;
/// How many consumptions in the database pass between two deletions of the expired ones.
const TIDY_EVERY: u32 = 256;
/// What was remembered at the last clean stop.
const SAVED: &str = "consumed-identifiers";
/// Stands from the first start on.
const MARKER: &str = "consumed-identifiers.kept";

/// What was used once.
#[derive(Debug)]
pub(super) enum ReplayStore {
    Memory(Arc<Memory>),
    Shared { database: Database, consumed: AtomicU32 },
}

impl ReplayStore {
    /// Opens the store. `now` and `skew` in seconds.
    pub async fn open(database: &Database, data_dir: &Path, now: i64, skew: i64) -> io::Result<Self> {
        if database.engine() == Engine::Postgres {
            return Ok(Self::Shared { database: database.clone(), consumed: AtomicU32::new(0) });
        }
        let data_dir = data_dir.to_owned();
        let memory = tokio::task::spawn_blocking(move || Memory::open(&data_dir, now, skew)).await??;
        Ok(Self::Memory(Arc::new(memory)))
    }

    /// Tells how full the memory is. A shared table has no such end.
    pub fn register(&self, metrics: &Metrics) {
        let memory = match self {
            Self::Memory(memory) => Some(Arc::clone(memory)),
            Self::Shared { .. } => None,
        };
        let of_memory = |read: fn(&Memory) -> usize| {
            let memory = memory.clone();
            move |samples: &mut Samples<'_>| {
                if let Some(memory) = &memory {
                    samples.add_count(&[], u64::try_from(read(memory)).unwrap_or(u64::MAX));
                }
            }
        };
        metrics.gauge(
            "carnet_replay_memory_entries",
            "Identifiers of used assertions in memory; none with PostgreSQL, where they are in a table.",
            of_memory(Memory::len),
        );
        metrics.gauge(
            "carnet_replay_memory_capacity",
            "How many identifiers of used assertions the memory takes; a full one refuses assertions.",
            of_memory(|_| CAPACITY),
        );
    }

    /// Refuses an assertion that was made before a start at which it was not known what had been used.
    pub fn check_age(&self, claims: &Map<String, Value>, now: i64) -> Result<(), OAuthError> {
        match self {
            Self::Memory(memory) => match memory.lost {
                Some(lost) if issued_at(claims) <= lost.before => {
                    Err(unavailable("replay_memory_lost").retry_after(lost.before - now + 1))
                }
                _ => Ok(()),
            },
            Self::Shared { .. } => Ok(()),
        }
    }

    /// Until when, in seconds, what was made is refused since it is not known whether it was used; `None` when that is
    /// known, or nothing from then could be good at `now`.
    pub fn lost_before(&self, now: i64) -> Option<i64> {
        match self {
            Self::Memory(memory) => memory.lost.filter(|lost| lost.until >= now).map(|lost| lost.before),
            Self::Shared { .. } => None,
        }
    }

    /// Uses an identifier up; `false` when it was used before. `keep_until` and `now` in seconds.
    pub async fn consume(
        &self,
        client_id: &str,
        replay_key: &str,
        keep_until: i64,
        now: i64,
    ) -> Result<bool, OAuthError> {
        match self {
            Self::Memory(memory) => memory.consume(client_id, replay_key, keep_until, now),
            Self::Shared { database, consumed } => {
                let pool = database.writer().pool();
                let failed = |error: db::Error| {
                    tracing::error!(%error, "cannot consume an identifier");
                    unavailable("replay_store")
                };
                if consumed.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == 0 {
                    db::consumed_identifier::forget_expired(pool, now).await.map_err(failed)?;
                }
                db::consumed_identifier::consume(pool, replay_key, keep_until)
                    .instrument(span!("database", carnet.statement = "consume_identifier"))
                    .await
                    .map_err(failed)
            }
        }
    }

    /// Writes down what must survive a clean stop.
    pub async fn save(&self, now: i64) -> io::Result<()> {
        let Self::Memory(memory) = self else { return Ok(()) };
        let memory = Arc::clone(memory);
        tokio::task::spawn_blocking(move || memory.save(now)).await?
    }
}

/// The memory of a single process.
#[derive(Debug)]
pub(super) struct Memory {
    data_dir: PathBuf,
    lost: Option<Lost>,
    entries: Mutex<Entries>,
}

/// What is not known after a stop that was not clean; seconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy)]
struct Lost {
    /// Assertions from this time or before may have been used.
    before: i64,
    /// By then the last of them has expired.
    until: i64,
}

#[derive(Debug)]
struct Entries {
    used: HashMap<String, Use>,
    // How many of them each client has.
    by_client: HashMap<Arc<str>, usize>,
    sweep_at: usize,
    // Within one second nothing more expires: a full memory must not be searched at every request.
    swept_at: i64,
    // After the last word was written down nothing may be used any more.
    closed: bool,
}

/// One identifier that was used.
#[derive(Debug)]
struct Use {
    /// To be remembered until then, seconds since 1970-01-01 UTC.
    until: i64,
    /// By whom; not known of those from before the last start.
    client: Option<Arc<str>>,
}

impl Entries {
    fn new(used: HashMap<String, Use>) -> Self {
        Self { used, by_client: HashMap::new(), sweep_at: FIRST_SWEEP, swept_at: i64::MIN, closed: false }
    }

    fn sweep(&mut self, now: i64) {
        self.used.retain(|_, entry| entry.until >= now);
        self.by_client.clear();
        for client in self.used.values().filter_map(|entry| entry.client.as_ref()) {
            *self.by_client.entry(Arc::clone(client)).or_default() += 1;
        }
        self.sweep_at = (self.used.len() * 2).clamp(FIRST_SWEEP, CAPACITY);
        self.swept_at = now;
    }

    fn remember(&mut self, client_id: &str, replay_key: &str, until: i64) {
        let client = match self.by_client.get_key_value(client_id) {
            Some((client, _)) => Arc::clone(client),
            None => client_id.into(),
        };
        *self.by_client.entry(Arc::clone(&client)).or_default() += 1;
        self.used.insert(replay_key.to_owned(), Use { until, client: Some(client) });
    }
}

impl Memory {
    fn open(data_dir: &Path, now: i64, skew: i64) -> io::Result<Self> {
        let (used, lost) = if let Some(used) = load(data_dir)? {
            (used, None)
        } else {
            tracing::warn!(
                "it is not known which client assertions were used before this start, since the last stop was not a clean one: \
                 those made before it are refused, clients send a fresh one"
            );
            // An assertion may be accepted whose clock runs ahead by the skew, and for as long after its `exp`.
            (HashMap::new(), Some(Lost { before: now + skew, until: now + 2 * skew + MAX_LIFETIME }))
        };
        Ok(Self { data_dir: data_dir.to_owned(), lost, entries: Mutex::new(Entries::new(used)) })
    }

    fn consume(
        &self,
        client_id: &str,
        replay_key: &str,
        keep_until: i64,
        now: i64,
    ) -> Result<bool, OAuthError> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.closed {
            return Err(unavailable("stopping"));
        }
        if entries.used.get(replay_key).is_some_and(|entry| entry.until >= now) {
            return Ok(false);
        }
        if entries.used.len() >= entries.sweep_at && entries.swept_at < now {
            entries.sweep(now);
        }
        // Forgetting the oldest instead would let somebody who floods the memory replay what was in it.
        if entries.used.len() >= CAPACITY {
            return Err(unavailable("replay_memory_full").retry_after(30));
        }
        if entries.by_client.get(client_id).is_some_and(|count| *count >= CLIENT_CAPACITY) {
            return Err(unavailable("replay_memory_of_client_full").retry_after(30));
        }
        entries.remember(client_id, replay_key, keep_until);
        Ok(true)
    }

    fn len(&self) -> usize {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).used.len()
    }

    fn save(&self, now: i64) -> io::Result<()> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.closed = true;
        let mut text = String::new();
        for (key, entry) in entries.used.iter().filter(|(_, entry)| entry.until >= now) {
            text.extend([entry.until.to_string().as_str(), " ", key.as_str(), "\n"]);
        }
        text.push_str("end\n");
        // A lost memory stays lost for those who come after.
        if self.lost.is_some_and(|lost| lost.until >= now) {
            return Ok(());
        }
        private_file::replace(&self.data_dir.join(SAVED), text.as_bytes())
    }
}

/// What the last clean stop wrote down; empty at a first start; `None` when it is lost.
fn load(data_dir: &Path) -> io::Result<Option<HashMap<String, Use>>> {
    let (saved, marker) = (data_dir.join(SAVED), data_dir.join(MARKER));
    let ran_before = marker.try_exists()?;
    if !ran_before {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&marker)?.sync_all()?;
        File::open(data_dir)?.sync_all()?;
    }
    let text = match fs::read_to_string(&saved) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(if ran_before { None } else { Some(HashMap::new()) });
        }
        Err(error) => return Err(error),
    };
    // Gone before the first identifier is used: after a crash an old list must not pass for the newest.
    fs::remove_file(&saved)?;
    File::open(data_dir)?.sync_all()?;
    let Some(text) = text.strip_suffix("end\n") else { return Ok(None) };
    let entry = |line: &str| {
        let (until, key) = line.split_once(' ')?;
        Some((key.to_owned(), Use { until: until.parse().ok()?, client: None }))
    };
    Ok(text.lines().map(entry).collect())
}

/// When an assertion was made, at the latest: `iat`, or what its `exp` allows. Seconds.
fn issued_at(claims: &Map<String, Value>) -> i64 {
    let number = |name: &str| claims.get(name).and_then(Value::as_f64);
    #[expect(clippy::cast_possible_truncation, reason = "checked to be below 2^53, and rounded on purpose")]
    let seconds = |value: f64| value.floor() as i64;
    match (number("iat"), number("exp")) {
        (Some(iat), _) => seconds(iat),
        (None, Some(exp)) => seconds(exp) - MAX_LIFETIME,
        (None, None) => i64::MIN,
    }
}

fn unavailable(reason: &'static str) -> OAuthError {
    OAuthError::new(
        ErrorCode::TemporarilyUnavailable,
        reason,
        "client assertions and proofs cannot be taken for the moment; make a new one and try again",
    )
    .retry_after(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn claims(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_identifier_is_used_up_until_it_expires() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::open(folder.path(), NOW, 30).unwrap();
        assert_eq!(memory.consume("c", "a", NOW + 60, NOW), Ok(true));
        assert_eq!(memory.consume("c", "a", NOW + 60, NOW), Ok(false));
        assert_eq!(memory.consume("c", "a", NOW + 60, NOW + 60), Ok(false));
        assert_eq!(memory.consume("c", "b", NOW + 60, NOW), Ok(true));
        assert_eq!(memory.consume("c", "a", NOW + 200, NOW + 61), Ok(true));
    }

    #[test]
    fn what_was_used_is_known_after_a_clean_stop() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::open(folder.path(), NOW, 30).unwrap();
        assert!(memory.lost.is_none(), "a first start refuses nothing");
        memory.consume("c", "a", NOW + 60, NOW).unwrap();
        memory.save(NOW).unwrap();
        assert!(memory.consume("c", "late", NOW + 60, NOW).is_err());
        let memory = Memory::open(folder.path(), NOW + 1, 30).unwrap();
        assert!(memory.lost.is_none());
        assert_eq!(memory.consume("c", "a", NOW + 60, NOW + 1), Ok(false));
    }

    #[test]
    fn after_a_crash_older_assertions_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        drop(Memory::open(folder.path(), NOW, 30).unwrap());
        let store = ReplayStore::Memory(Arc::new(Memory::open(folder.path(), NOW + 10, 30).unwrap()));
        for old in [
            format!("{{\"iat\":{}}}", NOW + 40),
            format!("{{\"iat\":{}.9}}", NOW + 40),
            format!("{{\"exp\":{}}}", NOW + 340),
            "{}".to_owned(),
        ] {
            assert!(store.check_age(&claims(&old), NOW + 10).is_err(), "{old}");
        }
        assert!(store.check_age(&claims(&format!("{{\"iat\":{}}}", NOW + 41)), NOW + 10).is_ok());
    }

    #[test]
    fn a_clean_stop_soon_after_a_crash_does_not_hide_the_crash() {
        let folder = tempfile::tempdir().unwrap();
        drop(Memory::open(folder.path(), NOW, 30).unwrap());
        Memory::open(folder.path(), NOW + 1, 30).unwrap().save(NOW + 2).unwrap();
        assert!(Memory::open(folder.path(), NOW + 3, 30).unwrap().lost.is_some());
    }

    #[test]
    fn a_torn_file_counts_as_lost() {
        let folder = tempfile::tempdir().unwrap();
        drop(Memory::open(folder.path(), NOW, 30).unwrap());
        for torn in ["", "1800000060 a", "1800000060 a\n", "x a\nend\n", "1800000060\nend\n"] {
            fs::write(folder.path().join(SAVED), torn).unwrap();
            assert!(Memory::open(folder.path(), NOW, 30).unwrap().lost.is_some(), "{torn:?}");
        }
    }

    #[test]
    fn the_expired_are_swept_out() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::open(folder.path(), NOW, 30).unwrap();
        for n in 0..FIRST_SWEEP {
            memory.consume("c", &n.to_string(), NOW, NOW).unwrap();
        }
        memory.consume("c", "later", NOW + 60, NOW + 1).unwrap();
        assert_eq!(memory.entries.lock().unwrap().used.len(), 1);
    }

    #[test]
    fn one_client_cannot_take_the_memory_from_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::open(folder.path(), NOW, 30).unwrap();
        for n in 0..CLIENT_CAPACITY {
            memory.consume("greedy", &n.to_string(), NOW + 300, NOW).unwrap();
        }
        let refused = memory.consume("greedy", "one more", NOW + 300, NOW).unwrap_err();
        assert_eq!(refused.reason(), "replay_memory_of_client_full");
        assert_eq!(memory.consume("modest", "first", NOW + 300, NOW), Ok(true));
        // What has expired is given back.
        memory.entries.lock().unwrap().sweep_at = 0;
        assert_eq!(memory.consume("greedy", "later", NOW + 600, NOW + 301), Ok(true));
    }
}

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carnet_db::Database;

use crate::db;

/// How often the use of one secret is written down, milliseconds.
const EVERY: i64 = 60_000;
/// How many uses are written down at once.
const TOGETHER: usize = 500;
/// How long writing so many down may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long writing down what is left may take at a stop.
const AT_STOP: Duration = Duration::from_secs(2);
/// How long a row that somebody holds is left alone at a stop before it is tried again.
const AGAIN: Duration = Duration::from_millis(20);

/// Remembers when each secret was used and lets it be written down, so that the token endpoint does not wait for the
/// database and does not write a row per token.
///
/// What becomes due while something is being written is written next, together: thousands of clients that come at the
/// same hour are a few writes to the database, between which others have their turn.
#[derive(Debug, Default)]
pub(super) struct SecretUse(Arc<Mutex<Uses>>);

#[derive(Debug, Default)]
struct Uses {
    known: HashMap<String, Use>,
    /// Secrets whose use is to be written down.
    due: VecDeque<String>,
    /// Whether somebody writes.
    writing: bool,
}

/// Times in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy)]
struct Use {
    /// The last one.
    last: i64,
    /// When it last became due.
    due: i64,
    /// The last one that the database has.
    written: i64,
    /// Whether it waits to be written down.
    waits: bool,
}

impl SecretUse {
    /// Notes that a secret was used at `now`, milliseconds since 1970-01-01 UTC.
    pub fn note(&self, database: &Database, secret_id: &str, now: i64) {
        if self.uses().note(secret_id, now) {
            let (writer, database) = (Self(Arc::clone(&self.0)), database.clone());
            tokio::spawn(async move { writer.write(&database).await });
        }
    }

    /// Writes down what is not: at a stop, so that the last minute is not lost.
    pub async fn flush(&self, database: &Database) {
        let write = async {
            loop {
                let pending = self.uses().pending();
                if pending.is_empty() {
                    return Ok::<_, db::Error>(());
                }
                for uses in pending.chunks(TOGETHER) {
                    self.write_down(database, uses).await?;
                }
                // Whoever holds what is left may be our own writing of an earlier use.
                tokio::time::sleep(AGAIN).await;
            }
        };
        if let Err(error) = tokio::time::timeout(AT_STOP, write).await.unwrap_or(Err(db::Error::NoAnswer)) {
            tracing::warn!(%error, "when secrets were used in the last minute could not be written down");
        }
    }

    /// Until nothing is due. What could not be written is due again when the secret is used a minute later, or left for
    /// the stop.
    async fn write(&self, database: &Database) {
        let mut unfinished = Unfinished(Some(self));
        loop {
            let uses = self.uses().take_due();
            if uses.is_empty() {
                // Somebody else may have begun by now.
                unfinished.0 = None;
                return;
            }
            let write = tokio::time::timeout(PATIENCE, self.write_down(database, &uses)).await;
            if let Err(error) = write.unwrap_or(Err(db::Error::NoAnswer)) {
                tracing::debug!(%error, secrets = uses.len(), "cannot write down when secrets were used");
            }
        }
    }

    async fn write_down(&self, database: &Database, uses: &[(String, i64)]) -> Result<(), db::Error> {
        let written = db::client_secret::touch(database, uses).await?;
        self.uses().are_written(uses, &written);
        Ok(())
    }

    fn uses(&self) -> MutexGuard<'_, Uses> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writing that did not come to its end: somebody else can begin.
struct Unfinished<'a>(Option<&'a SecretUse>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(unfinished) = self.0 {
            unfinished.uses().writing = false;
        }
    }
}

impl Uses {
    /// Says whether somebody must begin to write.
    fn note(&mut self, secret_id: &str, now: i64) -> bool {
        if let Some(known) = self.known.get_mut(secret_id) {
            known.last = known.last.max(now);
            // A clock that was set back far must not keep a secret from ever being due again.
            if known.waits || (0..EVERY).contains(&(now - known.due)) {
                return false;
            }
            (known.due, known.waits) = (now, true);
        } else {
            let first = Use { last: now, due: now, written: i64::MIN, waits: true };
            self.known.insert(secret_id.to_owned(), first);
        }
        self.due.push_back(secret_id.to_owned());
        !std::mem::replace(&mut self.writing, true)
    }

    /// Some that are due, with their last use; when there are none, whoever writes has ended.
    fn take_due(&mut self) -> Vec<(String, i64)> {
        let due: Vec<String> = self.due.drain(..self.due.len().min(TOGETHER)).collect();
        self.writing = !due.is_empty();
        let taken = |id: String| {
            let known = self.known.get_mut(&id)?;
            known.waits = false;
            Some((id, known.last))
        };
        due.into_iter().filter_map(taken).collect()
    }

    /// Of these uses the database has those of these secrets.
    fn are_written(&mut self, uses: &[(String, i64)], written: &[String]) {
        let written: HashSet<&String> = written.iter().collect();
        for (id, last) in uses.iter().filter(|(id, _)| written.contains(id)) {
            if let Some(known) = self.known.get_mut(id) {
                known.written = known.written.max(*last);
            }
        }
    }

    /// What the database does not have, longest unwritten first: there may not be time for all of it.
    fn pending(&self) -> Vec<(String, i64)> {
        let mut pending: Vec<(&String, &Use)> =
            self.known.iter().filter(|(_, known)| known.last > known.written).collect();
        pending.sort_unstable_by_key(|(_, known)| known.written);
        pending.into_iter().map(|(id, known)| (id.clone(), known.last)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_due_at_most_once_a_minute() {
        let mut uses = Uses::default();
        for now in [0, 1, 59_999] {
            uses.note("a", now);
        }
        assert_eq!(uses.take_due(), [("a".to_owned(), 59_999)]);
        uses.note("b", 59_999);
        assert_eq!(uses.take_due(), [("b".to_owned(), 59_999)]);
        uses.note("a", 60_000);
        uses.note("a", 60_001);
        assert_eq!(uses.take_due(), [("a".to_owned(), 60_001)]);
    }

    #[test]
    fn one_writes_and_others_leave_it_to_it() {
        let mut uses = Uses::default();
        assert!(uses.note("a", 0));
        assert!(!uses.note("b", 0), "somebody writes");
        assert_eq!(uses.take_due().len(), 2);
        assert!(!uses.note("c", 0), "it still does");
        assert_eq!(uses.take_due().len(), 1);
        assert!(uses.take_due().is_empty());
        assert!(uses.note("d", 0), "it has ended");
    }

    #[test]
    fn whoever_breaks_off_leaves_the_writing_to_others() {
        let secret_use = SecretUse::default();
        assert!(secret_use.uses().note("a", 0));
        drop(Unfinished(Some(&secret_use)));
        assert!(secret_use.uses().note("b", 0));
    }

    #[test]
    fn a_clock_that_was_set_back_silences_no_secret() {
        let mut uses = Uses::default();
        uses.note("a", 10 * EVERY);
        assert_eq!(uses.take_due().len(), 1);
        uses.note("a", 0);
        assert_eq!(uses.take_due(), [("a".to_owned(), 10 * EVERY)]);
    }

    #[test]
    fn a_secret_waits_once_however_long_it_takes() {
        let mut uses = Uses::default();
        for minute in 0..5 {
            uses.note("a", minute * EVERY);
        }
        assert_eq!(uses.take_due(), [("a".to_owned(), 4 * EVERY)]);
        assert!(uses.take_due().is_empty());
    }

    #[test]
    fn many_are_written_in_parts() {
        let mut uses = Uses::default();
        for n in 0..=2 * TOGETHER {
            uses.note(&n.to_string(), 0);
        }
        let parts: Vec<usize> =
            std::iter::from_fn(|| Some(uses.take_due().len()).filter(|n| *n > 0)).collect();
        assert_eq!(parts, [TOGETHER, TOGETHER, 1]);
    }

    #[test]
    fn what_the_database_does_not_have_yet_is_left_for_the_stop() {
        let mut uses = Uses::default();
        uses.note("a", 0);
        assert_eq!(uses.pending(), [("a".to_owned(), 0)]);
        let taken = uses.take_due();
        // Somebody held the row.
        uses.are_written(&taken, &[]);
        assert_eq!(uses.pending(), [("a".to_owned(), 0)]);
        uses.are_written(&taken, &["a".to_owned()]);
        assert!(uses.pending().is_empty());
        uses.note("a", 1_000);
        assert_eq!(uses.pending(), [("a".to_owned(), 1_000)]);
    }
}

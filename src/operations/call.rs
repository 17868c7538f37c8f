use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use carnet_db::Transaction;
use serde::Serialize;

use super::{Refusal, version};

/// The request in which operations run: which version of a thing it expects, and whether what it changes is
/// committed by the operation or together with the answer.
///
/// The first start and local commands have none, which is the default one.
#[derive(Clone, Default)]
pub struct Call(Arc<Inner>);

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("expected", &self.0.expected).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Inner {
    expected: Option<Vec<String>>,
    /// Where a transaction waits for what is written with it; none where operations commit for themselves.
    parking: Option<Mutex<Option<Transaction>>>,
}

impl Call {
    /// A request with the versions that its `If-Match` admits, if it has one.
    #[must_use]
    pub fn new(expected: Option<Vec<String>>) -> Self {
        Self(Arc::new(Inner { expected, parking: None }))
    }

    /// The same, whose changes wait for `Context::finish`: nothing of it has happened until then, and if the
    /// request ends otherwise, nothing ever has.
    #[must_use]
    pub fn deferred(expected: Option<Vec<String>>) -> Self {
        Self(Arc::new(Inner { expected, parking: Some(Mutex::new(None)) }))
    }

    /// Takes the transaction that waits, if one does.
    pub(super) fn take(&self) -> Option<Transaction> {
        self.0.parking.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Lets a transaction wait, or gives it back to be committed.
    pub(super) fn park(&self, tx: Transaction) -> Option<Transaction> {
        let Some(parking) = &self.0.parking else { return Some(tx) };
        *parking.lock().unwrap_or_else(PoisonError::into_inner) = Some(tx);
        None
    }

    /// Refuses to change something that is not, or no longer, as the caller saw it.
    pub(super) fn check_version<T: Serialize>(&self, kind: &'static str, now: &T) -> Result<(), Refusal> {
        let Some(expected) = &self.0.expected else { return Ok(()) };
        let current = version(now);
        if expected.contains(&current) { Ok(()) } else { Err(Refusal::Changed { kind, current }) }
    }
}

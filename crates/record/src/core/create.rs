//! A logistics object comes into being: revision 1, its owner, what it names and links.

use std::collections::HashSet;

use carnet_db::Transaction;
use oxrdf::vocab::rdf;
use oxrdf::{NamedNode, NamedOrBlankNode, Term, Triple};

use super::graph::{Snapshot, SubjectError};
use super::{Address, Core, StoreError};

/// What a document may hold, so that one transaction stays short.
const MAX_NODES: usize = 2_000;
const MAX_TYPES: usize = 100;

/// An object to be made.
pub(crate) struct NewObject {
    pub address: Address,
    pub owner: String,
    /// Canonical IRI.
    pub root: NamedNode,
    /// Canonical IRIs; blank nodes as they came.
    pub triples: Vec<Triple>,
}

/// An object that is ready to be stored.
pub(crate) struct Prepared {
    pub address: Address,
    owner: String,
    types: Vec<String>,
    snapshot: Snapshot,
}

/// Why it was not made. Nothing is stored then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    #[error("the address is taken")]
    Taken,
    #[error("the object has no class")]
    NoType,
    #[error("more than {MAX_NODES} nodes or links")]
    TooLarge,
    #[error("more than {0} bytes")]
    TooManyBytes(usize),
    #[error("what was read cannot be read again")]
    Unreadable,
    #[error("a statement about {0}")]
    Foreign(String),
    #[error("{0} is a name that only the server gives")]
    Reserved(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SubjectError> for CreateError {
    fn from(error: SubjectError) -> Self {
        match error {
            SubjectError::Foreign(iri) => Self::Foreign(iri),
            SubjectError::Reserved(iri) => Self::Reserved(iri),
        }
    }
}

impl Core {
    /// Checks the statements and brings them into the form that is stored. Work without I/O.
    pub(crate) fn prepare(&self, new: NewObject) -> Result<Prepared, CreateError> {
        let types = types(&new.root, &new.triples);
        if types.is_empty() {
            return Err(CreateError::NoType);
        }
        let snapshot = Snapshot::take(&new.root, &new.triples, &self.entropy)?;
        let sets = [&snapshot.embedded, &snapshot.links, &snapshot.named];
        if types.len() > MAX_TYPES || sets.iter().any(|set| set.len() > MAX_NODES) {
            return Err(CreateError::TooLarge);
        }
        // Names and addresses of this server are longer than what they stand for.
        if snapshot.nquads.len() > self.limits.graph_bytes {
            return Err(CreateError::TooManyBytes(self.limits.graph_bytes));
        }
        // Who was told 201 must be able to read.
        if !snapshot.reads_back() {
            return Err(CreateError::Unreadable);
        }
        Ok(Prepared { address: new.address, owner: new.owner, types, snapshot })
    }

    /// Stores the object as its revision 1.
    pub(crate) async fn create(&self, new: &Prepared) -> Result<(), CreateError> {
        let id = self.entropy.ulid(&self.clock);
        let now = self.clock.now_millis();
        let mut transaction = self.database.writer().begin().await.map_err(StoreError::from)?;
        // The unique constraint decides who was first.
        let inserted = sqlx::query(
            "INSERT INTO lo (id, tenant, local_id, owner, root_type, types, revision, created_at, modified_at, \
             has_own_acl) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7, 0) ON CONFLICT (tenant, local_id) DO NOTHING",
        )
        .bind(&id)
        .bind(&new.address.tenant)
        .bind(&new.address.local_id)
        .bind(&new.owner)
        .bind(&new.types[0])
        .bind(serde_json::Value::from(new.types.clone()).to_string())
        .bind(now)
        .execute(&mut *transaction)
        .await
        .map_err(StoreError::from)?;
        if inserted.rows_affected() == 0 {
            return Err(CreateError::Taken);
        }
        store(&mut transaction, &id, now, &new.snapshot).await.map_err(StoreError::from)?;
        transaction.commit().await.map_err(StoreError::from)?;
        Ok(())
    }
}

async fn store(
    transaction: &mut Transaction,
    id: &str,
    now: i64,
    snapshot: &Snapshot,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO lo_rev (lo, revision, valid_from, nquads, bytes, sha256, prev_hash, change_id) \
         VALUES ($1, 1, $2, $3, $4, $5, NULL, NULL)",
    )
    .bind(id)
    .bind(now)
    .bind(&snapshot.nquads)
    .bind(i64::try_from(snapshot.nquads.len()).unwrap_or(i64::MAX))
    .bind(&snapshot.sha256)
    .execute(&mut **transaction)
    .await?;
    for (statement, values) in [
        ("INSERT INTO embedded (lo, internal_id) VALUES ($1, $2)", &snapshot.embedded),
        ("INSERT INTO link (lo_from, lo_to) VALUES ($1, $2)", &snapshot.links),
        ("INSERT INTO named (lo, iri) VALUES ($1, $2)", &snapshot.named),
    ] {
        for value in values {
            sqlx::query(statement).bind(id).bind(value).execute(&mut **transaction).await?;
        }
    }
    Ok(())
}

/// The classes of the root, in the order of the document.
fn types(root: &NamedNode, triples: &[Triple]) -> Vec<String> {
    let root = NamedOrBlankNode::from(root.clone());
    let mut seen = HashSet::new();
    triples
        .iter()
        .filter(|triple| triple.subject == root && triple.predicate == rdf::TYPE)
        .filter_map(|triple| match &triple.object {
            Term::NamedNode(class) if seen.insert(class) => Some(class.as_str().to_owned()),
            _ => None,
        })
        .collect()
}

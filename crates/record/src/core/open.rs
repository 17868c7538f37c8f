//! An object as one company sees it: whether it is there, and what the company may do with it.

use carnet_db::Row;
use oxrdf::Triple;
use sqlx::{Any, Executor, Row as _};

use super::access::{Mode, Modes, Standing};
use super::{Address, Core, StoreError, graph};

/// An object that the company may use in the mode asked for.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(super) id: String,
    pub(crate) revision: i64,
    /// Of the revision as it is stored.
    pub(crate) sha256: String,
    /// Size of the revision as it is stored.
    pub(crate) bytes: usize,
    pub(crate) has_own_acl: bool,
    pub(super) is_owner: bool,
    /// Everything that the company may do.
    pub(super) modes: Modes,
}

/// A revision as it stands in the database.
pub(crate) struct Stored {
    id: String,
    nquads: String,
}

/// Why there is nothing to use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("no such object")]
    Unknown,
    #[error("no right to it")]
    Forbidden,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Core {
    /// Opens the object at `address` for `company`.
    pub(crate) async fn open(
        &self,
        address: &Address,
        company: &str,
        mode: Mode,
    ) -> Result<Opened, OpenError> {
        let opened = self.find(self.database.reader().pool(), address, company).await?;
        opened.ok_or(OpenError::Unknown)?.with(mode)
    }

    /// Whether there is an object at `address`.
    pub(crate) async fn exists(&self, address: &Address) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT id FROM lo WHERE tenant = $1 AND local_id = $2")
            .bind(&address.tenant)
            .bind(&address.local_id)
            .fetch_optional(self.database.reader().pool())
            .await?;
        Ok(row.is_some())
    }

    /// The revision that was opened. It never changes, so that what was decided and what is read are the same.
    pub(crate) async fn stored(&self, opened: &Opened) -> Result<Stored, StoreError> {
        let nquads = sqlx::query_scalar("SELECT nquads FROM lo_rev WHERE lo = $1 AND revision = $2")
            .bind(&opened.id)
            .bind(opened.revision)
            .fetch_one(self.database.reader().pool())
            .await?;
        Ok(Stored { id: opened.id.clone(), nquads })
    }

    /// One statement, so that the object, its ACL and what it names are of one moment.
    pub(super) async fn find<'e>(
        &self,
        executor: impl Executor<'e, Database = Any>,
        address: &Address,
        company: &str,
    ) -> Result<Option<Opened>, StoreError> {
        let rows = sqlx::query(
            "SELECT lo.id, lo.owner, lo.revision, lo.has_own_acl, v.sha256, v.bytes, r.modes, \
             (SELECT COUNT(*) FROM named n WHERE n.lo = lo.id AND n.iri = $3) AS is_named \
             FROM lo JOIN lo_rev v ON v.lo = lo.id AND v.revision = lo.revision LEFT JOIN acl_rule r ON r.lo = lo.id AND r.agent = $3 \
             WHERE lo.tenant = $1 AND lo.local_id = $2",
        )
        .bind(&address.tenant)
        .bind(&address.local_id)
        .bind(company)
        .fetch_all(executor)
        .await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let id: String = first.try_get("id")?;
        let owner: String = first.try_get("owner")?;
        let has_own_acl = first.try_get::<i64, _>("has_own_acl")? != 0;
        let is_owner = owner == company;
        let granted = granted(&rows, &id)?;
        let standing = Standing {
            is_owner,
            own_acl: has_own_acl.then_some(granted),
            is_named: self.implicit_grant && first.try_get::<i64, _>("is_named")? > 0,
        };
        let revision = first.try_get("revision")?;
        let sha256 = first.try_get("sha256")?;
        let bytes: i64 = first.try_get("bytes")?;
        let bytes = usize::try_from(bytes).map_err(|_| corrupt("lo_rev", "bytes", &id))?;
        Ok(Some(Opened { id, revision, sha256, bytes, has_own_acl, is_owner, modes: standing.decide() }))
    }
}

impl Stored {
    /// The statements, nodes inside the object without a name.
    pub(crate) fn triples(&self) -> Result<Vec<Triple>, StoreError> {
        graph::parse(&self.nquads).map(graph::anonymous).ok_or_else(|| corrupt("lo_rev", "nquads", &self.id))
    }
}

impl Opened {
    pub(super) fn with(self, mode: Mode) -> Result<Self, OpenError> {
        if self.modes.has(mode) { Ok(self) } else { Err(OpenError::Forbidden) }
    }
}

fn granted(rows: &[Row], id: &str) -> Result<Modes, StoreError> {
    let mut granted = Modes::default();
    for row in rows {
        if let Some(text) = row.try_get::<Option<String>, _>("modes")? {
            granted = granted | Modes::from_json(&text).ok_or_else(|| corrupt("acl_rule", "modes", id))?;
        }
    }
    Ok(granted)
}

pub(super) fn corrupt(table: &'static str, column: &'static str, id: &str) -> StoreError {
    StoreError::Corrupt { table, column, id: id.to_owned() }
}

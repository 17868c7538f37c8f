//! Table `one_record_id`.

use carnet_db::sqlx::{self, Any, AnyConnection, AnyPool, Executor};
use carnet_db::{Row, Transaction};

use super::whole_table::Whole;
use super::{Error, Page, Reading, select, taken};
use crate::registry::{OneRecordId, OneRecordIdStatus};

const TABLE: &str = "one_record_id";
const SELECT: &str = "SELECT uri, participant_id, main, status, created_at FROM one_record_id";

const WHOLE: Whole = Whole { table: TABLE, select: SELECT, key: "uri", only: "" };

fn one_record_id(row: &Row) -> Result<OneRecordId, Error> {
    parse(&Reading::new(row, TABLE, "uri"))
}

fn parse(row: &Reading<'_>) -> Result<OneRecordId, Error> {
    Ok(OneRecordId {
        uri: row.text("uri")?,
        participant_id: row.text("participant_id")?,
        main: row.flag("main")?,
        status: row.word("status")?,
        created_at: row.number("created_at")?,
    })
}

/// Inserts an identifier. [`Error::Taken`] when it belongs to somebody already.
pub async fn insert(tx: &mut Transaction, id: &OneRecordId) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO one_record_id (uri, participant_id, main, status, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&id.uri)
    .bind(&id.participant_id)
    .bind(i64::from(id.main))
    .bind(id.status.as_str())
    .bind(id.created_at)
    .execute(&mut **tx)
    .await
    .map_err(taken(TABLE))?;
    Ok(())
}

/// Finds an identifier.
pub async fn find<'e>(
    executor: impl Executor<'e, Database = Any>,
    uri: &str,
) -> Result<Option<OneRecordId>, Error> {
    let row = sqlx::query(select(SELECT, " WHERE uri = $1")).bind(uri).fetch_optional(executor).await?;
    row.as_ref().map(one_record_id).transpose()
}

/// Takes the main mark from whichever identifier of the participant has it.
pub async fn clear_main(tx: &mut Transaction, participant_id: &str) -> Result<(), Error> {
    sqlx::query("UPDATE one_record_id SET main = 0 WHERE participant_id = $1 AND main = 1")
        .bind(participant_id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Gives the main mark, which [`clear_main`] took before, to an identifier of the participant.
pub async fn set_main(tx: &mut Transaction, participant_id: &str, uri: &str) -> Result<(), Error> {
    sqlx::query("UPDATE one_record_id SET main = 1 WHERE uri = $1 AND participant_id = $2")
        .bind(uri)
        .bind(participant_id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Changes the status if it is not that already; says whether anything changed.
pub async fn set_status(tx: &mut Transaction, uri: &str, status: OneRecordIdStatus) -> Result<bool, Error> {
    let done = sqlx::query("UPDATE one_record_id SET status = $1 WHERE uri = $2 AND status <> $1")
        .bind(status.as_str())
        .bind(uri)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The identifiers of one participant, the main one first.
pub async fn of_participant<'e>(
    executor: impl Executor<'e, Database = Any>,
    participant_id: &str,
) -> Result<Vec<OneRecordId>, Error> {
    let query = select(SELECT, " WHERE participant_id = $1 ORDER BY main DESC, uri");
    sqlx::query(query).bind(participant_id).fetch_all(executor).await?.iter().map(one_record_id).collect()
}

/// A page of one participant's identifiers in URI order, beginning after `cursor`.
pub async fn page(
    pool: &AnyPool,
    participant_id: &str,
    cursor: &str,
    limit: i64,
) -> Result<Page<OneRecordId>, Error> {
    let query = select(SELECT, " WHERE participant_id = $1 AND uri > $2 ORDER BY uri LIMIT $3");
    let rows = sqlx::query(query).bind(participant_id).bind(cursor).bind(limit + 1).fetch_all(pool).await?;
    let items = rows.iter().map(one_record_id).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, limit, |id| id.uri.clone()))
}

/// All identifiers, for the memory image.
pub async fn all(connection: &mut AnyConnection) -> Result<Vec<OneRecordId>, Error> {
    WHOLE.read(connection, parse).await
}

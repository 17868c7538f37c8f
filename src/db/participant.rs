//! Table `participant`.

use carnet_db::sqlx::{self, Any, AnyConnection, AnyPool, Executor};
use carnet_db::{Row, Transaction};

use super::whole_table::Whole;
use super::{Error, Page, Reading, json_text, select, taken};
use crate::registry::{Participant, Status};

const TABLE: &str = "participant";

// The main identifier stands in its own table and is read along.
const SELECT: &str = "SELECT p.id, p.name, p.roles, p.logistics_agent_uri, p.status, p.created_at, p.updated_at, \
     o.uri AS iol_identifier FROM participant p \
     JOIN one_record_id o ON o.participant_id = p.id AND o.main = 1";

const WHOLE: Whole = Whole { table: TABLE, select: SELECT, key: "p.id", only: "" };

fn participant(row: &Row) -> Result<Participant, Error> {
    parse(&Reading::new(row, TABLE, "id"))
}

fn parse(row: &Reading<'_>) -> Result<Participant, Error> {
    Ok(Participant {
        id: row.text("id")?,
        name: row.text("name")?,
        iol_identifier: row.text("iol_identifier")?,
        logistics_agent_uri: row.text("logistics_agent_uri")?,
        roles: row.json("roles")?,
        status: row.word("status")?,
        created_at: row.number("created_at")?,
        updated_at: row.number("updated_at")?,
    })
}

/// Inserts a participant; its main identifier is inserted by `one_record_id`.
pub async fn insert(tx: &mut Transaction, participant: &Participant) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO participant (id, name, roles, logistics_agent_uri, status, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&participant.id)
    .bind(&participant.name)
    .bind(json_text(&participant.roles))
    .bind(&participant.logistics_agent_uri)
    .bind(participant.status.as_str())
    .bind(participant.created_at)
    .bind(participant.updated_at)
    .execute(&mut **tx)
    .await
    .map_err(taken(TABLE))?;
    Ok(())
}

/// Writes the changeable members of a participant; its main identifier is marked by `one_record_id`.
/// [`Error::Taken`] when its logistics agent URI is another's.
pub async fn update(tx: &mut Transaction, participant: &Participant) -> Result<(), Error> {
    sqlx::query(
        "UPDATE participant SET name = $1, roles = $2, logistics_agent_uri = $3, updated_at = $4 WHERE id = $5",
    )
    .bind(&participant.name)
    .bind(json_text(&participant.roles))
    .bind(&participant.logistics_agent_uri)
    .bind(participant.updated_at)
    .bind(&participant.id)
    .execute(&mut **tx)
    .await
    .map_err(taken(TABLE))?;
    Ok(())
}

/// Finds a participant by id.
pub async fn find<'e>(
    executor: impl Executor<'e, Database = Any>,
    id: &str,
) -> Result<Option<Participant>, Error> {
    let query = select(SELECT, " WHERE p.id = $1");
    let row = sqlx::query(query).bind(id).fetch_optional(executor).await?;
    row.as_ref().map(participant).transpose()
}

/// Changes the status if it is not that already; says whether anything changed.
pub async fn set_status(tx: &mut Transaction, id: &str, status: Status, at: i64) -> Result<bool, Error> {
    let done =
        sqlx::query("UPDATE participant SET status = $1, updated_at = $2 WHERE id = $3 AND status <> $1")
            .bind(status.as_str())
            .bind(at)
            .bind(id)
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// The participant that holds a logistics agent URI.
pub async fn holder_of_agent_uri<'e>(
    executor: impl Executor<'e, Database = Any>,
    uri: &str,
) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar("SELECT id FROM participant WHERE logistics_agent_uri = $1")
        .bind(uri)
        .fetch_optional(executor)
        .await?)
}

/// Notes that something that is read along with the participant has changed.
pub async fn touch(tx: &mut Transaction, id: &str, at: i64) -> Result<(), Error> {
    sqlx::query("UPDATE participant SET updated_at = $1 WHERE id = $2")
        .bind(at)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// All participants, for the memory image.
pub async fn all(connection: &mut AnyConnection) -> Result<Vec<Participant>, Error> {
    WHOLE.read(connection, parse).await
}

/// A page in id order, beginning after `cursor`.
pub async fn page(pool: &AnyPool, cursor: &str, limit: i64) -> Result<Page<Participant>, Error> {
    let query = select(SELECT, " WHERE p.id > $1 ORDER BY p.id LIMIT $2");
    let rows = sqlx::query(query).bind(cursor).bind(limit + 1).fetch_all(pool).await?;
    let items = rows.iter().map(participant).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, limit, |p| p.id.clone()))
}

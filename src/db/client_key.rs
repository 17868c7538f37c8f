//! Table `client_key`.

use carnet_db::sqlx::{self, Any, AnyConnection, AnyPool, Executor};
use carnet_db::{Row, Transaction};

use super::whole_table::Whole;
use super::{Error, Page, Reading, select, taken};
use crate::registry::{ClientKey, CredentialStatus};

const TABLE: &str = "client_key";
const SELECT: &str =
    "SELECT id, client_id, kid, alg, thumbprint, jwk, status, created_at, not_after FROM client_key";

const WHOLE: Whole = Whole { table: TABLE, select: SELECT, key: "id", only: "status = 'active' AND " };

fn client_key(row: &Row) -> Result<ClientKey, Error> {
    parse(&Reading::new(row, TABLE, "id"))
}

fn parse(row: &Reading<'_>) -> Result<ClientKey, Error> {
    Ok(ClientKey {
        id: row.text("id")?,
        client_id: row.text("client_id")?,
        kid: row.text("kid")?,
        alg: row.word("alg")?,
        thumbprint: row.text("thumbprint")?,
        jwk: row.json("jwk")?,
        status: row.word("status")?,
        created_at: row.number("created_at")?,
        not_after: row.optional_number("not_after")?,
    })
}

/// Inserts a key. [`Error::Taken`] when the client has, or had, a key of that `kid`.
pub async fn insert(tx: &mut Transaction, key: &ClientKey) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO client_key (id, client_id, kid, alg, thumbprint, jwk, status, created_at, not_after) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&key.id)
    .bind(&key.client_id)
    .bind(&key.kid)
    .bind(key.alg.as_str())
    .bind(&key.thumbprint)
    .bind(super::json_text(&key.jwk))
    .bind(key.status.as_str())
    .bind(key.created_at)
    .bind(key.not_after)
    .execute(&mut **tx)
    .await
    .map_err(taken(TABLE))?;
    Ok(())
}

/// Revokes one key of a client; says whether it was active.
pub async fn revoke(tx: &mut Transaction, client_id: &str, kid: &str) -> Result<bool, Error> {
    let done =
        sqlx::query("UPDATE client_key SET status = $1 WHERE kid = $2 AND client_id = $3 AND status = $4")
            .bind(CredentialStatus::Revoked.as_str())
            .bind(kid)
            .bind(client_id)
            .bind(CredentialStatus::Active.as_str())
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Clients other than `client_id` for which the same public key is registered and active.
pub async fn other_holder<'e>(
    executor: impl Executor<'e, Database = Any>,
    thumbprint: &str,
    client_id: &str,
) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar(
        "SELECT client_id FROM client_key WHERE thumbprint = $1 AND client_id <> $2 AND status = 'active' LIMIT 1",
    )
    .bind(thumbprint)
    .bind(client_id)
    .fetch_optional(executor)
    .await?)
}

/// The keys of one client, oldest first.
pub async fn of_client<'e>(
    executor: impl Executor<'e, Database = Any>,
    client_id: &str,
) -> Result<Vec<ClientKey>, Error> {
    let query = select(SELECT, " WHERE client_id = $1 ORDER BY id");
    sqlx::query(query).bind(client_id).fetch_all(executor).await?.iter().map(client_key).collect()
}

/// A page of one client's keys, oldest first, beginning after `cursor`.
pub async fn page(
    pool: &AnyPool,
    client_id: &str,
    cursor: &str,
    limit: i64,
) -> Result<Page<ClientKey>, Error> {
    let query = select(SELECT, " WHERE client_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    let rows = sqlx::query(query).bind(client_id).bind(cursor).bind(limit + 1).fetch_all(pool).await?;
    let items = rows.iter().map(client_key).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, limit, |key| key.id.clone()))
}

/// All active keys, for the memory image.
pub async fn all_active(connection: &mut AnyConnection) -> Result<Vec<ClientKey>, Error> {
    WHOLE.read(connection, parse).await
}

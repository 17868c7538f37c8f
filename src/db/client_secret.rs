//! Table `client_secret`.

use carnet_db::sqlx::{self, Any, AnyConnection, AnyPool, Executor};
use carnet_db::{Database, Engine, Row, Transaction};
use serde_json::{Map, Value};

use super::whole_table::Whole;
use super::{Error, Page, Reading, select, taken};
use crate::registry::{ClientSecret, CredentialStatus, ImportedHashError, SecretDigest};

const TABLE: &str = "client_secret";
const SELECT: &str =
    "SELECT id, client_id, mac, imported, status, created_at, expires_at, last_used_at FROM client_secret";

const WHOLE: Whole = Whole { table: TABLE, select: SELECT, key: "id", only: "status = 'active' AND " };

fn client_secret(row: &Row) -> Result<ClientSecret, Error> {
    parse(&Reading::new(row, TABLE, "id"))
}

fn parse(row: &Reading<'_>) -> Result<ClientSecret, Error> {
    let digest = if let Some(hash) = row.optional_text("imported")? {
        let hash =
            hash.parse().map_err(|error: ImportedHashError| row.corrupt("imported", error.to_string()))?;
        SecretDigest::Imported(hash)
    } else {
        let mac =
            carnet_token::base64url::decode(&row.text("mac")?).ok().and_then(|bytes| bytes.try_into().ok());
        SecretDigest::Mac(mac.ok_or_else(|| row.corrupt("mac", "not 32 bytes of base64url".to_owned()))?)
    };
    Ok(ClientSecret {
        id: row.text("id")?,
        client_id: row.text("client_id")?,
        digest,
        status: row.word("status")?,
        created_at: row.number("created_at")?,
        expires_at: row.optional_number("expires_at")?,
        last_used_at: row.optional_number("last_used_at")?,
    })
}

/// Inserts a secret's record.
pub async fn insert(tx: &mut Transaction, secret: &ClientSecret) -> Result<(), Error> {
    let (mac, imported) = match &secret.digest {
        SecretDigest::Mac(mac) => (carnet_token::base64url::encode(mac), None),
        SecretDigest::Imported(hash) => (String::new(), Some(hash.to_string())),
    };
    sqlx::query(
        "INSERT INTO client_secret (id, client_id, mac, imported, status, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&secret.id)
    .bind(&secret.client_id)
    .bind(mac)
    .bind(imported)
    .bind(secret.status.as_str())
    .bind(secret.created_at)
    .bind(secret.expires_at)
    .execute(&mut **tx)
    .await
    .map_err(taken(TABLE))?;
    Ok(())
}

/// Revokes one secret of a client; says whether it was active.
pub async fn revoke(tx: &mut Transaction, client_id: &str, id: &str) -> Result<bool, Error> {
    let done =
        sqlx::query("UPDATE client_secret SET status = $1 WHERE id = $2 AND client_id = $3 AND status = $4")
            .bind(CredentialStatus::Revoked.as_str())
            .bind(id)
            .bind(client_id)
            .bind(CredentialStatus::Active.as_str())
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Revokes every secret of a client.
pub async fn revoke_all(tx: &mut Transaction, client_id: &str) -> Result<(), Error> {
    sqlx::query("UPDATE client_secret SET status = $1 WHERE client_id = $2")
        .bind(CredentialStatus::Revoked.as_str())
        .bind(client_id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Lets the active secrets of a client but one expire no later than `at`; none gets more time than it had.
pub async fn expire_others(tx: &mut Transaction, client_id: &str, but: &str, at: i64) -> Result<(), Error> {
    sqlx::query(
        "UPDATE client_secret SET expires_at = $1 WHERE client_id = $2 AND id <> $3 AND status = $4 \
         AND (expires_at IS NULL OR expires_at > $1)",
    )
    .bind(at)
    .bind(client_id)
    .bind(but)
    .bind(CredentialStatus::Active.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes when secrets were last used, by their ids; says of which that was noted. Times only move forward.
pub async fn touch(database: &Database, uses: &[(String, i64)]) -> Result<Vec<String>, Error> {
    let uses: Map<String, Value> = uses.iter().map(|(id, at)| (id.clone(), (*at).into())).collect();
    let statement = match database.engine() {
        Engine::Sqlite => {
            "UPDATE client_secret SET last_used_at = used.value FROM json_each($1) AS used \
             WHERE client_secret.id = used.key AND (last_used_at IS NULL OR last_used_at < used.value) \
             RETURNING client_secret.id"
        }
        // Whoever waited for rows that others have locked, while these wait for rows locked here, would end one of the
        // two. What is skipped is written with a later use, or at the stop.
        Engine::Postgres => {
            "UPDATE client_secret SET last_used_at = used.at FROM (SELECT id, CAST(value AS BIGINT) AS at \
             FROM client_secret JOIN json_each_text(CAST($1 AS json)) ON key = id \
             WHERE last_used_at IS NULL OR last_used_at < CAST(value AS BIGINT) \
             FOR NO KEY UPDATE OF client_secret SKIP LOCKED) AS used WHERE client_secret.id = used.id \
             RETURNING client_secret.id"
        }
    };
    let pool = database.writer().pool();
    Ok(sqlx::query_scalar(statement).bind(Value::Object(uses).to_string()).fetch_all(pool).await?)
}

/// The secrets of one client, oldest first.
pub async fn of_client<'e>(
    executor: impl Executor<'e, Database = Any>,
    client_id: &str,
) -> Result<Vec<ClientSecret>, Error> {
    let query = select(SELECT, " WHERE client_id = $1 ORDER BY id");
    sqlx::query(query).bind(client_id).fetch_all(executor).await?.iter().map(client_secret).collect()
}

/// Finds one secret of a client.
pub async fn find<'e>(
    executor: impl Executor<'e, Database = Any>,
    client_id: &str,
    id: &str,
) -> Result<Option<ClientSecret>, Error> {
    let query = select(SELECT, " WHERE client_id = $1 AND id = $2");
    let row = sqlx::query(query).bind(client_id).bind(id).fetch_optional(executor).await?;
    row.as_ref().map(client_secret).transpose()
}

/// A page of one client's secrets, oldest first, beginning after `cursor`.
pub async fn page(
    pool: &AnyPool,
    client_id: &str,
    cursor: &str,
    limit: i64,
) -> Result<Page<ClientSecret>, Error> {
    let query = select(SELECT, " WHERE client_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    let rows = sqlx::query(query).bind(client_id).bind(cursor).bind(limit + 1).fetch_all(pool).await?;
    let items = rows.iter().map(client_secret).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, limit, |secret| secret.id.clone()))
}

/// All active secrets, for the memory image.
pub async fn all_active(connection: &mut AnyConnection) -> Result<Vec<ClientSecret>, Error> {
    WHOLE.read(connection, parse).await
}

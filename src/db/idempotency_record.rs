//! Table `idempotency_record`: what was answered to requests with an `Idempotency-Key`.

use carnet_db::sqlx::{self, AnyPool};
use carnet_db::{Row, Transaction};
use carnet_token::base64url;

use super::{Error, Reading};

const TABLE: &str = "idempotency_record";

/// A request and its answer.
#[derive(Debug, Clone)]
pub struct IdempotencyRecord {
    /// The administrator who made the request.
    pub client_id: String,
    /// The key that they chose.
    pub key: String,
    /// The request's method.
    pub method: String,
    /// The request's path, and query if it has one.
    pub path: String,
    /// HMAC of its body's SHA-256, base64url.
    pub digest: String,
    /// The answer's status.
    pub status: i64,
    /// JSON object of the answer's headers.
    pub headers: String,
    /// The answer's body, without secrets.
    pub body: Vec<u8>,
    /// Whether there were secrets in it.
    pub withheld: bool,
    /// Milliseconds since 1970-01-01 UTC; from then on the key is as if it were new.
    pub expires_at: i64,
}

fn record(row: &Row) -> Result<IdempotencyRecord, Error> {
    let row = Reading::new(row, TABLE, "idempotency_key");
    let body = base64url::decode(&row.text("body")?)
        .map_err(|_| row.corrupt("body", "it is no base64url".to_owned()))?;
    Ok(IdempotencyRecord {
        client_id: row.text("client_id")?,
        key: row.text("idempotency_key")?,
        method: row.text("method")?,
        path: row.text("path")?,
        digest: row.text("digest")?,
        status: row.number("status")?,
        headers: row.text("headers")?,
        body,
        withheld: row.flag("withheld")?,
        expires_at: row.number("expires_at")?,
    })
}

/// Writes a record in the transaction of its change, unless the key is taken; says whether it was free.
pub async fn insert(tx: &mut Transaction, record: &IdempotencyRecord, now: i64) -> Result<bool, Error> {
    // One that has expired and was not swept out yet.
    sqlx::query(
        "DELETE FROM idempotency_record WHERE client_id = $1 AND idempotency_key = $2 AND expires_at <= $3",
    )
    .bind(&record.client_id)
    .bind(&record.key)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    let done = sqlx::query(
        "INSERT INTO idempotency_record (client_id, idempotency_key, method, path, digest, status, headers, body, \
         withheld, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
    )
    .bind(&record.client_id)
    .bind(&record.key)
    .bind(&record.method)
    .bind(&record.path)
    .bind(&record.digest)
    .bind(record.status)
    .bind(&record.headers)
    .bind(base64url::encode(&record.body))
    .bind(i64::from(record.withheld))
    .bind(record.expires_at)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Finds the record of a key that has not expired.
pub async fn find(
    pool: &AnyPool,
    client_id: &str,
    key: &str,
    now: i64,
) -> Result<Option<IdempotencyRecord>, Error> {
    let row = sqlx::query(
        "SELECT client_id, idempotency_key, method, path, digest, status, headers, body, withheld, expires_at \
         FROM idempotency_record WHERE client_id = $1 AND idempotency_key = $2 AND expires_at > $3",
    )
    .bind(client_id)
    .bind(key)
    .bind(now)
    .fetch_optional(pool)
    .await?;
    row.as_ref().map(record).transpose()
}

/// Forgets every record; says how many. For a restored database: what was done after its backup is not in it, however
/// it was answered.
pub async fn forget_all(tx: &mut Transaction) -> Result<u64, Error> {
    Ok(sqlx::query("DELETE FROM idempotency_record").execute(&mut **tx).await?.rows_affected())
}

/// Forgets the records that have expired; says how many.
pub async fn forget_expired(pool: &AnyPool, now: i64) -> Result<u64, Error> {
    let done =
        sqlx::query("DELETE FROM idempotency_record WHERE expires_at <= $1").bind(now).execute(pool).await?;
    Ok(done.rows_affected())
}

//! Table `client`.

use carnet_db::sqlx::{self, Any, AnyConnection, AnyPool, Executor};
use carnet_db::{Row, Transaction};

use super::shared_lists::SharedLists;
use super::whole_table::Whole;
use super::{Error, Page, Reading, json_text, select, taken};
use crate::registry::{Client, ClientKind, SigningAlgorithm, Status};

const TABLE: &str = "client";
const SELECT: &str = "SELECT id, participant_id, kind, bootstrap, name, token_endpoint_auth_method, \
     require_bound_tokens, scopes, audiences, access_token_lifetime, signing_alg, one_record_id, \
     allowed_addresses, status, created_at, updated_at, introspects FROM client";

const WHOLE: Whole = Whole { table: TABLE, select: SELECT, key: "id", only: "" };

fn client(row: &Row) -> Result<Client, Error> {
    parse(&Reading::new(row, TABLE, "id"), &mut SharedLists::default())
}

fn parse(row: &Reading<'_>, lists: &mut SharedLists) -> Result<Client, Error> {
    let signing_alg = match row.optional_text("signing_alg")? {
        Some(alg) => {
            Some(alg.parse().map_err(|_| row.corrupt("signing_alg", format!("`{alg}` is no algorithm")))?)
        }
        None => None,
    };
    Ok(Client {
        id: row.text("id")?,
        participant_id: row.optional_text("participant_id")?,
        kind: row.word("kind")?,
        bootstrap: row.flag("bootstrap")?,
        name: row.text("name")?,
        token_endpoint_auth_method: row.word("token_endpoint_auth_method")?,
        require_bound_tokens: row.flag("require_bound_tokens")?,
        scopes: lists.read(row, "scopes")?,
        audiences: row.json("audiences")?,
        introspects: row.json("introspects")?,
        access_token_lifetime: row.optional_number("access_token_lifetime")?,
        signing_alg,
        one_record_id: row.optional_text("one_record_id")?,
        allowed_addresses: row.json("allowed_addresses")?,
        status: row.word("status")?,
        created_at: row.number("created_at")?,
        updated_at: row.number("updated_at")?,
    })
}

/// Inserts a client.
pub async fn insert(tx: &mut Transaction, client: &Client) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO client (id, participant_id, kind, bootstrap, name, token_endpoint_auth_method, \
         require_bound_tokens, scopes, audiences, access_token_lifetime, signing_alg, one_record_id, \
         allowed_addresses, status, created_at, updated_at, introspects) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, \
         $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(&client.id)
    .bind(client.participant_id.as_deref())
    .bind(client.kind.as_str())
    .bind(i64::from(client.bootstrap))
    .bind(&client.name)
    .bind(client.token_endpoint_auth_method.as_str())
    .bind(i64::from(client.require_bound_tokens))
    .bind(json_text(&client.scopes))
    .bind(json_text(&client.audiences))
    .bind(client.access_token_lifetime)
    .bind(client.signing_alg.map(SigningAlgorithm::as_str))
    .bind(client.one_record_id.as_deref())
    .bind(json_text(&client.allowed_addresses))
    .bind(client.status.as_str())
    .bind(client.created_at)
    .bind(client.updated_at)
    .bind(json_text(&client.introspects))
    .execute(&mut **tx)
    .await
    .map_err(taken(TABLE))?;
    Ok(())
}

/// Writes the changeable members of a client.
pub async fn update(tx: &mut Transaction, client: &Client) -> Result<(), Error> {
    sqlx::query(
        "UPDATE client SET name = $1, require_bound_tokens = $2, scopes = $3, audiences = $4, \
         access_token_lifetime = $5, signing_alg = $6, one_record_id = $7, allowed_addresses = $8, introspects = $9, \
         updated_at = $10 WHERE id = $11",
    )
    .bind(&client.name)
    .bind(i64::from(client.require_bound_tokens))
    .bind(json_text(&client.scopes))
    .bind(json_text(&client.audiences))
    .bind(client.access_token_lifetime)
    .bind(client.signing_alg.map(SigningAlgorithm::as_str))
    .bind(client.one_record_id.as_deref())
    .bind(json_text(&client.allowed_addresses))
    .bind(json_text(&client.introspects))
    .bind(client.updated_at)
    .bind(&client.id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Finds a client by id.
pub async fn find<'e>(
    executor: impl Executor<'e, Database = Any>,
    id: &str,
) -> Result<Option<Client>, Error> {
    let row = sqlx::query(select(SELECT, " WHERE id = $1")).bind(id).fetch_optional(executor).await?;
    row.as_ref().map(client).transpose()
}

/// The administrator that the first start made.
pub async fn find_bootstrap<'e>(
    executor: impl Executor<'e, Database = Any>,
) -> Result<Option<Client>, Error> {
    let row = sqlx::query(select(SELECT, " WHERE bootstrap = 1 ORDER BY id LIMIT 1"))
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(client).transpose()
}

/// Changes the status if it is not that already; says whether anything changed.
pub async fn set_status(tx: &mut Transaction, id: &str, status: Status, at: i64) -> Result<bool, Error> {
    let done = sqlx::query("UPDATE client SET status = $1, updated_at = $2 WHERE id = $3 AND status <> $1")
        .bind(status.as_str())
        .bind(at)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes what a client may say of itself: its name and which of its scopes it keeps.
pub async fn describe(
    tx: &mut Transaction,
    id: &str,
    name: &str,
    scopes: &[String],
    at: i64,
) -> Result<(), Error> {
    sqlx::query("UPDATE client SET name = $1, scopes = $2, updated_at = $3 WHERE id = $4")
        .bind(name)
        .bind(json_text(&scopes))
        .bind(at)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The clients of one participant.
pub async fn of_participant<'e>(
    executor: impl Executor<'e, Database = Any>,
    participant_id: &str,
) -> Result<Vec<Client>, Error> {
    let query = select(SELECT, " WHERE participant_id = $1");
    sqlx::query(query).bind(participant_id).fetch_all(executor).await?.iter().map(client).collect()
}

/// All clients, for the memory image.
pub async fn all(connection: &mut AnyConnection) -> Result<Vec<Client>, Error> {
    let mut lists = SharedLists::default();
    WHOLE.read(connection, |row| parse(row, &mut lists)).await
}

/// A page of the administrators in id order, beginning after `cursor`.
pub async fn administrators(pool: &AnyPool, cursor: &str, limit: i64) -> Result<Page<Client>, Error> {
    let query = select(SELECT, " WHERE id > $1 AND kind = $2 ORDER BY id LIMIT $3");
    let rows = sqlx::query(query)
        .bind(cursor)
        .bind(ClientKind::Administrator.as_str())
        .bind(limit + 1)
        .fetch_all(pool)
        .await?;
    let items = rows.iter().map(client).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, limit, |c| c.id.clone()))
}

/// A page in id order, beginning after `cursor`, optionally of one participant.
pub async fn page(
    pool: &AnyPool,
    participant_id: Option<&str>,
    cursor: &str,
    limit: i64,
) -> Result<Page<Client>, Error> {
    let query = select(
        SELECT,
        " WHERE id > $1 AND (CAST($2 AS TEXT) IS NULL OR participant_id = $2) ORDER BY id LIMIT $3",
    );
    let rows = sqlx::query(query).bind(cursor).bind(participant_id).bind(limit + 1).fetch_all(pool).await?;
    let items = rows.iter().map(client).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, limit, |c| c.id.clone()))
}

//! Table `resource_server`.

use carnet_db::sqlx::{self, Any, AnyPool, Executor};
use carnet_db::{Row, Transaction};

use super::{Error, Page, Reading, json_text, select, taken};
use crate::registry::{ResourceServer, Status};

const TABLE: &str = "resource_server";
const SELECT: &str = "SELECT id, identifier, name, access_token_typ, signing_alg, scopes, is_default, \
     status, created_at, updated_at FROM resource_server";

fn resource_server(row: &Row) -> Result<ResourceServer, Error> {
    let row = Reading::new(row, TABLE, "id");
    Ok(ResourceServer {
        id: row.text("id")?,
        identifier: row.text("identifier")?,
        name: row.text("name")?,
        access_token_typ: row.word("access_token_typ")?,
        signing_alg: row.word("signing_alg")?,
        scopes: row.json("scopes")?,
        is_default: row.flag("is_default")?,
        status: row.word("status")?,
        created_at: row.number("created_at")?,
        updated_at: row.number("updated_at")?,
    })
}

/// Inserts a resource server. [`Error::Taken`] when its identifier is registered already.
pub async fn insert(tx: &mut Transaction, server: &ResourceServer) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO resource_server (id, identifier, name, access_token_typ, signing_alg, scopes, is_default, \
         status, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(&server.id)
    .bind(&server.identifier)
    .bind(&server.name)
    .bind(server.access_token_typ.as_str())
    .bind(server.signing_alg.as_str())
    .bind(json_text(&server.scopes))
    .bind(i64::from(server.is_default))
    .bind(server.status.as_str())
    .bind(server.created_at)
    .bind(server.updated_at)
    .execute(&mut **tx)
    .await
    .map_err(taken(TABLE))?;
    Ok(())
}

/// Writes the changeable members of a resource server.
pub async fn update(tx: &mut Transaction, server: &ResourceServer) -> Result<(), Error> {
    sqlx::query(
        "UPDATE resource_server SET identifier = $1, name = $2, access_token_typ = $3, signing_alg = $4, \
         scopes = $5, updated_at = $6 WHERE id = $7",
    )
    .bind(&server.identifier)
    .bind(&server.name)
    .bind(server.access_token_typ.as_str())
    .bind(server.signing_alg.as_str())
    .bind(json_text(&server.scopes))
    .bind(server.updated_at)
    .bind(&server.id)
    .execute(&mut **tx)
    .await
    .map_err(taken(TABLE))?;
    Ok(())
}

/// Changes the status if it is not that already; says whether anything changed.
pub async fn set_status(tx: &mut Transaction, id: &str, status: Status, at: i64) -> Result<bool, Error> {
    let done =
        sqlx::query("UPDATE resource_server SET status = $1, updated_at = $2 WHERE id = $3 AND status <> $1")
            .bind(status.as_str())
            .bind(at)
            .bind(id)
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Finds a resource server by id.
pub async fn find<'e>(
    executor: impl Executor<'e, Database = Any>,
    id: &str,
) -> Result<Option<ResourceServer>, Error> {
    let row = sqlx::query(select(SELECT, " WHERE id = $1")).bind(id).fetch_optional(executor).await?;
    row.as_ref().map(resource_server).transpose()
}

/// Finds a resource server by what stands in `aud`.
pub async fn find_by_identifier<'e>(
    executor: impl Executor<'e, Database = Any>,
    identifier: &str,
) -> Result<Option<ResourceServer>, Error> {
    let query = select(SELECT, " WHERE identifier = $1");
    let row = sqlx::query(query).bind(identifier).fetch_optional(executor).await?;
    row.as_ref().map(resource_server).transpose()
}

/// All resource servers, for the memory image.
pub async fn all<'e>(executor: impl Executor<'e, Database = Any>) -> Result<Vec<ResourceServer>, Error> {
    sqlx::query(SELECT).fetch_all(executor).await?.iter().map(resource_server).collect()
}

/// A page in id order, beginning after `cursor`.
pub async fn page(pool: &AnyPool, cursor: &str, limit: i64) -> Result<Page<ResourceServer>, Error> {
    let query = select(SELECT, " WHERE id > $1 ORDER BY id LIMIT $2");
    let rows = sqlx::query(query).bind(cursor).bind(limit + 1).fetch_all(pool).await?;
    let items = rows.iter().map(resource_server).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, limit, |s| s.id.clone()))
}

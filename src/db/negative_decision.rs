//! Table `negative_decision`: what was revoked, disabled, suspended or dropped, in the order of the journal.

use carnet_db::sqlx::{self, Any, AnyPool, Executor};
use carnet_db::{Row, Transaction};

use super::{Error, Reading, select};

const TABLE: &str = "negative_decision";
const SELECT: &str = "SELECT sequence, kind, value, at, feed_member, feed_value, feed_until, feed_iat_before FROM negative_decision";

/// A decision against something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NegativeDecision {
    /// The journal's record of it.
    pub sequence: i64,
    /// What kind of thing it is about.
    pub kind: String,
    /// Which one.
    pub value: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// What the revocation feed says of it, if tokens are concerned.
    pub feed: Option<FeedEntry>,
}

/// What the revocation feed says of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEntry {
    /// `jti`, `client_id`, `agent_uri`, `kid` or `jkt`.
    pub member: String,
    /// Its value.
    pub value: String,
    /// Until when it must be said, milliseconds since 1970-01-01 UTC.
    pub until: i64,
    /// Only tokens issued in this second or before it, since 1970-01-01 UTC; none: all of them.
    pub iat_before: Option<i64>,
}

fn negative_decision(row: &Row) -> Result<NegativeDecision, Error> {
    let row = Reading::new(row, TABLE, "value");
    let feed = match (
        row.optional_text("feed_member")?,
        row.optional_text("feed_value")?,
        row.optional_number("feed_until")?,
    ) {
        (Some(member), Some(value), Some(until)) => {
            Some(FeedEntry { member, value, until, iat_before: row.optional_number("feed_iat_before")? })
        }
        (None, None, None) => None,
        _ => return Err(row.corrupt("feed_member", "the three feed columns go together".to_owned())),
    };
    Ok(NegativeDecision {
        sequence: row.number("sequence")?,
        kind: row.text("kind")?,
        value: row.text("value")?,
        at: row.number("at")?,
        feed,
    })
}

/// Writes a decision down, in the transaction that takes it.
pub async fn insert(tx: &mut Transaction, decision: &NegativeDecision) -> Result<(), Error> {
    let feed = decision.feed.as_ref();
    sqlx::query(
        "INSERT INTO negative_decision (sequence, kind, value, at, feed_member, feed_value, feed_until, \
         feed_iat_before) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(decision.sequence)
    .bind(&decision.kind)
    .bind(&decision.value)
    .bind(decision.at)
    .bind(feed.map(|feed| feed.member.as_str()))
    .bind(feed.map(|feed| feed.value.as_str()))
    .bind(feed.map(|feed| feed.until))
    .bind(feed.and_then(|feed| feed.iat_before))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Decisions after a journal sequence, in its order, at most `limit`; never part of what one record decided, so
/// that `sequence` of the last one is where to go on (`limit` is exceeded rather than a record split).
pub async fn after<'e>(
    executor: impl Executor<'e, Database = Any>,
    sequence: i64,
    limit: i64,
) -> Result<Vec<NegativeDecision>, Error> {
    let query = select(
        SELECT,
        " WHERE sequence > $1 AND sequence <= (SELECT COALESCE(MAX(sequence), 0) FROM (SELECT sequence FROM \
         negative_decision WHERE sequence > $2 ORDER BY sequence LIMIT $3) AS head) ORDER BY sequence, kind, value",
    );
    let rows = sqlx::query(query).bind(sequence).bind(sequence).bind(limit).fetch_all(executor).await?;
    rows.iter().map(negative_decision).collect()
}

/// Decisions that the revocation feed must still name at `now` (milliseconds since 1970-01-01 UTC), in the
/// journal's order.
pub async fn in_feed<'e>(
    executor: impl Executor<'e, Database = Any>,
    now: i64,
) -> Result<Vec<NegativeDecision>, Error> {
    let query = select(SELECT, " WHERE feed_until > $1 ORDER BY sequence, kind, value");
    sqlx::query(query).bind(now).fetch_all(executor).await?.iter().map(negative_decision).collect()
}

/// How many decisions the revocation feed must still name at `now` (milliseconds since 1970-01-01 UTC).
pub async fn count_in_feed<'e>(executor: impl Executor<'e, Database = Any>, now: i64) -> Result<i64, Error> {
    let query = "SELECT COUNT(*) FROM negative_decision WHERE feed_until > $1";
    Ok(sqlx::query_scalar(query).bind(now).fetch_one(executor).await?)
}

/// How many decisions of one actor the revocation feed must still name at `now` (milliseconds since 1970-01-01 UTC).
pub async fn count_in_feed_by<'e>(
    executor: impl Executor<'e, Database = Any>,
    actor: &str,
    now: i64,
) -> Result<i64, Error> {
    let query = "SELECT COUNT(*) FROM negative_decision AS d JOIN journal AS j ON j.sequence = d.sequence \
                 WHERE d.feed_until > $1 AND j.actor = $2";
    Ok(sqlx::query_scalar(query).bind(now).bind(actor).fetch_one(executor).await?)
}

/// The last decision that concerns tokens; 0 without one.
pub async fn feed_head<'e>(executor: impl Executor<'e, Database = Any>) -> Result<i64, Error> {
    let query = "SELECT COALESCE(MAX(sequence), 0) FROM negative_decision WHERE feed_until IS NOT NULL";
    Ok(sqlx::query_scalar(query).fetch_one(executor).await?)
}

/// Whether this kind of decision was taken about something.
pub async fn exists<'e>(
    executor: impl Executor<'e, Database = Any>,
    member: &str,
    value: &str,
) -> Result<bool, Error> {
    let query = "SELECT COUNT(*) FROM negative_decision WHERE feed_member = $1 AND feed_value = $2";
    let count: i64 = sqlx::query_scalar(query).bind(member).bind(value).fetch_one(executor).await?;
    Ok(count > 0)
}

/// What a token says of itself that a decision may be against; an empty text is nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokenMarks<'a> {
    /// Its own id.
    pub jti: &'a str,
    /// Whose client it was given to.
    pub client_id: &'a str,
    /// The company's URI in it.
    pub agent_uri: &'a str,
    /// The company's ONE Record ID in it, which is an agent URI too for whoever decides against it.
    pub iol_identifier: &'a str,
    /// The key that signed it.
    pub kid: &'a str,
    /// The thumbprint of the key that it is bound to.
    pub jkt: &'a str,
    /// The thumbprint of the certificate that it is bound to.
    pub certificate: &'a str,
    /// When it was issued, seconds since 1970-01-01 UTC.
    pub iat: i64,
}

/// Whether a decision stands against a token.
pub async fn stands_against(pool: &AnyPool, token: &TokenMarks<'_>) -> Result<bool, Error> {
    let count: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM negative_decision WHERE (feed_iat_before IS NULL OR feed_iat_before >= $1) AND (\
         (feed_value = $2 AND feed_member = 'jti') OR (feed_value = $3 AND feed_member = 'client_id') OR \
         (feed_value IN ($4, $5) AND feed_member = 'agent_uri') OR (feed_value = $6 AND feed_member = 'kid') OR \
         (feed_value = $7 AND feed_member = 'jkt') OR (feed_value = $8 AND feed_member = 'x5t#S256'))",
    )
    .bind(token.iat)
    .bind(token.jti)
    .bind(token.client_id)
    .bind(token.agent_uri)
    .bind(token.iol_identifier)
    .bind(token.kid)
    .bind(token.jkt)
    .bind(token.certificate)
    .fetch_one(pool)
    .await?;
    Ok(count > 0)
}

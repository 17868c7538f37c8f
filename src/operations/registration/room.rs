use carnet_db::Transaction;

use crate::db;
use crate::operations::{Actor, Context, Refusal};

/// How many keys and clients that registered with one initial access token, and were given up since, the feed may still
/// name. It names each of them to every verifier, and nobody shall be able to make it too long to be read.
const MAX_LIVE: i64 = 200;

/// Refuses what could bring `further` entries into the revocation feed, when those who registered with the same initial
/// access token have too many there.
pub(super) async fn check(
    context: &Context,
    tx: &mut Transaction,
    actor: &Actor,
    field: &str,
    further: usize,
) -> Result<(), Refusal> {
    let now = context.clock.now_millis();
    let live = db::negative_decision::count_in_feed_by(&mut **tx, actor.as_str(), now).await?;
    if live.saturating_add(i64::try_from(further).unwrap_or(i64::MAX)) <= MAX_LIVE {
        return Ok(());
    }
    Err(Refusal::conflict(
        field,
        format!(
            "cannot be taken for the moment: {live} keys and clients of the same initial access token were given up \
             lately, and the revocation feed names {MAX_LIVE} at most"
        ),
        "try again in an hour, or ask an administrator",
    ))
}

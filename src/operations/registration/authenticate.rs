use carnet_db::Transaction;

use crate::db;
use crate::db::registration::Registration;
use crate::operations::{Context, Refusal, check, client};
use crate::registry::{Client, InitialAccessToken, OpaqueKind, Status};

/// The initial access token that somebody shows, if it is good for a registration.
pub(super) async fn initial(context: &Context, bearer: &str) -> Result<Option<InitialAccessToken>, Refusal> {
    let Some(digest) = OpaqueKind::InitialAccess.digest_of(bearer) else { return Ok(None) };
    let pool = context.database.reader().pool();
    let found = db::initial_access_token::find_by_digest(pool, &digest).await?;
    Ok(found.filter(|token| token.is_usable(context.clock.now_millis())))
}

/// Whether somebody shows the token of this registration: asked before a lock is taken, so that guesses keep nobody
/// waiting.
pub(super) async fn holds(context: &Context, client_id: &str, bearer: &str) -> Result<bool, Refusal> {
    let Some(digest) = OpaqueKind::Registration.digest_of(bearer) else { return Ok(false) };
    let Ok(client_id) = check::id(client::KIND, client_id) else { return Ok(false) };
    let found = db::registration::find(context.database.reader().pool(), client_id).await?;
    Ok(found.is_some_and(|registration| registration.digest == digest))
}

/// The registration that somebody shows the token of, with its client. `None` for everything else: another client's
/// token, one that was replaced, a client that is disabled or whose participant is.
pub(super) async fn registered(
    tx: &mut Transaction,
    client_id: &str,
    bearer: &str,
) -> Result<Option<(Registration, Client)>, Refusal> {
    let Some(digest) = OpaqueKind::Registration.digest_of(bearer) else { return Ok(None) };
    let Ok(client_id) = check::id(client::KIND, client_id) else { return Ok(None) };
    let found = db::registration::find(&mut **tx, client_id).await?;
    // Of 256 random bits nobody learns anything by how long a comparison of their digests takes.
    let Some(registration) = found.filter(|registration| registration.digest == digest) else {
        return Ok(None);
    };
    let Some(client) = db::client::find(&mut **tx, client_id).await? else { return Ok(None) };
    let Some(participant_id) = &client.participant_id else { return Ok(None) };
    let participant = db::participant::find(&mut **tx, participant_id).await?;
    let is_active = client.status == Status::Active
        && participant.is_some_and(|participant| participant.status == Status::Active);
    Ok(is_active.then_some((registration, client)))
}

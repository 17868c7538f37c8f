use serde_json::{Map, Value};

use super::metadata::Metadata;
use super::{Registered, authenticate, proof, room};
use crate::db;
use crate::db::registration::Registration;
use crate::operations::check::Checks;
use crate::operations::client::{self, NewClient};
use crate::operations::{Actor, Context, Refusal};
use crate::registry::{OpaqueKind, OpaqueToken, Status};

/// Registers the machine that shows an initial access token, for the participant whose token it is. `None` when the
/// token is not good for that.
///
/// # Errors
/// [`Refusal::Invalid`] when a rule is broken, [`Refusal::Conflict`] when a key is another client's, the participant
/// has as many self-registered clients as it may have, or too many were given up lately. The token is not used up then.
pub async fn register(
    context: &Context,
    bearer: &str,
    members: &Map<String, Value>,
) -> Result<Option<Registered>, Refusal> {
    let Some(initial) = authenticate::initial(context, bearer).await? else { return Ok(None) };
    let mut checks = Checks::default();
    let metadata = Metadata::read(members, &mut checks);
    for (member, given) in [("client_id", &metadata.client_id), ("client_secret", &metadata.client_secret)] {
        if given.is_some() {
            checks.note(member, "is made by the server");
        }
    }
    checks.done()?;
    let mut prepared = client::prepare(context, new_client(&initial.participant_id, &metadata));
    let keys: Vec<_> = prepared.keys.iter().collect();
    proof::check(&keys, &metadata.proofs, &rules(context, bearer), &mut prepared.checks);
    // Before the lock is taken: whoever sends nonsense shall not keep others waiting.
    std::mem::take(&mut prepared.checks).done()?;

    let mut tx = context.begin().await?;
    let now = context.clock.now_millis();
    if !db::initial_access_token::consume(&mut tx, &initial.id, now).await? {
        return Ok(None);
    }
    let owner = db::participant::find(&mut *tx, &initial.participant_id).await?;
    if !owner.is_some_and(|owner| owner.status == Status::Active) {
        return Ok(None);
    }
    let count = db::registration::count_of_participant(&mut *tx, &initial.participant_id).await?;
    let max = context.config.max_self_registered_clients();
    if count >= max {
        return Err(Refusal::conflict(
            "client_name",
            format!(
                "cannot be registered: the participant has {count} self-registered clients, {max} at most"
            ),
            "end a registration that is not needed, or ask an administrator",
        ));
    }
    let actor = Actor::registration(&initial.id);
    // It could be given up at once, and the next one be registered.
    room::check(context, &mut tx, &actor, "client_name", 1).await?;
    let keys = prepared.keys.iter().map(|key| key.jwk().clone()).collect();
    let created = client::insert(&mut tx, context, &actor, prepared).await?;
    let token = OpaqueToken::new(OpaqueKind::Registration, &context.entropy);
    let registration = Registration {
        client_id: created.details.client.id.clone(),
        initial_access_token_id: initial.id,
        digest: token.digest(),
        updated_at: now,
    };
    db::registration::insert(&mut tx, &registration).await?;
    context.commit(tx).await?;
    let client = created.details.client;
    Ok(Some(Registered { client, keys, secret: created.secret, token: Some(token) }))
}

/// The machine as an administrator would register it, without a word about anything that gives rights.
fn new_client(participant_id: &str, metadata: &Metadata) -> NewClient {
    NewClient {
        participant_id: participant_id.to_owned(),
        name: metadata.name.clone(),
        token_endpoint_auth_method: metadata.method,
        require_bound_tokens: true,
        jwks: metadata.jwks.clone(),
        scopes: metadata.scopes.clone(),
        audiences: None,
        introspects: None,
        access_token_lifetime: None,
        signing_alg: None,
        one_record_id: None,
        allowed_addresses: None,
    }
}

pub(super) fn rules<'a>(context: &'a Context, bearer: &'a str) -> proof::Rules<'a> {
    proof::Rules {
        issuer: context.config.issuer(),
        bearer,
        now: context.clock.now(),
        skew: context.config.tokens().clock_skew,
    }
}

use serde::Deserialize;
use utoipa::ToSchema;

use crate::db;
use crate::operations::check::Checks;
use crate::operations::context::Change;
use crate::operations::{Actor, Context, Refusal, check, participant};
use crate::registry::{CredentialStatus, InitialAccessToken, OpaqueKind, OpaqueToken};

/// A week, in seconds.
const DEFAULT_LIFETIME: i64 = 7 * 86_400;
/// Ninety days, in seconds.
const MAX_LIFETIME: i64 = 90 * 86_400;
/// How many machines one token may register.
const MAX_USES: i64 = 100;

/// How long and how often it may be used.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"expires_in": 86400, "uses": 3}))]
pub struct NewInitialAccessToken {
    /// Seconds until it expires; 604800, a week, unless given.
    #[schema(minimum = 60, maximum = 7_776_000)]
    pub expires_in: Option<i64>,
    /// How many machines may register with it; one unless given.
    #[schema(minimum = 1, maximum = 100)]
    pub uses: Option<i64>,
}

/// What came of it.
#[derive(Debug)]
pub struct Added {
    /// What is kept of it.
    pub record: InitialAccessToken,
    /// The token. This is the only time that it can be seen.
    pub token: OpaqueToken,
}

/// Makes a token with which machines of a participant register themselves.
///
/// # Errors
/// [`Refusal::NotFound`] without that participant, [`Refusal::Invalid`] when a rule is broken.
pub async fn add(
    context: &Context,
    actor: &Actor,
    participant_id: &str,
    new: &NewInitialAccessToken,
) -> Result<Added, Refusal> {
    let participant_id = check::id(participant::KIND, participant_id)?;
    let mut checks = Checks::default();
    let lifetime = new.expires_in.unwrap_or(DEFAULT_LIFETIME);
    if !(60..=MAX_LIFETIME).contains(&lifetime) {
        checks.note("expires_in", format!("must be 60 to {MAX_LIFETIME} seconds"));
    }
    let uses = new.uses.unwrap_or(1);
    if !(1..=MAX_USES).contains(&uses) {
        checks.note("uses", format!("must be 1 to {MAX_USES}"));
    }
    checks.done()?;
    let token = OpaqueToken::new(OpaqueKind::InitialAccess, &context.entropy);
    let now = context.clock.now_millis();
    let record = InitialAccessToken {
        id: context.entropy.ulid(&context.clock),
        participant_id: participant_id.to_owned(),
        digest: token.digest(),
        status: CredentialStatus::Active,
        uses,
        used: 0,
        created_at: now,
        expires_at: now + lifetime * 1000,
    };
    let mut tx = context.begin().await?;
    if db::participant::find(&mut *tx, participant_id).await?.is_none() {
        return Err(Refusal::not_found(participant::KIND, participant_id));
    }
    db::initial_access_token::insert(&mut tx, &record).await?;
    let change = Change {
        action: "initial_access_token.add",
        subject: format!("participant/{participant_id}"),
        before: None::<&InitialAccessToken>,
        after: Some(&record),
        reason: "",
    };
    context.means().journal(&mut tx, actor, change).await?;
    context.commit(tx).await?;
    Ok(Added { record, token })
}

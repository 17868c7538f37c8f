use crate::db;
use crate::operations::{Actor, Context, Refusal};
use crate::registry::{ClientKind, Status, administration_token};

/// Somebody who presented a valid administration token.
#[derive(Debug, Clone)]
pub struct Administrator {
    /// How the journal calls them.
    pub actor: Actor,
    /// The token's scopes, separated by blanks.
    scope: String,
}

impl Administrator {
    /// Whether the token has a scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|granted| granted == scope)
    }
}

/// Finds whose administration token this is. `None` for everything else: another token, an expired one, or one of a
/// client that is no active administrator any more.
///
/// # Errors
/// When the database fails.
pub async fn authenticate(context: &Context, token: &str) -> Result<Option<Administrator>, Refusal> {
    let Some(found) = administration_token::find(&context.database, &context.clock, token).await? else {
        return Ok(None);
    };
    // From the database, not from the image: what was decided a moment ago must hold.
    let client = db::client::find(context.database.reader().pool(), &found.client_id).await?;
    let is_administrator = client
        .is_some_and(|client| client.kind == ClientKind::Administrator && client.status == Status::Active);
    Ok(is_administrator.then(|| Administrator { actor: Actor::client(&found.client_id), scope: found.scope }))
}

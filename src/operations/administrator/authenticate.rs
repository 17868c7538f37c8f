use crate::db;
use crate::operations::{Actor, Context, Refusal};
use crate::registry::{Client, ClientKind, Status, administration_token, scope};

/// Somebody who presented a valid administration token.
#[derive(Debug, Clone)]
pub struct Administrator {
    /// How the journal calls them, and how far they reach.
    pub actor: Actor,
    /// The token's scopes, separated by blanks.
    scope: String,
}

impl Administrator {
    /// An administrator with these scopes of a token.
    pub(in crate::operations) fn new(actor: Actor, scope: String) -> Self {
        Self { actor, scope }
    }

    /// Whether the token has a scope, or one that covers it.
    #[must_use]
    pub fn has_scope(&self, needed: &str) -> bool {
        self.scope.split(' ').any(|granted| scope::covers(granted, needed))
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
    Ok(client.filter(is_active).map(|client| {
        let actor = Actor::administrator(&client.id, &found.scope, &client.scopes);
        Administrator { actor, scope: found.scope }
    }))
}

/// Whether somebody may act as an administrator at all.
pub(in crate::operations) fn is_active(client: &Client) -> bool {
    client.kind == ClientKind::Administrator && client.status == Status::Active
}

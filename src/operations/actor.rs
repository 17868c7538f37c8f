use std::fmt;

use super::Refusal;
use crate::registry::scope;

/// Who does something, as the journal writes it, and how far they reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    name: String,
    reach: Reach,
    approved: Option<Approved>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reach {
    /// Whoever has the data folder at hand reaches everything anyway.
    Everything,
    /// An administrator: what the token says, and what they could ask for at most.
    Scopes { token: String, registered: Vec<String> },
}

/// The second administrator's consent to what is done.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Approved {
    approver: String,
    approval: String,
}

impl Actor {
    /// A client of the admin API. It may do what needs no further scope than its route asked for.
    #[must_use]
    pub fn client(client_id: &str) -> Self {
        let reach = Reach::Scopes { token: String::new(), registered: Vec::new() };
        Self { name: format!("client/{client_id}"), reach, approved: None }
    }

    /// An administrator with a token of these scopes (separated by blanks), who could ask for `registered` at most.
    #[must_use]
    pub fn administrator(client_id: &str, token: &str, registered: &[String]) -> Self {
        let reach = Reach::Scopes { token: token.to_owned(), registered: registered.to_vec() };
        Self { name: format!("client/{client_id}"), reach, approved: None }
    }

    /// Whoever runs this process and so has the data folder at hand, by their number.
    #[must_use]
    pub fn local() -> Self {
        let name = format!("local/{}", rustix::process::getuid().as_raw());
        Self { name, reach: Reach::Everything, approved: None }
    }

    /// A machine that registers itself, by the id of the token or of the registration that lets it.
    #[must_use]
    pub fn registration(id: &str) -> Self {
        let reach = Reach::Scopes { token: String::new(), registered: Vec::new() };
        Self { name: format!("registration/{id}"), reach, approved: None }
    }

    /// The server itself, doing what is due.
    pub(super) fn server() -> Self {
        Self { name: "server".to_owned(), reach: Reach::Everything, approved: None }
    }

    /// The same with the consent of a second administrator.
    pub(super) fn approved_by(mut self, approver: &str, approval: &str) -> Self {
        self.approved = Some(Approved { approver: approver.to_owned(), approval: approval.to_owned() });
        self
    }

    /// `client/ID`, `registration/ID`, `local/USER` or `server`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The client id of an administrator.
    pub(super) fn client_id(&self) -> Option<&str> {
        self.name.strip_prefix("client/")
    }

    /// The scopes of the token, separated by blanks.
    pub(super) fn token_scope(&self) -> &str {
        match &self.reach {
            Reach::Everything => "",
            Reach::Scopes { token, .. } => token,
        }
    }

    /// Whether nobody else has to agree any more.
    pub(super) fn needs_no_approval(&self) -> bool {
        self.approved.is_some() || self.reach == Reach::Everything
    }

    /// Why the journal holds this: the second administrator, before what was said otherwise.
    pub(super) fn reason(&self, said: &str) -> String {
        let Some(Approved { approver, approval }) = &self.approved else { return said.to_owned() };
        let separator = if said.is_empty() { "" } else { ": " };
        format!("{APPROVED_BY}{approver} in approval {approval}{separator}{said}")
    }

    /// Refuses whoever's token does not have a scope.
    pub(super) fn require(&self, needed: &'static str) -> Result<(), Refusal> {
        match &self.reach {
            Reach::Everything => Ok(()),
            Reach::Scopes { token, .. } if token.split(' ').any(|held| scope::covers(held, needed)) => Ok(()),
            Reach::Scopes { .. } => Err(Refusal::Scope { needed }),
        }
    }

    /// Finds the first of some scopes that this actor could not have themselves: nobody gives away more than they have.
    pub(super) fn beyond<'a>(&self, scopes: &'a [String]) -> Option<&'a str> {
        match &self.reach {
            Reach::Everything => None,
            Reach::Scopes { registered, .. } => scopes
                .iter()
                .map(String::as_str)
                .find(|needed| !registered.iter().any(|held| scope::covers(held, needed))),
        }
    }
}

/// What the reason of a record begins with to which a second administrator consented.
const APPROVED_BY: &str = "approved by ";

/// The client id of the second administrator in the reason of a record, if one consented.
pub(super) fn approver_in(reason: &str) -> Option<&str> {
    reason.strip_prefix(APPROVED_BY)?.strip_prefix("client/")?.split(' ').next()
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

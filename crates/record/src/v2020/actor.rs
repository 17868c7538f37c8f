//! Who is asking, in the words of this generation.

use carnet_verifier::Identity;

use super::Face;
use super::problem::Problem;

/// Scope for reading logistics objects and their ACLs.
pub(crate) const READ: &str = "logistics_objects:read";
/// Scope for making and changing them.
pub(crate) const WRITE: &str = "logistics_objects:write";

/// A company, proven by its token.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    /// Company identifier.
    pub company: String,
    identity: Identity,
}

impl Actor {
    /// # Errors
    /// 401 when the token names no company (§10).
    pub(super) fn new(identity: Identity, face: &Face) -> Result<Self, Problem> {
        let company = identity.require_company().map_err(|challenge| {
            Problem::unauthorized("no_company", "The token names no company", &face.verifier.dress(challenge))
        })?;
        let company = face.addresses.inward(company);
        Ok(Self { company, identity })
    }

    /// # Errors
    /// 403 `insufficient_scope`.
    pub(super) fn require(&self, scope: &str, face: &Face) -> Result<(), Problem> {
        self.identity
            .require_scope(scope)
            .map_err(|challenge| Problem::challenge(&face.verifier.dress(challenge)))
    }
}

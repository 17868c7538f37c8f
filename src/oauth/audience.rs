//! For whom is the token? Resource indicators (RFC 8707) against the audiences of the client.

use std::borrow::Cow;
use std::sync::Arc;

use carnet_token::Confirmation;

use super::{ErrorCode, OAuthError};
use crate::registry::{AccessTokenTyp, Client, Image, ResourceServer, SigningAlgorithm, Status};

/// The resource servers of one token; never empty.
#[derive(Debug)]
pub(super) struct Audience(Vec<Arc<ResourceServer>>);

impl Audience {
    /// Those that the request names, all of which the client must be allowed; without a name the client's default.
    pub fn choose(
        image: &Image,
        client: &Client,
        resources: &[Cow<'_, str>],
        network_audience: Option<&str>,
        confirmation: Option<&Confirmation>,
    ) -> Result<Self, OAuthError> {
        let mut allowed = image.audiences_of(client);
        let is_network = |identifier: &str| Some(identifier) == network_audience;
        let named = resources.iter().any(|resource| is_network(resource));
        if named && resources.len() > 1 {
            return Err(invalid("mixed_network_audience", "the network audience cannot stand beside others"));
        }
        let network = named
            || resources.is_empty() && allowed.first().is_some_and(|server| is_network(&server.identifier));
        // Every server of the network accepts such a token: as a bearer token, each could use it at all the others.
        // (What type and algorithm a bound one has, comes with the proofs: it belongs to no single server.)
        if network && confirmation.is_none() {
            return Err(invalid(
                "unbound_network_audience",
                "a token for the network audience must be bound to its sender",
            ));
        }
        let mut chosen: Vec<Arc<ResourceServer>> = Vec::with_capacity(resources.len().max(1));
        if resources.is_empty() {
            if allowed.is_empty() {
                return Err(invalid("no_audience", "no resource server is registered for this client"));
            }
            chosen.push(allowed.swap_remove(0));
        }
        for resource in resources {
            // Unknown and not allowed are one answer: who may talk to whom is nobody else's business.
            let server = allowed.iter().find(|server| server.identifier == **resource).ok_or_else(|| {
                invalid("unknown_resource", "resource is unknown or not allowed for this client")
            })?;
            if !chosen.iter().any(|known| known.id == server.id) {
                chosen.push(Arc::clone(server));
            }
        }
        // Also of the default one: another server in its place would get tokens that nobody asked for.
        if chosen.iter().any(|server| server.status != Status::Active) {
            return Err(invalid("disabled_resource", "the resource server is disabled"));
        }
        Ok(Self(chosen))
    }

    /// The resource servers.
    pub fn servers(&self) -> &[Arc<ResourceServer>] {
        &self.0
    }

    /// `JWT` only if every server of the audience wants it.
    pub fn typ(&self) -> carnet_token::AccessTokenTyp {
        if self.0.iter().all(|server| server.access_token_typ == AccessTokenTyp::Jwt) {
            carnet_token::AccessTokenTyp::Jwt
        } else {
            carnet_token::AccessTokenTyp::AtJwt
        }
    }

    /// The client's algorithm, else the one that the servers agree on, else the one that every server must know
    /// (RFC 9068 §4).
    pub fn algorithm(&self, client: &Client) -> SigningAlgorithm {
        if let Some(algorithm) = client.signing_alg {
            return algorithm;
        }
        match self.0.as_slice() {
            [first, rest @ ..] if rest.iter().all(|server| server.signing_alg == first.signing_alg) => {
                first.signing_alg
            }
            _ => SigningAlgorithm::Rs256,
        }
    }
}

fn invalid(reason: &'static str, description: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidTarget, reason, description)
}

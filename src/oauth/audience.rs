//! For whom is the token? Resource indicators (RFC 8707) against the audiences of the client.

use std::borrow::Cow;
use std::sync::Arc;

use carnet_token::Confirmation;

use super::{ErrorCode, OAuthError};
use crate::registry::{AccessTokenTyp, Client, Image, ResourceServer, SigningAlgorithm, Status};

/// For whom one token is; never nobody.
#[derive(Debug)]
pub(super) enum Audience {
    /// These resource servers.
    Servers(Vec<Arc<ResourceServer>>),
    /// Every server of the network, by the one name that they all know.
    Network(String),
}

impl Audience {
    /// Those that the request names, all of which the client must be allowed; without a name the client's default.
    pub fn choose(
        image: &Image,
        client: &Client,
        resources: &[Cow<'_, str>],
        network_audience: Option<&str>,
        confirmation: Option<&Confirmation>,
    ) -> Result<Self, OAuthError> {
        if let Some(network) = network_audience.filter(|name| resources.iter().any(|named| named == name)) {
            return Self::network(client, network, resources.len(), confirmation);
        }
        let mut allowed = image.audiences_of(client);
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
        Ok(Self::Servers(chosen))
    }

    /// The whole network, for a token that is bound to its sender, of a client that is not held to single servers.
    fn network(
        client: &Client,
        network: &str,
        resources: usize,
        confirmation: Option<&Confirmation>,
    ) -> Result<Self, OAuthError> {
        if resources > 1 {
            return Err(invalid("mixed_network_audience", "the network audience cannot stand beside others"));
        }
        // Every server of the network accepts such a token: as a bearer token, each could use it at all the others.
        if confirmation.is_none() {
            return Err(invalid(
                "unbound_network_audience",
                "a token for the network audience must be bound to its sender: show a DPoP proof, or ask for token_type=pop",
            ));
        }
        if !client.audiences.is_empty() {
            return Err(invalid(
                "single_audiences",
                "this client is registered for single resource servers and not for the whole network",
            ));
        }
        Ok(Self::Network(network.to_owned()))
    }

    /// The resource servers.
    fn servers(&self) -> &[Arc<ResourceServer>] {
        match self {
            Self::Servers(servers) => servers,
            Self::Network(_) => &[],
        }
    }

    /// What stands in `aud`.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Servers(servers) => servers.iter().map(|server| server.identifier.as_str()).collect(),
            Self::Network(name) => vec![name],
        }
    }

    /// Whether somebody there knows this scope. A server that lists none knows them all, as the network does; of several,
    /// one is enough.
    pub fn knows(&self, scope: &str) -> bool {
        let knows = |server: &Arc<ResourceServer>| {
            server.scopes.is_empty() || server.scopes.iter().any(|known| known == scope)
        };
        matches!(self, Self::Network(_)) || self.servers().iter().any(knows)
    }

    /// `JWT` only if every server of the audience wants it.
    pub fn typ(&self) -> carnet_token::AccessTokenTyp {
        let servers = self.servers();
        if !servers.is_empty() && servers.iter().all(|server| server.access_token_typ == AccessTokenTyp::Jwt)
        {
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
        match self.servers() {
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

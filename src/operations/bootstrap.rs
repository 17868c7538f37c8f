//! What the first start registers: the default audience, and the one administrator.

use carnet_ambient::{Clock, Entropy};
use carnet_db::Transaction;

use super::context::{Change, Means};
use super::{Actor, client_secret};
use crate::db;
use crate::keys::Keys;
use crate::registry::{
    AccessTokenTyp, Client, ClientKind, GeneratedSecret, ResourceServer, SigningAlgorithm, Status,
    TokenEndpointAuthMethod, scope,
};

/// How long the first secret can be used unless it is rotated: 24 hours, in milliseconds.
pub(super) const SECRET_LIFETIME_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// The administrator's credentials. They are shown once.
#[derive(Debug)]
pub struct Credentials {
    /// The administrator's `client_id`.
    pub client_id: String,
    /// Its secret.
    pub secret: GeneratedSecret,
    /// When the secret expires, in milliseconds since 1970-01-01 UTC.
    pub expires_at: i64,
}

/// The audience of clients that are registered for no other.
fn default_resource_server(means: Means<'_>, identifier: &str) -> ResourceServer {
    let now = means.clock.now_millis();
    ResourceServer {
        id: means.entropy.ulid(means.clock),
        identifier: identifier.to_owned(),
        name: "ONE Record server".to_owned(),
        access_token_typ: AccessTokenTyp::AtJwt,
        signing_alg: SigningAlgorithm::Rs256,
        scopes: scope::DEFAULT.map(str::to_owned).into(),
        is_default: true,
        status: Status::Active,
        created_at: now,
        updated_at: now,
    }
}

/// The administrator of the first start.
fn administrator(means: Means<'_>) -> Client {
    let now = means.clock.now_millis();
    Client {
        id: means.entropy.ulid(means.clock),
        participant_id: None,
        kind: ClientKind::Administrator,
        bootstrap: true,
        name: "administrator".to_owned(),
        token_endpoint_auth_method: TokenEndpointAuthMethod::ClientSecretBasic,
        // Administration tokens are opaque and live for minutes; this client alone may bear them unbound.
        require_bound_tokens: false,
        scopes: scope::ADMINISTRATOR.map(str::to_owned).into(),
        audiences: Vec::new(),
        introspects: Vec::new(),
        access_token_lifetime: None,
        signing_alg: None,
        one_record_id: None,
        allowed_addresses: Vec::new(),
        status: Status::Active,
        created_at: now,
        updated_at: now,
    }
}

/// Registers both in the transaction of the first start.
///
/// # Errors
/// When the database refuses; the transaction is then lost.
pub async fn create(
    tx: &mut Transaction,
    clock: &Clock,
    entropy: &Entropy,
    keys: &Keys,
    default_audience: &str,
) -> Result<Credentials, db::Error> {
    let means = Means { keys, clock, entropy };
    let actor = &Actor::local();
    let server = default_resource_server(means, default_audience);
    db::resource_server::insert(tx, &server).await?;
    let change = Change {
        action: "resource_server.create",
        subject: format!("resource_server/{}", server.id),
        before: None::<&ResourceServer>,
        after: Some(&server),
        reason: "",
    };
    means.journal(tx, actor, change).await?;

    let client = administrator(means);
    let expires_at = client.created_at + SECRET_LIFETIME_MILLIS;
    let (record, secret) = client_secret::make(means, &client.id, Some(expires_at));
    db::client::insert(tx, &client).await?;
    db::client_secret::insert(tx, &record).await?;
    let change = Change {
        action: "client.create",
        subject: format!("client/{}", client.id),
        before: None::<&Client>,
        after: Some(&client),
        reason: "",
    };
    means.journal(tx, actor, change).await?;
    Ok(Credentials { client_id: client.id, secret, expires_at })
}

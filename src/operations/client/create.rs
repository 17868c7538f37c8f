use carnet_db::Transaction;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Details, audiences};
use crate::db;
use crate::operations::check::{self, Checks};
use crate::operations::client_key::{self, CheckedKey};
use crate::operations::context::Change;
use crate::operations::{Actor, Context, Held, Refusal, approval, client_secret};
use crate::registry::{
    AddressRange, Client, ClientKind, GeneratedSecret, OneRecordIdStatus, ResourceServer, Sensitive,
    SigningAlgorithm, Status, TokenEndpointAuthMethod, scope,
};

/// A machine to be registered.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "participant_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "name": "booking system",
    "token_endpoint_auth_method": "client_secret_basic",
    "require_bound_tokens": false
}))]
pub struct NewClient {
    /// Whose machine it is.
    #[schema(min_length = 1, max_length = 64)]
    pub participant_id: String,
    /// Its name, for people.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// The one method by which it authenticates at the token endpoint.
    #[serde(default)]
    pub token_endpoint_auth_method: TokenEndpointAuthMethod,
    /// Whether it may only get tokens bound to its key or certificate; true unless given.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub require_bound_tokens: bool,
    /// Its public keys (RFC 7517 §5); needed for `private_key_jwt`.
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<Value>,
    /// What it may ask for, and gets when it asks for nothing; the default set unless given.
    #[schema(min_items = 1, max_items = 50)]
    pub scopes: Option<Vec<String>>,
    /// Resource servers that it may ask for, by identifier or id, its default one first; the installation's default
    /// one unless given.
    #[schema(max_items = 50)]
    pub audiences: Option<Vec<String>>,
    /// Resource servers that it speaks for, by identifier or id: it may introspect the tokens that are for them.
    #[schema(max_items = 50)]
    pub introspects: Option<Vec<String>>,
    /// Lifetime of its access tokens in seconds, at least 60; the installation's default unless given.
    #[schema(minimum = 60)]
    pub access_token_lifetime: Option<i64>,
    /// The algorithm of its access tokens; the resource server's unless given.
    pub signing_alg: Option<SigningAlgorithm>,
    /// Where it may ask for tokens from: IP addresses and ranges, such as `192.0.2.7` or `2001:db8::/32`; anywhere
    /// unless given.
    #[schema(max_items = 50)]
    pub allowed_addresses: Option<Vec<String>>,
    /// The ONE Record ID in its tokens, one of its participant's; the main one unless given.
    #[schema(format = "uri", max_length = 512)]
    pub one_record_id: Option<String>,
}

fn yes() -> bool {
    true
}

/// What came of it.
#[derive(Debug)]
pub struct Created {
    /// The client.
    pub details: Details,
    /// Its secret, if its method has one. This is the only time that it can be seen.
    pub secret: Option<GeneratedSecret>,
}

/// An input of which is checked what can be checked without the registry.
pub(in crate::operations) struct Prepared {
    new: NewClient,
    name: String,
    scopes: Vec<String>,
    allowed_addresses: Vec<AddressRange>,
    pub(in crate::operations) keys: Vec<CheckedKey>,
    pub(in crate::operations) checks: Checks,
}

/// Registers a machine of a participant.
///
/// # Errors
/// [`Refusal::Invalid`] when a rule is broken, [`Refusal::Conflict`] when one of the keys is another client's.
pub async fn create(context: &Context, actor: &Actor, new: NewClient) -> Result<Created, Refusal> {
    let prepared = prepare(context, new);
    let mut tx = context.begin().await?;
    let created = insert(&mut tx, context, actor, prepared).await?;
    context.commit(tx).await?;
    Ok(created)
}

/// Checks an input before a transaction is begun; what is wrong is told by [`insert`].
pub(in crate::operations) fn prepare(context: &Context, new: NewClient) -> Prepared {
    let mut checks = Checks::default();
    let name = checks.take("name", check::name(&new.name)).unwrap_or_default();
    let scopes = match &new.scopes {
        None => scope::DEFAULT.map(str::to_owned).to_vec(),
        Some(scopes) => {
            check::machine_scopes(scopes).map_err(|errors| checks.extend(errors)).unwrap_or_default()
        }
    };
    check::access_token_lifetime(new.access_token_lifetime, context, &mut checks);
    if let Some(algorithm) = new.signing_alg {
        checks.take("signing_alg", check::signing_alg(algorithm, context.config.algorithms()));
    }
    let allowed_addresses = check::allowed_addresses(new.allowed_addresses.as_deref().unwrap_or_default())
        .map_err(|errors| checks.extend(errors))
        .unwrap_or_default();
    let keys = keys(&new, &mut checks);
    Prepared { new, name, scopes, allowed_addresses, keys, checks }
}

/// Registers a machine in a transaction.
pub(in crate::operations) async fn insert(
    tx: &mut Transaction,
    context: &Context,
    actor: &Actor,
    prepared: Prepared,
) -> Result<Created, Refusal> {
    let Prepared { new, name, scopes, allowed_addresses, keys, mut checks } = prepared;
    check_participant(tx, &new, &mut checks).await?;
    let servers = audiences::resolve(tx, new.audiences.as_deref().unwrap_or_default(), &mut checks).await?;
    let names = new.introspects.as_deref().unwrap_or_default();
    let introspected = audiences::resolve_member(tx, "introspects", names, &mut checks).await?;
    checks.done()?;

    let now = context.clock.now_millis();
    let client = Client {
        id: context.entropy.ulid(&context.clock),
        participant_id: Some(new.participant_id),
        kind: ClientKind::Machine,
        bootstrap: false,
        name,
        token_endpoint_auth_method: new.token_endpoint_auth_method,
        require_bound_tokens: new.require_bound_tokens,
        scopes: scopes.into(),
        audiences: servers.iter().map(|server| server.id.clone()).collect(),
        introspects: introspected.iter().map(|server| server.id.clone()).collect(),
        access_token_lifetime: new.access_token_lifetime,
        signing_alg: new.signing_alg,
        one_record_id: new.one_record_id,
        allowed_addresses,
        status: Status::Active,
        created_at: now,
        updated_at: now,
    };
    db::client::insert(tx, &client).await?;
    client_key::insert(tx, context, &client.id, &keys).await?;
    if !client.require_bound_tokens {
        hold_unbound(context, actor, &client)?;
    }
    let secret = match client.token_endpoint_auth_method {
        TokenEndpointAuthMethod::PrivateKeyJwt => None,
        TokenEndpointAuthMethod::ClientSecretBasic | TokenEndpointAuthMethod::ClientSecretPost => {
            let (record, secret) = client_secret::make(context.means(), &client.id, None);
            db::client_secret::insert(tx, &record).await?;
            Some(secret)
        }
    };
    let change = Change {
        action: "client.create",
        subject: format!("client/{}", client.id),
        before: None::<&Client>,
        after: Some(&client),
        reason: "",
    };
    context.means().journal(tx, actor, change).await?;
    let names = |servers: Vec<ResourceServer>| servers.into_iter().map(|server| server.identifier).collect();
    let (audiences, introspects) = (names(servers), names(introspected));
    Ok(Created { details: Details { client, audiences, introspects }, secret })
}

/// A new machine that may bear unbound tokens is what an old one would be that no longer needs bound ones.
fn hold_unbound(context: &Context, actor: &Actor, client: &Client) -> Result<(), Refusal> {
    let owner = client.participant_id.as_deref().unwrap_or_default();
    let held = Held {
        operation: Sensitive::UnboundTokens,
        subject: "client".to_owned(),
        summary: format!(
            "register the client {} of participant {owner}, whose tokens are not bound to it",
            client.name
        ),
        makes_secret: client.token_endpoint_auth_method != TokenEndpointAuthMethod::PrivateKeyJwt,
    };
    approval::hold_as(context, actor, held)
}

fn keys(new: &NewClient, checks: &mut Checks) -> Vec<CheckedKey> {
    let Some(jwks) = &new.jwks else {
        if new.token_endpoint_auth_method == TokenEndpointAuthMethod::PrivateKeyJwt {
            checks.note("jwks", "must have at least one key, with which private_key_jwt is checked");
        }
        return Vec::new();
    };
    client_key::check_set("jwks", jwks).map_err(|errors| checks.extend(errors)).unwrap_or_default()
}

/// Notes that there is no such participant, or that the identifier is not one of its own.
async fn check_participant(
    tx: &mut Transaction,
    new: &NewClient,
    checks: &mut Checks,
) -> Result<(), Refusal> {
    let participant = match check::id("participant", &new.participant_id) {
        Ok(id) => db::participant::find(&mut **tx, id).await?,
        Err(_) => None,
    };
    let Some(participant) = participant else {
        checks.note("participant_id", "is no registered participant");
        return Ok(());
    };
    let Some(uri) = &new.one_record_id else { return Ok(()) };
    let held = if uri.contains('\0') { None } else { db::one_record_id::find(&mut **tx, uri).await? };
    if !held.is_some_and(|id| id.participant_id == participant.id && id.status == OneRecordIdStatus::Approved)
    {
        checks.note("one_record_id", "is no approved ONE Record ID of this participant");
    }
    Ok(())
}

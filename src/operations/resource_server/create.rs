use serde::Deserialize;
use utoipa::ToSchema;

use super::{HINT, identifier};
use crate::db;
use crate::operations::context::Change;
use crate::operations::{Actor, Context, Refusal, check};
use crate::registry::{AccessTokenTyp, ResourceServer, SigningAlgorithm, Status, scope};

/// A server to be registered as an audience.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "identifier": "https://record.example.com",
    "name": "Example's ONE Record server",
    "access_token_typ": "at+jwt",
    "signing_alg": "RS256",
    "scopes": ["logistics_objects:read", "logistics_objects:write", "events:write"]
}))]
pub struct NewResourceServer {
    /// What stands in `aud`: an absolute https URI without fragment.
    #[schema(format = "uri", max_length = 512)]
    pub identifier: String,
    /// Its name, for people.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// The `typ` of its tokens; `at+jwt` unless given.
    pub access_token_typ: Option<AccessTokenTyp>,
    /// The algorithm of its tokens; `RS256` unless given.
    pub signing_alg: Option<SigningAlgorithm>,
    /// The scopes that it knows; the default set unless given.
    #[schema(min_items = 1, max_items = 50)]
    pub scopes: Option<Vec<String>>,
}

/// Registers a resource server.
///
/// # Errors
/// [`Refusal::Invalid`] when a rule is broken, [`Refusal::Conflict`] when the identifier is registered.
pub async fn create(
    context: &Context,
    actor: &Actor,
    new: NewResourceServer,
) -> Result<ResourceServer, Refusal> {
    let mut checks = check::Checks::default();
    let name = checks.take("name", check::name(&new.name));
    let identifier = checks.take("identifier", identifier::check(&new.identifier, &context.config));
    let scopes = match &new.scopes {
        None => Some(scope::DEFAULT.map(str::to_owned).to_vec()),
        Some(scopes) => check::machine_scopes(scopes).map_err(|errors| checks.extend(errors)).ok(),
    };
    let algorithm = new.signing_alg.unwrap_or(SigningAlgorithm::Rs256);
    let algorithm = checks.take("signing_alg", check::signing_alg(algorithm, context.config.algorithms()));
    let (Some(name), Some(identifier), Some(scopes), Some(signing_alg)) =
        (name, identifier, scopes, algorithm)
    else {
        return Err(checks.refusal());
    };
    let now = context.clock.now_millis();
    let server = ResourceServer {
        id: context.entropy.ulid(&context.clock),
        identifier,
        name,
        access_token_typ: new.access_token_typ.unwrap_or(AccessTokenTyp::AtJwt),
        signing_alg,
        scopes,
        is_default: false,
        status: Status::Active,
        created_at: now,
        updated_at: now,
    };
    let mut tx = context.begin().await?;
    db::resource_server::insert(&mut tx, &server)
        .await
        .map_err(|error| Refusal::taken(error, "identifier", HINT))?;
    let change = Change {
        action: "resource_server.create",
        subject: format!("resource_server/{}", server.id),
        before: None::<&ResourceServer>,
        after: Some(&server),
        reason: "",
    };
    context.means().journal(&mut tx, actor, change).await?;
    context.commit(tx).await?;
    Ok(server)
}

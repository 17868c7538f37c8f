use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::api_error::ApiError;
use crate::operations::{self, Actor, Administrator, Context};
use crate::registry::scope;

/// What a route needs of its caller: an administration token with this scope, or one that covers it. The journal names
/// the actor.
macro_rules! permissions {
    ($($(#[$meta:meta])* $name:ident = $scope:expr;)+) => {$(
        $(#[$meta])*
        #[derive(Debug)]
        pub(super) struct $name(pub(super) Actor);

        impl FromRequestParts<Context> for $name {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, ApiError> {
                Ok(Self(authorize(parts, context, $scope).await?.actor))
            }
        }
    )+};
}

permissions! {
    /// The caller may change the registry.
    MayWrite = scope::ADMIN_REGISTRY_WRITE;
    /// The caller may make and change administrators.
    MayChangeAdministrators = scope::ADMIN_ADMINISTRATORS_WRITE;
    /// The caller may rotate and revoke signing keys.
    MayChangeKeys = scope::ADMIN_KEYS_WRITE;
    /// The caller may approve and reject what others asked for.
    MayApprove = scope::ADMIN_APPROVE;
}

/// The same for routes that only show something: nobody asks who looked.
macro_rules! views {
    ($($(#[$meta:meta])* $name:ident = $scope:expr;)+) => {$(
        $(#[$meta])*
        #[derive(Debug)]
        pub(super) struct $name;

        impl FromRequestParts<Context> for $name {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, ApiError> {
                authorize(parts, context, $scope).await?;
                Ok(Self)
            }
        }
    )+};
}

views! {
    /// The caller may read the registry.
    MayRead = scope::ADMIN_REGISTRY_READ;
    /// The caller may see the signing keys.
    MayReadKeys = scope::ADMIN_KEYS_READ;
    /// The caller may read the journal.
    MayReadJournal = scope::ADMIN_AUDIT_READ;
}

/// The caller is an administrator; how far they reach, the operation asks.
#[derive(Debug)]
pub(super) struct AnyAdministrator(pub(super) Actor);

impl FromRequestParts<Context> for AnyAdministrator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, ApiError> {
        Ok(Self(caller(parts, context).await?.actor))
    }
}

async fn authorize(parts: &Parts, context: &Context, scope: &'static str) -> Result<Administrator, ApiError> {
    let administrator = caller(parts, context).await?;
    if administrator.has_scope(scope) { Ok(administrator) } else { Err(ApiError::insufficient_scope(scope)) }
}

async fn caller(parts: &Parts, context: &Context) -> Result<Administrator, ApiError> {
    // Who changes something was looked up before the body was read; who executes what was approved has no token.
    if let Some(refusal) = parts.extensions.get::<ApiError>() {
        return Err(refusal.clone());
    }
    match parts.extensions.get::<Administrator>() {
        Some(administrator) => Ok(administrator.clone()),
        None => administrator(parts, context).await,
    }
}

/// Whose administration token the request has.
pub(super) async fn administrator(parts: &Parts, context: &Context) -> Result<Administrator, ApiError> {
    let token = bearer_token(parts)?;
    // A JWT is no administration token, whoever signed it: a leaked signing key makes no administrator.
    operations::authenticate(context, token).await?.ok_or_else(|| {
        ApiError::unauthorized(
            Some("invalid_token"),
            "the token is no administration token of this server, or it has expired or been ended; get a new one \
             from the token endpoint with the scope admin:read or admin:write, or a narrower one",
        )
    })
}

/// The token of the one `Authorization` header (RFC 6750 §2.1). Two headers are two claims of who the caller is:
/// none is believed.
fn bearer_token(parts: &Parts) -> Result<&str, ApiError> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value,
        (None, _) => {
            return Err(ApiError::unauthorized(
                None,
                "send Authorization: Bearer with an administration token",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(ApiError::unauthorized(None, "send exactly one Authorization header"));
        }
    };
    let text = value.to_str().unwrap_or_default();
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token)
    } else {
        Err(ApiError::unauthorized(None, "the Authorization header must have the scheme Bearer"))
    }
}

//! Access tokens that this IAP has signed and that come back to it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use carnet_token::access_token::Unverified;
use carnet_token::compact::Compact;
use carnet_token::{AccessToken, IssuerRules, PublicKey, Refusal};
use serde_json::Value;

use super::state::State;
use crate::keys::{KeyState, Keyring, Purpose};

type Prepared = Arc<HashMap<String, PublicKey>>;

/// The keys whose signatures are this IAP's, prepared once for each change of the keys.
#[derive(Debug, Default)]
pub(super) struct OwnKeys(RwLock<Option<(Arc<Keyring>, Prepared)>>);

impl OwnKeys {
    fn of(&self, keys: &Arc<Keyring>) -> Prepared {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((ring, prepared)) = known.as_ref()
            && Arc::ptr_eq(ring, keys)
        {
            return Arc::clone(prepared);
        }
        drop(known);
        // An announced key has signed nothing yet.
        let has_signed = |state| matches!(state, KeyState::Active | KeyState::Retiring);
        let prepared: HashMap<String, PublicKey> = keys
            .keys()
            .iter()
            .filter(|key| key.purpose == Purpose::AccessToken && has_signed(key.state))
            .filter_map(|key| Some((key.kid.clone(), PublicKey::from_jwk(&key.public).ok()?)))
            .collect();
        let prepared = Arc::new(prepared);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) =
            Some((Arc::clone(keys), Arc::clone(&prepared)));
        prepared
    }
}

/// An access token that this IAP has signed and that has not expired. Whether it was revoked is another question.
#[derive(Debug)]
pub(super) struct OwnToken {
    /// What it says.
    pub token: AccessToken,
    /// The key that signed it.
    pub kid: String,
}

/// Takes a token that this IAP has signed: the signature is checked before anything that the token says is believed.
/// `audiences` are those of which it must be for one; none: whatever it is for.
pub(super) fn verify(state: &State, text: &str, audiences: Option<&[String]>) -> Result<OwnToken, Refusal> {
    let unverified = Unverified::parse(text)?;
    let kid = unverified.kid().ok_or(Refusal::UnknownKid)?.to_owned();
    let keys = state.own_keys().of(&state.keys().current());
    let key = keys.get(&kid).ok_or(Refusal::UnknownKid)?;
    let tokens = state.config().tokens();
    let rules = IssuerRules {
        typ_jwt_allowed: true,
        // It was signed here: how long it lives was decided then.
        max_token_lifetime: None,
        claim_names: tokens.claim_names.clone(),
        ..IssuerRules::new(state.config().issuer())
    };
    let now = state.clock().now();
    let token = match audiences {
        Some(audiences) => unverified.verify(&rules, key, audiences, now, tokens.clock_skew)?,
        None => unverified.verify(&rules, key, &claimed_audience(text)?, now, tokens.clock_skew)?,
    };
    // The skew is for a token of another node whose clock runs ahead, not for one that has expired.
    if now >= token.expires_at() {
        return Err(Refusal::AtExpired);
    }
    Ok(OwnToken { token, kid })
}

/// What a token says that it is for, unverified: with it the audience is no criterion.
fn claimed_audience(text: &str) -> Result<Vec<String>, Refusal> {
    let compact = Compact::parse(text)?;
    let texts = |value: &Value| value.as_str().map(str::to_owned);
    Ok(match compact.payload().get("aud") {
        Some(Value::Array(all)) => all.iter().filter_map(texts).collect(),
        Some(one) => texts(one).into_iter().collect(),
        None => Vec::new(),
    })
}

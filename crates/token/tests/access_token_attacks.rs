//! The published attacks on JWT access tokens (RFC 8725 and its revision, CVEs, attack tools), one row each.
//!
//! Every row makes its tokens or keys here and says what must become of them. `Ok` stands where an attack list is
//! sometimes overdone: what must *not* be refused.

#![expect(clippy::unwrap_used, reason = "keys made in a test")]

#[path = "access_token_attacks/claim_attacks.rs"]
mod claim_attacks;
#[path = "access_token_attacks/encoding_attacks.rs"]
mod encoding_attacks;
#[path = "access_token_attacks/forge.rs"]
mod forge;
#[path = "access_token_attacks/header_attacks.rs"]
mod header_attacks;
#[path = "access_token_attacks/key_attacks.rs"]
mod key_attacks;

use carnet_token::access_token::Unverified;
use carnet_token::jwk::KeyError;
use carnet_token::{IssuerRules, KeySet, Refusal, TokenProfile};
use serde_json::{Value, json};

use forge::{AUDIENCE, Forge, IAP1, IAP2, NOW, SKEW};

/// What is tried, and what must become of it.
enum Attempt {
    /// A token under the usual rules.
    Token(String, Result<(), Refusal>),
    /// A token under rules of its own.
    Under(Box<IssuerRules>, String, Result<(), Refusal>),
    /// A token at another time.
    At(i64, String, Result<(), Refusal>),
    /// A key in the issuer's key set: withheld for this reason, so that its tokens have no key.
    Key(Value, KeyError),
}

use Attempt::{At, Key, Token, Under};
use Refusal::{UnknownKid, UntrustedIssuer};

/// The rows of the table: the attack, and what is tried.
type Rows = Vec<(&'static str, Vec<Attempt>)>;

/// The way of a resource server: rules and keys by the unverified issuer, cheap checks before the key.
fn judge(forge: &Forge, rules: Option<&IssuerRules>, token: &str, now: i64) -> Result<(), Refusal> {
    let unverified = Unverified::parse(token)?;
    let issuer = unverified.unverified_issuer();
    let (usual, keys) = match issuer {
        IAP1 => (&forge.rules1, &forge.keys1),
        IAP2 => (&forge.rules2, &forge.keys2),
        _ => return Err(UntrustedIssuer),
    };
    let rules = rules.unwrap_or(usual);
    let early = unverified.precheck(rules, &[AUDIENCE], now, SKEW);
    let key = match unverified.kid() {
        Some(kid) => keys.get(kid),
        None if rules.profile == TokenProfile::OneRecord2x => keys.only(unverified.algorithm()),
        None => None,
    };
    let Some(key) = key else {
        return Err(early.err().unwrap_or(UnknownKid));
    };
    let verdict = unverified.verify(rules, key, &[AUDIENCE], now, SKEW).map(|_| ());
    // What the cheap checks refuse, the full ones must refuse, too.
    assert!(early.is_ok() || verdict.is_err(), "precheck refused what verify accepts: {early:?}");
    verdict
}

#[test]
fn every_attack_meets_the_refusal_that_names_it() {
    let forge = Forge::new();
    let table = rows(&forge);
    let mut wrong = Vec::new();
    let mut attempts = 0;
    for (attack, tries) in &table {
        assert!(!tries.is_empty(), "{attack}");
        for (number, attempt) in tries.iter().enumerate() {
            attempts += 1;
            let (found, wanted) = match attempt {
                Token(token, wanted) => (judge(&forge, None, token, NOW), *wanted),
                Under(rules, token, wanted) => (judge(&forge, Some(rules), token, NOW), *wanted),
                At(now, token, wanted) => (judge(&forge, None, token, *now), *wanted),
                Key(jwk, reason) => {
                    check_withheld(attack, jwk, *reason);
                    continue;
                }
            };
            if found != wanted {
                wrong.push(format!("{attack} #{number}: wanted {wanted:?}, found {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A row that falls out of the table is an attack that nobody tries any more.
    assert_eq!((table.len(), attempts), (98, 525));
}

fn check_withheld(attack: &str, jwk: &Value, reason: KeyError) {
    let mut jwk = jwk.clone();
    jwk["kid"] = "weak".into();
    let set = KeySet::parse(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap();
    assert!(set.get("weak").is_none(), "{attack}: the key is used");
    assert_eq!(set.withheld().iter().map(|key| key.reason).collect::<Vec<_>>(), [reason], "{attack}");
}

fn rows(forge: &Forge) -> Rows {
    let mut rows = Vec::new();
    header_attacks::algorithms(forge, &mut rows);
    header_attacks::key_sources(forge, &mut rows);
    encoding_attacks::json_and_encoding(forge, &mut rows);
    key_attacks::weak_keys(forge, &mut rows);
    key_attacks::signatures(forge, &mut rows);
    claim_attacks::times(forge, &mut rows);
    claim_attacks::issuers_and_audiences(forge, &mut rows);
    claim_attacks::substitutions(forge, &mut rows);
    claim_attacks::companies(forge, &mut rows);
    rows
}

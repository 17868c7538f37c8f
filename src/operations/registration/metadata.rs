use std::fmt::Display;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::operations::check::{self, Checks};
use crate::registry::{TokenEndpointAuthMethod, scope};

/// How many proofs one request may have: one for each key.
const MAX_PROOFS: usize = 20;

/// Members that only an administrator sets, and those that this server could not honour. Whoever sends one believes
/// that it counts, so that it is refused and not passed over; what else is unknown is passed over (RFC 7591 §2).
const NOT_HERE: [(&str, &str); 19] = [
    ("participant_id", BY_ADMINISTRATOR),
    ("kind", BY_ADMINISTRATOR),
    ("status", BY_ADMINISTRATOR),
    ("scopes", "is called scope here: a text with blanks between the scopes"),
    ("audiences", BY_ADMINISTRATOR),
    ("introspects", BY_ADMINISTRATOR),
    ("one_record_id", BY_ADMINISTRATOR),
    ("access_token_lifetime", BY_ADMINISTRATOR),
    ("signing_alg", BY_ADMINISTRATOR),
    ("resource", BY_ADMINISTRATOR),
    ("tls_client_auth_subject_dn", BY_ADMINISTRATOR),
    ("tls_client_auth_san_dns", BY_ADMINISTRATOR),
    ("tls_client_auth_san_uri", BY_ADMINISTRATOR),
    ("tls_client_auth_san_ip", BY_ADMINISTRATOR),
    ("tls_client_auth_san_email", BY_ADMINISTRATOR),
    ("jwks_uri", "is not fetched by this server: send the keys in jwks"),
    ("software_statement", "is not accepted by this server: it knows nobody who makes them"),
    ("registration_access_token", "is no metadata of a client"),
    ("registration_client_uri", "is no metadata of a client"),
];
const BY_ADMINISTRATOR: &str = "is set by an administrator only";

/// What a machine says of itself (RFC 7591 §2). What is wrong with it is in the checks.
#[derive(Debug)]
pub(super) struct Metadata {
    pub name: String,
    pub method: TokenEndpointAuthMethod,
    /// None: it did not say.
    pub scopes: Option<Vec<String>>,
    pub jwks: Option<Value>,
    pub proofs: Vec<String>,
    pub client_id: Option<String>,
    pub client_secret: Option<String>,
}

impl Metadata {
    /// Reads the members of a request.
    pub fn read(members: &Map<String, Value>, checks: &mut Checks) -> Self {
        for (member, reason) in NOT_HERE {
            if !is_absent(members, member) {
                checks.note(member, reason);
            }
        }
        check_grants(members, checks);
        match members.get("require_bound_tokens") {
            None | Some(Value::Null | Value::Bool(true)) => {}
            Some(_) => {
                checks.note("require_bound_tokens", "must be true; an administrator can change it later");
            }
        }
        let name = text(members, "client_name", checks).unwrap_or("self-registered client");
        let method = match text(members, "token_endpoint_auth_method", checks) {
            None => Some(TokenEndpointAuthMethod::default()),
            Some(word) => checks.take("token_endpoint_auth_method", TokenEndpointAuthMethod::from_str(word)),
        };
        Self {
            name: checks.take("client_name", check::name(name)).unwrap_or_default(),
            method: method.unwrap_or_default(),
            scopes: text(members, "scope", checks).map(|text| scopes(text, checks)),
            jwks: members.get("jwks").filter(|jwks| !jwks.is_null()).cloned(),
            proofs: proofs(members, checks),
            client_id: text(members, "client_id", checks).map(str::to_owned),
            client_secret: text(members, "client_secret", checks).map(str::to_owned),
        }
    }
}

/// Null is as if it were left out (RFC 7592 §2.2).
fn is_absent(members: &Map<String, Value>, member: &str) -> bool {
    members.get(member).is_none_or(Value::is_null)
}

fn text<'m>(members: &'m Map<String, Value>, member: &str, checks: &mut Checks) -> Option<&'m str> {
    match members.get(member) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text),
        Some(_) => {
            checks.note(member, "must be a text");
            None
        }
    }
}

/// Machines get tokens by client credentials. There is nobody to be sent anywhere.
fn check_grants(members: &Map<String, Value>, checks: &mut Checks) {
    let mut only = |member: &str, allowed: &[&str], reason: &dyn Display| {
        let fits = match members.get(member) {
            None | Some(Value::Null) => true,
            Some(Value::Array(items)) => {
                items.iter().all(|item| item.as_str().is_some_and(|item| allowed.contains(&item)))
                    && (allowed.is_empty() || !items.is_empty())
            }
            Some(_) => false,
        };
        if !fits {
            checks.note(member, reason);
        }
    };
    only("grant_types", &["client_credentials"], &"must be [\"client_credentials\"]");
    only("response_types", &[], &"must be empty: there is no authorization endpoint");
    only("redirect_uris", &[], &"must be empty: there is no authorization endpoint");
}

/// Scopes that a machine may give itself: the default ones, which every client without a word gets.
fn scopes(text: &str, checks: &mut Checks) -> Vec<String> {
    let mut scopes: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()).take(check::MAX_ITEMS) {
        if scope::DEFAULT.contains(&word) {
            if !scopes.iter().any(|known| known == word) {
                scopes.push(word.to_owned());
            }
        } else {
            checks.note("scope", format!("must hold nothing but {}", scope::DEFAULT.join(" ")));
            return scopes;
        }
    }
    if scopes.is_empty() {
        checks.note("scope", "must name at least one scope, or be left out for the default ones");
    }
    scopes
}

fn proofs(members: &Map<String, Value>, checks: &mut Checks) -> Vec<String> {
    let found = match members.get("jwks_proof") {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::String(proof)) => Some(vec![proof.clone()]),
        Some(Value::Array(items)) if items.len() <= MAX_PROOFS => {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        }
        Some(_) => None,
    };
    found.unwrap_or_else(|| {
        checks.note("jwks_proof", format!("must be a signed JWT, or a list of at most {MAX_PROOFS}"));
        Vec::new()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::operations::Refusal;

    fn faults(members: &Value) -> Vec<String> {
        let mut checks = Checks::default();
        Metadata::read(members.as_object().unwrap(), &mut checks);
        match checks.done() {
            Ok(()) => Vec::new(),
            Err(Refusal::Invalid(errors)) => errors.into_iter().map(|error| error.field).collect(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_machine_without_a_word_is_a_machine_with_the_defaults() {
        let mut checks = Checks::default();
        let metadata = Metadata::read(&Map::new(), &mut checks);
        checks.done().unwrap();
        assert_eq!(metadata.method, TokenEndpointAuthMethod::ClientSecretBasic);
        assert!(metadata.scopes.is_none() && metadata.jwks.is_none() && metadata.proofs.is_empty());
        assert_eq!(faults(&json!({"client_uri": "https://x", "unheard_of": 1, "jwks": null})), [""; 0]);
    }

    #[test]
    fn what_only_an_administrator_gives_is_refused_by_name() {
        for (member, value) in [
            ("participant_id", json!("01ARZ3NDEKTSV4RRFFQ69G5FAV")),
            ("kind", json!("administrator")),
            ("audiences", json!([])),
            ("introspects", json!(["x"])),
            ("one_record_id", json!("https://other.example/other")),
            ("access_token_lifetime", json!(3600)),
            ("scopes", json!(["events:write"])),
            ("tls_client_auth_san_uri", json!("https://other.example/other")),
            ("require_bound_tokens", json!(false)),
            ("require_bound_tokens", json!("true")),
            ("jwks_uri", json!("https://169.254.169.254/")),
            ("software_statement", json!("e30.e30.AA")),
            ("scope", json!("admin:write")),
            ("scope", json!("events:write admin:read")),
            ("scope", json!("ca:enrol")),
            ("scope", json!("")),
            ("scope", json!(["events:write"])),
            ("grant_types", json!(["client_credentials", "authorization_code"])),
            ("grant_types", json!([])),
            ("grant_types", json!("client_credentials")),
            ("response_types", json!(["code"])),
            ("redirect_uris", json!(["https://x.example/"])),
            ("token_endpoint_auth_method", json!("none")),
            ("token_endpoint_auth_method", json!(1)),
            ("client_name", json!("a\nb")),
            ("client_name", json!({})),
            ("jwks_proof", json!(1)),
            ("jwks_proof", json!(["a", 1])),
            ("jwks_proof", json!(vec!["a"; 21])),
        ] {
            assert_eq!(faults(&json!({ member: value })), [member], "{value}");
        }
    }
}

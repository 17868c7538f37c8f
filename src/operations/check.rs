//! Rules that several inputs share. Each gives the checked value, or the reason why there is none.

use std::fmt::Display;

use super::{Context, FieldError, Refusal};
use crate::registry::{AddressRange, Role, SigningAlgorithm, scope};

/// Gathers every fault of an input, so that its sender learns all of them at once.
#[derive(Default)]
pub(super) struct Checks(Vec<FieldError>);

impl Checks {
    /// Takes the checked value, or notes the reason why there is none.
    pub(super) fn take<T, E: Display>(&mut self, field: &str, checked: Result<T, E>) -> Option<T> {
        checked.map_err(|reason| self.note(field, reason)).ok()
    }

    pub(super) fn note(&mut self, field: impl Into<String>, reason: impl Display) {
        self.0.push(FieldError { field: field.into(), reason: reason.to_string() });
    }

    pub(super) fn extend(&mut self, errors: Vec<FieldError>) {
        self.0.extend(errors);
    }

    pub(super) fn done(self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal::Invalid(self.0)) }
    }

    pub(super) fn refusal(self) -> Refusal {
        Refusal::Invalid(self.0)
    }
}

/// A name for people. It stands in logs and on terminals, where control characters would forge lines.
pub(super) fn name(text: &str) -> Result<String, &'static str> {
    if !(1..=200).contains(&text.chars().count()) {
        return Err("must have 1 to 200 characters");
    }
    if text.chars().any(is_control) {
        return Err("must not contain control characters");
    }
    if text.trim().is_empty() {
        return Err("must not be blank");
    }
    Ok(text.to_owned())
}

/// An algorithm for access tokens: one for which this installation keeps keys.
pub(super) fn signing_alg(
    algorithm: SigningAlgorithm,
    kept: &[SigningAlgorithm],
) -> Result<SigningAlgorithm, String> {
    if kept.contains(&algorithm) {
        return Ok(algorithm);
    }
    let kept: Vec<&str> = kept.iter().map(|algorithm| algorithm.as_str()).collect();
    Err(format!("must be one of {} (keys.algorithms)", kept.join(", ")))
}

/// A reason for the journal, which may be left out.
pub(super) fn reason(text: &str) -> Result<&str, &'static str> {
    if text.chars().count() > 500 {
        return Err("must have at most 500 characters");
    }
    if text.chars().any(is_control) {
        return Err("must not contain control characters");
    }
    Ok(text)
}

/// Control characters, and those that turn the direction of what follows them.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Role codes: at least one, each known to this installation, none twice.
pub(super) fn roles(texts: &[String], known: &[String]) -> Result<Vec<Role>, Vec<FieldError>> {
    if texts.is_empty() {
        return Err(vec![field("roles", "must name at least one role, the main one first")]);
    }
    let mut roles: Vec<Role> = Vec::new();
    let mut errors = Vec::new();
    for (at, text) in texts.iter().enumerate().take(MAX_ITEMS) {
        let here = || format!("roles[{at}]");
        match text.parse::<Role>() {
            Ok(role) if roles.contains(&role) => errors.push(field(here(), "stands twice")),
            Ok(role) if known.iter().any(|code| code == role.as_str()) => roles.push(role),
            Ok(_) | Err(_) => errors.push(field(here(), format!("must be one of {}", known.join(", ")))),
        }
    }
    if texts.len() > MAX_ITEMS {
        errors.push(field("roles", format!("must have at most {MAX_ITEMS} items")));
    }
    if errors.is_empty() { Ok(roles) } else { Err(errors) }
}

/// How many items a list of an input may have.
pub(super) const MAX_ITEMS: usize = 50;

/// The scopes of machines; those of administrators are never given by registration.
const MACHINE_SCOPES: [&str; 4] =
    [scope::LOGISTICS_OBJECTS_READ, scope::LOGISTICS_OBJECTS_WRITE, scope::EVENTS_WRITE, scope::CA_ENROL];

/// Scopes of a machine client or a resource server: each known, none twice, none an administrator's.
pub(super) fn machine_scopes(texts: &[String]) -> Result<Vec<String>, Vec<FieldError>> {
    let mut scopes: Vec<String> = Vec::new();
    let mut errors = Vec::new();
    if texts.is_empty() {
        errors.push(field("scopes", "must name at least one scope, or be left out for the default ones"));
    }
    for (at, text) in texts.iter().enumerate().take(MAX_ITEMS) {
        let here = || format!("scopes[{at}]");
        if scope::is_administrative(text) {
            errors.push(field(here(), "is for administrators only and cannot be registered"));
        } else if !MACHINE_SCOPES.contains(&text.as_str()) {
            errors.push(field(here(), format!("must be one of {}", MACHINE_SCOPES.join(", "))));
        } else if scopes.contains(text) {
            errors.push(field(here(), "stands twice"));
        } else {
            scopes.push(text.clone());
        }
    }
    if texts.len() > MAX_ITEMS {
        errors.push(field("scopes", format!("must have at most {MAX_ITEMS} items")));
    }
    if errors.is_empty() { Ok(scopes) } else { Err(errors) }
}

/// Where a client may ask from: addresses and ranges, none twice; none at all means anywhere.
pub(super) fn allowed_addresses(texts: &[String]) -> Result<Vec<AddressRange>, Vec<FieldError>> {
    let mut ranges: Vec<AddressRange> = Vec::new();
    let mut errors = Vec::new();
    for (at, text) in texts.iter().enumerate().take(MAX_ITEMS) {
        let here = || format!("allowed_addresses[{at}]");
        match text.parse::<AddressRange>() {
            Ok(range) if ranges.contains(&range) => errors.push(field(here(), "stands twice")),
            Ok(range) => ranges.push(range),
            Err(reason) => errors.push(field(here(), reason.to_string())),
        }
    }
    if texts.len() > MAX_ITEMS {
        errors.push(field("allowed_addresses", format!("must have at most {MAX_ITEMS} items")));
    }
    if errors.is_empty() { Ok(ranges) } else { Err(errors) }
}

/// Scopes of an administrator: each known, none twice.
pub(super) fn administrative_scopes(texts: &[String]) -> Result<Vec<String>, Vec<FieldError>> {
    let mut scopes: Vec<String> = Vec::new();
    let mut errors = Vec::new();
    if texts.is_empty() {
        errors.push(field("scopes", "must name at least one scope"));
    }
    for (at, text) in texts.iter().enumerate().take(MAX_ITEMS) {
        let here = || format!("scopes[{at}]");
        if !scope::ADMINISTRATIVE.contains(&text.as_str()) {
            errors.push(field(here(), format!("must be one of {}", scope::ADMINISTRATIVE.join(", "))));
        } else if scopes.contains(text) {
            errors.push(field(here(), "stands twice"));
        } else {
            scopes.push(text.clone());
        }
    }
    if texts.len() > MAX_ITEMS {
        errors.push(field("scopes", format!("must have at most {MAX_ITEMS} items")));
    }
    if errors.is_empty() { Ok(scopes) } else { Err(errors) }
}

/// Notes that a client's tokens would live too short or too long; none means the installation's default.
pub(super) fn access_token_lifetime(seconds: Option<i64>, context: &Context, checks: &mut Checks) {
    let longest = context.config.tokens().max_lifetime;
    if seconds.is_some_and(|seconds| !(60..=longest).contains(&seconds)) {
        checks.note("access_token_lifetime", format!("must be 60 to {longest} seconds"));
    }
}

/// The longest life of a secret, in seconds: ten years.
const MAX_SECRET_LIFETIME: i64 = 10 * 366 * 86_400;

/// Seconds from now to the moment when a secret expires, in milliseconds since 1970-01-01 UTC.
pub(super) fn expiry(expires_in: Option<i64>, now_millis: i64) -> Result<Option<i64>, String> {
    match expires_in {
        None => Ok(None),
        Some(seconds) if (60..=MAX_SECRET_LIFETIME).contains(&seconds) => {
            Ok(Some(now_millis + seconds * 1000))
        }
        Some(_) => Err(format!("must be 60 to {MAX_SECRET_LIFETIME} seconds")),
    }
}

/// An id that a caller gave: what cannot be one is not looked for, and no NUL reaches the database.
pub(super) fn id<'a>(kind: &'static str, text: &'a str) -> Result<&'a str, Refusal> {
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if fits { Ok(text) } else { Err(Refusal::not_found(kind, text)) }
}

pub(super) fn field(field: impl Into<String>, reason: impl Into<String>) -> FieldError {
    FieldError { field: field.into(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(of: &[&str]) -> Vec<String> {
        of.iter().map(|text| (*text).to_owned()).collect()
    }

    fn fields<T: std::fmt::Debug>(result: Result<T, Vec<FieldError>>) -> Vec<String> {
        result.unwrap_err().into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn names_are_counted_in_characters_and_hold_no_control_character() {
        assert!(name(&"é".repeat(200)).is_ok());
        for wrong in ["", " ", "a\nb", "a\u{0}", "a\u{7f}", "a\u{202e}b", &"é".repeat(201)] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn roles_are_known_and_stand_once() {
        let known = texts(&["SHP", "CAR"]);
        assert_eq!(roles(&texts(&["CAR", "SHP"]), &known).unwrap()[0].as_str(), "CAR");
        assert_eq!(fields(roles(&[], &known)), ["roles"]);
        assert_eq!(
            fields(roles(&texts(&["SHP", "FWD", "shp", "SHP"]), &known)),
            ["roles[1]", "roles[2]", "roles[3]"]
        );
        assert_eq!(fields(roles(&vec!["SHP".to_owned(); 51], &known)).last().unwrap(), "roles");
    }

    #[test]
    fn an_administrators_scope_cannot_be_registered() {
        assert!(machine_scopes(&texts(&["ca:enrol", "events:write"])).is_ok());
        for wrong in ["admin:read", "admin:write", "admin:", "logistics_objects:delete", "", "events:write "]
        {
            assert_eq!(fields(machine_scopes(&texts(&[wrong]))), ["scopes[0]"], "{wrong}");
        }
        assert_eq!(fields(machine_scopes(&texts(&["events:write", "events:write"]))), ["scopes[1]"]);
        assert_eq!(fields(machine_scopes(&[])), ["scopes"]);
    }

    #[test]
    fn address_lists_are_canonical_and_bounded() {
        let list = texts(&["192.0.2.7", "192.0.2.0/24", "2001:db8::/32"]);
        assert_eq!(allowed_addresses(&list).unwrap().len(), 3);
        assert!(allowed_addresses(&[]).unwrap().is_empty());
        let wrong =
            texts(&["192.0.2.7", "192.0.2.7/32", "192.0.2.7/24", "::ffff:192.0.2.7", "host.example", ""]);
        assert_eq!(
            fields(allowed_addresses(&wrong)),
            [1, 2, 3, 4, 5].map(|at| format!("allowed_addresses[{at}]"))
        );
        let many: Vec<String> = (0..51).map(|at| format!("192.0.2.{at}")).collect();
        assert_eq!(fields(allowed_addresses(&many)), ["allowed_addresses"]);
    }

    #[test]
    fn an_expiry_lies_between_a_minute_and_ten_years() {
        assert_eq!(expiry(None, 1_000).unwrap(), None);
        assert_eq!(expiry(Some(60), 1_000).unwrap(), Some(61_000));
        for wrong in [59, 0, -1, i64::MIN, MAX_SECRET_LIFETIME + 1, i64::MAX] {
            assert!(expiry(Some(wrong), 1_000).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_id_with_a_nul_is_not_looked_for() {
        assert!(id("client", "01ARZ3NDEKTSV4RRFFQ69G5FAV").is_ok());
        for wrong in ["", "a\0", "é", "a b", "../x", &"a".repeat(65)] {
            assert!(matches!(id("client", wrong), Err(Refusal::NotFound { .. })), "{wrong:?}");
        }
    }
}

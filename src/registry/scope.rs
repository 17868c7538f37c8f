//! Scopes that this IAP knows (RFC 6749 §3.3).

/// Read logistics objects.
pub const LOGISTICS_OBJECTS_READ: &str = "logistics_objects:read";
/// Create and change logistics objects.
pub const LOGISTICS_OBJECTS_WRITE: &str = "logistics_objects:write";
/// Post logistics events.
pub const EVENTS_WRITE: &str = "events:write";
/// Enrol certificates; never given by default.
pub const CA_ENROL: &str = "ca:enrol";
/// Read the registry; administrators only.
pub const ADMIN_READ: &str = "admin:read";
/// Change the registry; administrators only.
pub const ADMIN_WRITE: &str = "admin:write";

/// What a new machine client may ask for unless its registration says otherwise.
pub const DEFAULT: [&str; 3] = [LOGISTICS_OBJECTS_READ, LOGISTICS_OBJECTS_WRITE, EVENTS_WRITE];

/// What an administrator may ask for.
pub const ADMINISTRATOR: [&str; 2] = [ADMIN_READ, ADMIN_WRITE];

/// Whether a scope makes an administration token.
#[must_use]
pub fn is_administrative(scope: &str) -> bool {
    scope.starts_with("admin:")
}

/// Whether a text is a scope token: printable ASCII without blank, `"` and `\`, at most 100 characters.
#[must_use]
pub fn is_scope_token(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

//! Scopes that this IAP knows (RFC 6749 §3.3).

/// Read logistics objects.
pub const LOGISTICS_OBJECTS_READ: &str = "logistics_objects:read";
/// Create and change logistics objects.
pub const LOGISTICS_OBJECTS_WRITE: &str = "logistics_objects:write";
/// Post logistics events.
pub const EVENTS_WRITE: &str = "events:write";
/// Enrol certificates; never given by default.
pub const CA_ENROL: &str = "ca:enrol";
/// Read everything; administrators only.
pub const ADMIN_READ: &str = "admin:read";
/// Change everything, and approve; administrators only.
pub const ADMIN_WRITE: &str = "admin:write";
/// Read participants, clients, resource servers, administrators and what waits for approval.
pub const ADMIN_REGISTRY_READ: &str = "admin:registry:read";
/// Change participants, clients and resource servers.
pub const ADMIN_REGISTRY_WRITE: &str = "admin:registry:write";
/// Make and change administrators.
pub const ADMIN_ADMINISTRATORS_WRITE: &str = "admin:administrators:write";
/// Read about signing keys.
pub const ADMIN_KEYS_READ: &str = "admin:keys:read";
/// Rotate and revoke signing keys.
pub const ADMIN_KEYS_WRITE: &str = "admin:keys:write";
/// Read the journal.
pub const ADMIN_AUDIT_READ: &str = "admin:audit:read";
/// Approve and reject what others asked for.
pub const ADMIN_APPROVE: &str = "admin:approve";

/// What a new machine client may ask for unless its registration says otherwise.
pub const DEFAULT: [&str; 3] = [LOGISTICS_OBJECTS_READ, LOGISTICS_OBJECTS_WRITE, EVENTS_WRITE];

/// What the administrator of the first start may ask for.
pub const ADMINISTRATOR: [&str; 2] = [ADMIN_READ, ADMIN_WRITE];

/// What administrators can be registered for.
pub const ADMINISTRATIVE: [&str; 9] = [
    ADMIN_READ,
    ADMIN_WRITE,
    ADMIN_REGISTRY_READ,
    ADMIN_REGISTRY_WRITE,
    ADMIN_ADMINISTRATORS_WRITE,
    ADMIN_KEYS_READ,
    ADMIN_KEYS_WRITE,
    ADMIN_AUDIT_READ,
    ADMIN_APPROVE,
];

/// Whether a scope makes an administration token.
#[must_use]
pub fn is_administrative(scope: &str) -> bool {
    scope.starts_with("admin:")
}

/// Whether whoever has `granted` may do what needs `needed`: `admin:read` stands for every `admin:…:read`,
/// `admin:write` for every `admin:…:write` and for `admin:approve`.
#[must_use]
pub fn covers(granted: &str, needed: &str) -> bool {
    granted == needed
        || is_administrative(needed)
            && match granted {
                ADMIN_READ => needed.ends_with(":read"),
                ADMIN_WRITE => needed.ends_with(":write") || needed == ADMIN_APPROVE,
                _ => false,
            }
}

/// Whether a text is a scope token: printable ASCII without blank, `"` and `\`, at most 100 characters.
#[must_use]
pub fn is_scope_token(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_wide_scopes_cover_all_others_between_them_and_no_machine_scope() {
        for scope in ADMINISTRATIVE {
            let reads = scope.ends_with(":read");
            assert_eq!((covers(ADMIN_READ, scope), covers(ADMIN_WRITE, scope)), (reads, !reads), "{scope}");
        }
        for scope in [LOGISTICS_OBJECTS_READ, LOGISTICS_OBJECTS_WRITE, EVENTS_WRITE, CA_ENROL] {
            assert!(!covers(ADMIN_READ, scope) && !covers(ADMIN_WRITE, scope), "{scope}");
        }
    }

    #[test]
    fn a_narrow_scope_covers_itself_only() {
        for granted in &ADMINISTRATIVE[2..] {
            for needed in ADMINISTRATIVE {
                assert_eq!(covers(granted, needed), *granted == needed, "{granted} {needed}");
            }
        }
    }
}

//! Addresses: `{base}/{company}/{id}` outside, `{base}/{company}/logistics-objects/{id}` inside, so that both
//! generations of the API mean the same object.

use std::collections::HashMap;

use oxrdf::{NamedNode, NamedOrBlankNode, Term, Triple};

use crate::config::Tenant;
use crate::core::Address;

/// Words that cannot name a company or a logistics object, because the server needs them.
const RESERVED: [&str; 26] = [
    "logistics-objects",
    "subscriptions",
    "notifications",
    "action-requests",
    "access-delegations",
    "logistics-events",
    "delegation",
    "groups",
    "callback",
    "acl",
    "auditTrail",
    "events",
    "audit-trail",
    "token",
    "oauth2",
    "ca",
    "acme",
    "admin",
    "console",
    "federation",
    "trusted-iaps",
    "revocations",
    "clients",
    "healthz",
    "readyz",
    "metrics",
];

const ID_BYTES: usize = 128;

/// Whether a word can name a company or an object: `[A-Za-z0-9][A-Za-z0-9_-]*`, at most 128 characters, not
/// reserved.
pub(crate) fn is_local_id(word: &str) -> bool {
    word.len() <= ID_BYTES
        && word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        && !RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(word))
}

/// The companies of this server and how their addresses are written.
pub(super) struct Addresses {
    base: String,
    tenants: HashMap<String, Tenant>,
    /// Under which prefixes an object's address may be given: the company's address, and its identifier.
    prefixes: Vec<(String, String)>,
}

/// What an IRI says about this server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A well-formed address of an object.
    Object(Address),
    /// Under a company of this server, but not a possible id.
    Malformed,
    /// Somewhere else.
    Elsewhere,
}

impl Addresses {
    pub(super) fn new(base: &str, tenants: &[Tenant]) -> Self {
        let mut prefixes = Vec::new();
        for tenant in tenants {
            let address = format!("{base}/{}/", tenant.path);
            let identifier = format!("{}/", tenant.identifier.trim_end_matches('/'));
            if identifier != address {
                prefixes.push((identifier, tenant.path.clone()));
            }
            prefixes.push((address, tenant.path.clone()));
        }
        let tenants = tenants.iter().map(|tenant| (tenant.path.clone(), tenant.clone())).collect();
        Self { base: base.to_owned(), tenants, prefixes }
    }

    /// The company at `path`.
    pub(super) fn tenant(&self, path: &str) -> Option<&Tenant> {
        self.tenants.get(path)
    }

    /// The LOID, as partners write it.
    pub(super) fn loid(&self, address: &Address) -> String {
        format!("{}/{}/{}", self.base, address.tenant, address.local_id)
    }

    /// The IRI that the core knows the object by.
    pub(super) fn canonical(&self, address: &Address) -> String {
        format!("{}/{}/logistics-objects/{}", self.base, address.tenant, address.local_id)
    }

    /// Where a LOID points to.
    pub(super) fn place(&self, iri: &str) -> Place {
        for (prefix, tenant) in &self.prefixes {
            if let Some(id) = iri.strip_prefix(prefix.as_str()) {
                if !is_local_id(id) {
                    return Place::Malformed;
                }
                return Place::Object(Address { tenant: tenant.clone(), local_id: id.to_owned() });
            }
        }
        Place::Elsewhere
    }

    /// From the partners' spelling to the core's. Only what lies under this server's own addresses is touched:
    /// what lies under a company identifier elsewhere may be anything.
    pub(super) fn inward(&self, iri: &str) -> String {
        let own = iri.strip_prefix(self.base.as_str()).and_then(|rest| rest.strip_prefix('/'));
        if let Some((tenant, rest)) = own.and_then(|rest| rest.split_once('/'))
            && self.tenants.contains_key(tenant)
            && is_local_id(rest.split(['/', '#', '?']).next().unwrap_or_default())
        {
            return format!("{}/{tenant}/logistics-objects/{rest}", self.base);
        }
        iri.to_owned()
    }

    /// Back again.
    pub(super) fn outward(&self, iri: &str) -> String {
        let own = iri.strip_prefix(self.base.as_str()).and_then(|rest| rest.strip_prefix('/'));
        match own.and_then(|rest| rest.split_once("/logistics-objects/")) {
            Some((tenant, rest)) if self.tenants.contains_key(tenant) => {
                format!("{}/{tenant}/{rest}", self.base)
            }
            _ => iri.to_owned(),
        }
    }

    /// Maps every IRI of a statement but its predicate.
    pub(super) fn map(triple: Triple, spell: impl Fn(&str) -> String) -> Triple {
        let respell = |node: &NamedNode| NamedNode::new_unchecked(spell(node.as_str()));
        let subject = match &triple.subject {
            NamedOrBlankNode::NamedNode(node) => respell(node).into(),
            NamedOrBlankNode::BlankNode(_) => triple.subject,
        };
        let object = match &triple.object {
            Term::NamedNode(node) => respell(node).into(),
            _ => triple.object,
        };
        Triple::new(subject, triple.predicate, object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses() -> Addresses {
        let tenant = |path: &str, identifier: &str| Tenant {
            path: path.to_owned(),
            identifier: identifier.to_owned(),
        };
        let tenants =
            [tenant("airline", "https://one.example/airline"), tenant("acme", "https://acme.example/id")];
        Addresses::new("https://one.example", &tenants)
    }

    #[test]
    fn ids_are_url_friendly_and_not_reserved() {
        for good in ["awb_1", "A", "0-9", "aclx"] {
            assert!(is_local_id(good), "{good}");
        }
        let long = "a".repeat(129);
        for bad in ["", "_a", "-a", "a b", "a/b", "a.b", "ä", "a%20", "acl", "AuditTrail", "Events", &long] {
            assert!(!is_local_id(bad), "{bad}");
        }
    }

    #[test]
    fn both_spellings_of_a_company_lead_to_its_objects() {
        let addresses = addresses();
        let awb = Address { tenant: "acme".to_owned(), local_id: "awb_1".to_owned() };
        for iri in ["https://acme.example/id/awb_1", "https://one.example/acme/awb_1"] {
            assert_eq!(addresses.place(iri), Place::Object(awb.clone()));
        }
        assert_eq!(addresses.inward("https://one.example/acme/awb_1"), addresses.canonical(&awb));
        assert_eq!(addresses.outward(&addresses.canonical(&awb)), addresses.loid(&awb));
    }

    #[test]
    fn what_is_not_an_object_here_stays_as_it_is() {
        let addresses = addresses();
        for iri in [
            "https://one.example/airline",
            "https://one.example/airline/acl",
            "https://acme.example/id/about",
            "https://one.example/airline/groups#Ops",
            "https://one.example/other/awb_1",
            "https://one.example.evil.example/airline/awb_1",
            "urn:x:y",
        ] {
            assert_eq!(addresses.inward(iri), iri);
            assert_eq!(addresses.outward(iri), iri);
        }
    }

    #[test]
    fn fragments_and_fields_follow_their_object() {
        let addresses = addresses();
        for (outside, inside) in [
            ("https://one.example/airline/awb_1#x", "https://one.example/airline/logistics-objects/awb_1#x"),
            (
                "https://one.example/airline/awb_1/weight",
                "https://one.example/airline/logistics-objects/awb_1/weight",
            ),
        ] {
            assert_eq!(addresses.inward(outside), inside);
            assert_eq!(addresses.outward(inside), outside);
        }
    }
}

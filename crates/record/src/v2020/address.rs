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

/// Whether what follows the company's address is an object's id, alone or with a field, fragment or query behind it.
fn names_object(rest: &str) -> bool {
    is_local_id(rest.split(['/', '#', '?']).next().unwrap_or_default())
}

/// The companies of this server and how their addresses are written.
pub(super) struct Addresses {
    base: String,
    tenants: HashMap<String, Tenant>,
    /// Under which prefixes an object's address may be given beside the company's address: its identifier. The
    /// longest first, for one identifier may be the beginning of another.
    identifiers: Vec<(String, String)>,
    spelling: String,
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
        let mut identifiers: Vec<(String, String)> = tenants
            .iter()
            .map(|tenant| (format!("{}/", tenant.identifier.trim_end_matches('/')), tenant.path.clone()))
            .collect();
        identifiers.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        let mut paths: Vec<&str> = tenants.iter().map(|tenant| tenant.path.as_str()).collect();
        paths.sort_unstable();
        let spelling = format!("{base} {}", paths.join(" "));
        let tenants = tenants.iter().map(|tenant| (tenant.path.clone(), tenant.clone())).collect();
        Self { base: base.to_owned(), tenants, identifiers, spelling }
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

    /// What the server writes into its documents beside what they hold: two servers of one spelling write the same.
    pub(super) fn spelling(&self) -> &str {
        &self.spelling
    }

    /// Where a LOID points to. An address of this server is never anything else, whatever a company calls itself.
    pub(super) fn place(&self, iri: &str) -> Place {
        let own = self.own(iri).map(|(tenant, id)| (tenant.to_owned(), id));
        let found = own.or_else(|| {
            let (prefix, tenant) =
                self.identifiers.iter().find(|(prefix, _)| iri.starts_with(prefix.as_str()))?;
            Some((tenant.clone(), iri.strip_prefix(prefix.as_str())?))
        });
        match found {
            None => Place::Elsewhere,
            Some((tenant, id)) if is_local_id(id) => {
                Place::Object(Address { tenant, local_id: id.to_owned() })
            }
            Some(_) => Place::Malformed,
        }
    }

    /// From the partners' spelling to the core's. Only what lies under this server's own addresses is touched:
    /// what lies under a company identifier elsewhere may be anything.
    pub(super) fn inward(&self, iri: &str) -> String {
        match self.own(iri) {
            Some((tenant, rest)) if names_object(rest) => {
                format!("{}/{tenant}/logistics-objects/{rest}", self.base)
            }
            _ => iri.to_owned(),
        }
    }

    /// Back again: exactly what `inward` makes, and nothing else.
    pub(super) fn outward(&self, iri: &str) -> String {
        let inside =
            self.own(iri).and_then(|(tenant, rest)| Some((tenant, rest.strip_prefix("logistics-objects/")?)));
        match inside {
            Some((tenant, rest)) if names_object(rest) => format!("{}/{tenant}/{rest}", self.base),
            _ => iri.to_owned(),
        }
    }

    /// The company under whose address an IRI lies, and the rest of it.
    fn own<'a>(&self, iri: &'a str) -> Option<(&'a str, &'a str)> {
        let (tenant, rest) = iri.strip_prefix(self.base.as_str())?.strip_prefix('/')?.split_once('/')?;
        self.tenants.contains_key(tenant).then_some((tenant, rest))
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
    fn an_identifier_that_begins_another_address_takes_nothing_from_it() {
        let tenant = |path: &str, identifier: &str| Tenant {
            path: path.to_owned(),
            identifier: identifier.to_owned(),
        };
        let addresses = Addresses::new(
            "https://one.example",
            &[
                tenant("whole", "https://one.example"),
                tenant("airline", "https://one.example/airline"),
                tenant("group", "https://group.example"),
                tenant("branch", "https://group.example/branch"),
                tenant("nested", "https://one.example/airline/nested"),
            ],
        );
        for (iri, tenant, id) in [
            ("https://one.example/airline/a", "airline", "a"),
            ("https://one.example/whole/a", "whole", "a"),
            ("https://one.example/a", "whole", "a"),
            ("https://group.example/branch/a", "branch", "a"),
            ("https://group.example/a", "group", "a"),
        ] {
            let address = Address { tenant: tenant.to_owned(), local_id: id.to_owned() };
            assert_eq!(addresses.place(iri), Place::Object(address), "{iri}");
        }
        assert_eq!(addresses.place("https://one.example/airline/nested/a"), Place::Malformed);
    }

    #[test]
    fn outward_is_the_mirror_of_inward() {
        let addresses = addresses();
        for iri in [
            "https://one.example/airline/logistics-objects/a.b",
            "https://one.example/airline/logistics-objects/acl",
            "https://one.example/airline/logistics-objects/",
            "https://one.example/airline/logistics-objects/logistics-objects/a",
            "https://one.example/airline/x/logistics-objects/a",
            "https://one.example/other/logistics-objects/a",
        ] {
            assert_eq!(addresses.outward(&addresses.inward(iri)), iri);
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

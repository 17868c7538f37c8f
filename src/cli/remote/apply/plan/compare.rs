use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Map, Value};

/// A member that changes.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cli::remote::apply) struct Change {
    pub(in crate::cli::remote::apply) member: String,
    pub(in crate::cli::remote::apply) before: Value,
    pub(in crate::cli::remote::apply) after: Value,
}

/// The members of `wanted` that mean something else in `document`; `servers` resolve audiences that are named by id.
pub(super) fn changes(document: &Value, wanted: &Map<String, Value>, servers: &[Value]) -> Vec<Change> {
    let differs =
        |(member, wanted): &(&String, &Value)| !is_same(member, &document[member.as_str()], wanted, servers);
    let change = |(member, wanted): (&String, &Value)| Change {
        member: member.clone(),
        before: document[member.as_str()].clone(),
        after: wanted.clone(),
    };
    wanted.iter().filter(differs).map(change).collect()
}

fn is_same(member: &str, now: &Value, wanted: &Value, servers: &[Value]) -> bool {
    match member {
        // In whatever order.
        "scopes" => !now.is_null() && set(now, str::to_owned) == set(wanted, str::to_owned),
        "allowed_addresses" => set(now, canonical) == set(wanted, canonical),
        // The first one is the default: their order means something.
        "audiences" => list(now, servers) == list(wanted, servers),
        // None of them stands before another.
        "introspects" => {
            let unordered = |value| list(value, servers).into_iter().collect::<BTreeSet<_>>();
            unordered(now) == unordered(wanted)
        }
        _ => now == wanted,
    }
}

fn set(value: &Value, read: fn(&str) -> String) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(read).collect()
}

/// Resource servers by identifier, as the API shows them, though it takes ids, too.
fn list(value: &Value, servers: &[Value]) -> Vec<String> {
    let identifier = |name: &str| {
        let server = servers.iter().find(|server| server["id"] == name);
        server.and_then(|server| server["identifier"].as_str()).unwrap_or(name).to_owned()
    };
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(identifier).collect()
}

/// An address alone is the network with nothing else in it.
fn canonical(text: &str) -> String {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(a, prefix)| (a, Some(prefix)));
    let Ok(address) = address.parse::<IpAddr>() else { return text.to_owned() };
    let longest = if address.is_ipv4() { "32" } else { "128" };
    format!("{address}/{}", prefix.unwrap_or(longest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changed(document: &Value, wanted: &Value) -> Vec<String> {
        let servers = [json!({"id": "01R", "identifier": "https://record.example"})];
        let changes = changes(document, wanted.as_object().unwrap(), &servers);
        changes.into_iter().map(|change| change.member).collect()
    }

    #[test]
    fn what_means_the_same_is_no_change() {
        for (now, wanted) in [
            (json!({"scopes": ["a", "b"]}), json!({"scopes": ["b", "a"]})),
            (json!({"audiences": ["https://record.example"]}), json!({"audiences": ["01R"]})),
            (json!({"introspects": ["https://record.example", "x"]}), json!({"introspects": ["x", "01R"]})),
            (json!({"allowed_addresses": ["192.0.2.7"]}), json!({"allowed_addresses": ["192.0.2.7/32"]})),
            (
                json!({"allowed_addresses": ["2001:db8::/32"]}),
                json!({"allowed_addresses": ["2001:0db8::/32"]}),
            ),
            (json!({}), json!({"signing_alg": null})),
            (json!({"name": "a", "other": 1}), json!({"name": "a"})),
        ] {
            assert_eq!(changed(&now, &wanted), Vec::<String>::new(), "{now} {wanted}");
        }
    }

    #[test]
    fn what_means_something_else_is_one() {
        for (now, wanted) in [
            (json!({"scopes": ["a"]}), json!({"scopes": ["a", "b"]})),
            (json!({"audiences": ["x", "y"]}), json!({"audiences": ["y", "x"]})),
            (json!({"introspects": ["x"]}), json!({"introspects": []})),
            (json!({"roles": ["SHP", "FWD"]}), json!({"roles": ["FWD", "SHP"]})),
            (json!({"allowed_addresses": ["192.0.2.7/24"]}), json!({"allowed_addresses": ["192.0.2.7"]})),
            (json!({"signing_alg": "RS256"}), json!({"signing_alg": null})),
            (json!({"require_bound_tokens": true}), json!({"require_bound_tokens": false})),
            (json!(null), json!({"scopes": []})),
        ] {
            assert_eq!(changed(&now, &wanted).len(), 1, "{now} {wanted}");
        }
    }
}

use serde_json::{Value, json};

use super::{Action, Change, Collection, Owner, Step, Steps, Subject, Todo, text};
use crate::cli::remote::apply::file::{DesiredClient, DesiredParticipant};
use crate::cli::remote::apply::state::KnownClient;
use crate::registry::{CredentialStatus, Status};

/// Plans the clients of a participant.
pub(super) fn plan(
    participant: &DesiredParticipant,
    owner: &Owner,
    known: &[KnownClient],
    servers: &[Value],
    steps: &mut Steps,
    faults: &mut Vec<String>,
) {
    for wanted in &participant.clients {
        let subject = subject(participant, &wanted.name);
        match find(&subject, &wanted.name, known) {
            Err(fault) => faults.push(fault),
            Ok(None) => {
                subject.missing(Collection::Clients(owner.clone()), body(wanted), wanted.status, steps);
            }
            Ok(Some(found)) => {
                subject.registered(&found.document, &wanted.members, wanted.status, servers, steps);
                keys(&subject, found, wanted, steps);
                faults.extend(other_method(&subject, found, wanted));
            }
        }
    }
    if !participant.prune || participant.status == Some(Status::Disabled) {
        return;
    }
    let is_surplus = |known: &&KnownClient| {
        is_active(known) && !participant.clients.iter().any(|wanted| known.document["name"] == *wanted.name)
    };
    for surplus in known.iter().filter(is_surplus) {
        let subject = subject(participant, &text(&surplus.document, "name"));
        let path = vec!["clients".to_owned(), text(&surplus.document, "client_id")];
        steps.first.push(subject.switch(Action::Disable, path, &surplus.document));
    }
}

fn subject(participant: &DesiredParticipant, name: &str) -> Subject {
    let name = format!("{name} of {}", participant.iol_identifier);
    Subject { kind: "client", name, collection: "clients", id: "client_id" }
}

fn is_active(known: &KnownClient) -> bool {
    known.document["status"] == Status::Active.as_str()
}

/// The one client of that name: the active one, else the disabled one.
fn find<'k>(
    subject: &Subject,
    name: &str,
    known: &'k [KnownClient],
) -> Result<Option<&'k KnownClient>, String> {
    let named: Vec<&KnownClient> = known.iter().filter(|known| known.document["name"] == *name).collect();
    let active: Vec<&KnownClient> = named.iter().copied().filter(|known| is_active(known)).collect();
    match (active.as_slice(), named.as_slice()) {
        ([one], _) | ([], [one]) => Ok(Some(one)),
        ([], []) => Ok(None),
        _ => Err(format!(
            "there are several clients {}, and which one is meant cannot be told: give the others another name with \
             carnet client set",
            subject.name
        )),
    }
}

/// A sentence, when the file wants another method than the client has: that is one of the few things about it that
/// never change.
fn other_method(subject: &Subject, found: &KnownClient, wanted: &DesiredClient) -> Option<String> {
    let method = text(&found.document, "token_endpoint_auth_method");
    (wanted.says_method && method != wanted.method.as_str()).then(|| {
        format!(
            "client {} authenticates by {method}, and how a client authenticates cannot be changed: register another \
             one under another name",
            subject.name
        )
    })
}

fn body(wanted: &DesiredClient) -> serde_json::Map<String, Value> {
    // What is new has the default already; only the name of another one needs saying.
    let mut body: serde_json::Map<String, Value> = wanted
        .members
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect();
    body.insert("name".to_owned(), json!(wanted.name));
    body.insert("token_endpoint_auth_method".to_owned(), json!(wanted.method));
    if let Some(jwks) = &wanted.jwks {
        body.insert("jwks".to_owned(), jwks.clone());
    }
    body
}

/// Plans keys that are not registered yet. One that was revoked stays so, and none is taken away: a key that is still
/// in use elsewhere would stop tokens.
fn keys(subject: &Subject, found: &KnownClient, wanted: &DesiredClient, steps: &mut Steps) {
    let wanted = wanted.jwks.as_ref().and_then(|set| set["keys"].as_array()).into_iter().flatten();
    let mut new = Vec::new();
    for key in wanted {
        match found.keys.iter().find(|held| is_same_key(&held["jwk"], key)) {
            None => new.push(key.clone()),
            Some(held) if held["status"] == CredentialStatus::Revoked.as_str() => steps.notes.push(format!(
                "key {} of {} is revoked, for ever: take it out of the file",
                text(held, "kid"),
                subject.name
            )),
            Some(_) => {}
        }
    }
    if new.is_empty() {
        return;
    }
    let kids: Vec<&str> = new.iter().filter_map(|key| key["kid"].as_str()).collect();
    let change = Change { member: "kid".to_owned(), before: Value::Null, after: json!(kids) };
    let collection = Collection::Keys(text(&found.document, "client_id"));
    let todo = Todo::Make { collection, body: json!({ "jwks": { "keys": new } }) };
    let name = subject.name.clone();
    steps.then.push(Step { action: Action::Create, kind: "key", name, changes: vec![change], todo });
}

/// Whether two JWKs are one key: the members over which its thumbprint is made (RFC 7638 §3.2, RFC 8037 §2).
fn is_same_key(one: &Value, other: &Value) -> bool {
    ["kty", "crv", "x", "y", "n", "e"].iter().all(|member| one[member] == other[member])
}

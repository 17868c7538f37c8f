use serde_json::{Value, json};

use super::{Action, Change, Collection, Owner, State, Step, Steps, Subject, Todo, client, text};
use crate::cli::remote::apply::file::DesiredParticipant;
use crate::cli::remote::apply::state::KnownParticipant;
use crate::registry::{OneRecordIdStatus, Status};

const KIND: &str = "identifier";

/// Plans a participant and what hangs on it.
pub(super) fn plan(wanted: &DesiredParticipant, state: &State, steps: &mut Steps, faults: &mut Vec<String>) {
    let name = wanted.iol_identifier.clone();
    let subject = Subject { kind: "participant", name, collection: "participants", id: "id" };
    let is_own = |known: &&KnownParticipant| known.document["iol_identifier"] == *wanted.iol_identifier;
    let Some(known) = state.participants.iter().find(is_own) else {
        let mut body = wanted.members.clone();
        body.insert("iol_identifier".to_owned(), json!(wanted.iol_identifier));
        if subject.missing(Collection::Participants, body, wanted.status, steps) {
            let owner = Owner::Planned(wanted.iol_identifier.clone());
            for uri in &wanted.identifiers {
                steps.then.push(addition(&owner, uri));
            }
            client::plan(wanted, &owner, &[], &state.resource_servers, steps, faults);
        }
        return;
    };
    subject.registered(&known.document, &wanted.members, wanted.status, &[], steps);
    let owner = Owner::Registered(text(&known.document, "id"));
    identifiers(wanted, known, &owner, steps);
    client::plan(wanted, &owner, &known.clients, &state.resource_servers, steps, faults);
}

fn identifiers(wanted: &DesiredParticipant, known: &KnownParticipant, owner: &Owner, steps: &mut Steps) {
    for uri in &wanted.identifiers {
        match known.identifiers.iter().find(|held| held["uri"] == **uri) {
            None => steps.then.push(addition(owner, uri)),
            Some(held) => {
                if held["status"] != OneRecordIdStatus::Approved.as_str() {
                    steps.notes.push(format!(
                        "{KIND} {uri} is {} and stays so: carnet identifier resume gives it back",
                        text(held, "status")
                    ));
                }
                steps.then.push(Step {
                    action: Action::Unchanged,
                    kind: KIND,
                    name: uri.clone(),
                    changes: Vec::new(),
                    todo: Todo::Nothing,
                });
            }
        }
    }
    if !wanted.prune || wanted.status == Some(Status::Disabled) {
        return;
    }
    let is_surplus = |held: &&Value| {
        let uri = held["uri"].as_str().unwrap_or_default();
        // The main one is not the file's to withdraw: it is the name under which the file knows the participant.
        held["status"] == OneRecordIdStatus::Approved.as_str()
            && held["main"] != true
            && uri != wanted.iol_identifier
            && !wanted.identifiers.iter().any(|wanted| wanted == uri)
    };
    for held in known.identifiers.iter().filter(is_surplus) {
        steps.last.push(suspension(owner, &text(held, "uri")));
    }
}

fn addition(owner: &Owner, uri: &str) -> Step {
    let body = json!({ "uri": uri, "main": false });
    let change = Change { member: "uri".to_owned(), before: Value::Null, after: json!(uri) };
    let todo = Todo::Make { collection: Collection::Identifiers(owner.clone()), body };
    Step { action: Action::Create, kind: KIND, name: uri.to_owned(), changes: vec![change], todo }
}

fn suspension(owner: &Owner, uri: &str) -> Step {
    let (Owner::Registered(id) | Owner::Planned(id)) = owner;
    let change = Change {
        member: "status".to_owned(),
        before: json!(OneRecordIdStatus::Approved),
        after: json!(OneRecordIdStatus::Suspended),
    };
    let path = vec!["participants".to_owned(), id.clone(), "identifiers".to_owned()];
    let todo = Todo::Switch { path, verb: "suspend", seen: None, body: Some(json!({ "uri": uri })) };
    Step { action: Action::Disable, kind: KIND, name: uri.to_owned(), changes: vec![change], todo }
}

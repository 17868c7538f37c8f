//! What has to be done so that the server has what the file says. Pure: a file and a state go in, steps come out.
//!
//! The rules, for docs/commands.md has them in full: what the file does not say stays as it is; nothing that was
//! withdrawn comes back unless the file says `status = "active"`; nothing is deleted, and withdrawn is only what the
//! file names, or what hangs on a participant with `prune = true`.

mod client;
mod compare;
mod participant;

use serde_json::{Map, Value, json};

pub(super) use self::compare::Change;
use self::compare::changes;
use super::file::{Desired, DesiredResourceServer};
use super::state::State;
use crate::registry::Status;

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Update,
    Enable,
    Disable,
    Unchanged,
}

impl Action {
    pub(super) const ALL: [Self; 5] =
        [Self::Create, Self::Update, Self::Enable, Self::Disable, Self::Unchanged];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Unchanged => "unchanged",
        }
    }
}

/// One step: what is done, to what, what changes by it, and the request that does it.
#[derive(Debug, PartialEq)]
pub(super) struct Step {
    pub(super) action: Action,
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) changes: Vec<Change>,
    pub(super) todo: Todo,
}

/// The request of a step.
#[derive(Debug, PartialEq)]
pub(super) enum Todo {
    Nothing,
    /// POST to a collection.
    Make {
        collection: Collection,
        body: Value,
    },
    /// PATCH of what the plan saw.
    Change {
        path: Vec<String>,
        seen: Value,
        body: Value,
    },
    /// POST of a verb below what the plan saw, if it has an address of its own.
    Switch {
        path: Vec<String>,
        verb: &'static str,
        seen: Option<Value>,
        body: Option<Value>,
    },
}

/// Where something new goes.
#[derive(Debug, PartialEq)]
pub(super) enum Collection {
    ResourceServers,
    Participants,
    Identifiers(Owner),
    Clients(Owner),
    /// The keys of the client with this id.
    Keys(String),
}

/// The participant on which something hangs.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Owner {
    /// By its id.
    Registered(String),
    /// By its main ONE Record ID: an earlier step makes it.
    Planned(String),
}

/// The steps, in the order in which they are done, and what people should know beside them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) notes: Vec<String>,
}

impl Plan {
    /// The steps that change something.
    pub(super) fn pending(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.action != Action::Unchanged)
    }

    /// How many clients a secret is made for.
    pub(super) fn secrets(&self) -> usize {
        self.steps.iter().filter(|step| step.todo.makes_secret()).count()
    }
}

impl Todo {
    /// The ONE Record ID that a client gets by it.
    pub(super) fn one_record_id(&self) -> Option<&str> {
        match self {
            Self::Make { body, .. } | Self::Change { body, .. } => body["one_record_id"].as_str(),
            Self::Nothing | Self::Switch { .. } => None,
        }
    }

    pub(super) fn makes_secret(&self) -> bool {
        match self {
            Self::Make { collection: Collection::Clients(_), body } => {
                body["token_endpoint_auth_method"] != "private_key_jwt"
            }
            _ => false,
        }
    }
}

/// Steps that wait for their place.
#[derive(Debug, Default)]
struct Steps {
    /// What is withdrawn depends on nothing, and must not wait for what may fail.
    first: Vec<Step>,
    then: Vec<Step>,
    /// An identifier is suspended when no client is registered for it any more.
    last: Vec<Step>,
    notes: Vec<String>,
}

/// Compares what shall be with what is.
///
/// # Errors
/// Sentences, when it is not clear what the file means: nothing may be done then.
pub(super) fn plan(desired: &Desired, state: &State) -> Result<Plan, Vec<String>> {
    let (mut steps, mut faults) = (Steps::default(), Vec::new());
    for server in &desired.resource_servers {
        resource_server(server, state, &mut steps);
    }
    for wanted in &desired.participants {
        participant::plan(wanted, state, &mut steps, &mut faults);
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let Steps { mut first, then, last, notes } = steps;
    first.extend(then);
    first.extend(last);
    Ok(Plan { steps: first, notes })
}

fn resource_server(wanted: &DesiredResourceServer, state: &State, steps: &mut Steps) {
    let name = wanted.identifier.clone();
    let found = state.resource_servers.iter().find(|server| server["identifier"] == *name);
    let subject = Subject { kind: "resource server", name, collection: "resource-servers", id: "id" };
    let Some(document) = found else {
        let mut body = wanted.members.clone();
        body.insert("identifier".to_owned(), json!(wanted.identifier));
        subject.missing(Collection::ResourceServers, body, wanted.status, steps);
        return;
    };
    subject.registered(document, &wanted.members, wanted.status, &[], steps);
}

/// Something with members and a status, by which name people know it, and where the API keeps it.
struct Subject {
    kind: &'static str,
    name: String,
    collection: &'static str,
    /// The member that is its id.
    id: &'static str,
}

impl Subject {
    /// Plans something that is there already; `servers` resolve audiences.
    fn registered(
        &self,
        document: &Value,
        members: &Map<String, Value>,
        status: Option<Status>,
        servers: &[Value],
        steps: &mut Steps,
    ) {
        let path = vec![self.collection.to_owned(), text(document, self.id)];
        let changes = changes(document, members, servers);
        let is_disabled = document["status"] == Status::Disabled.as_str();
        let body: Map<String, Value> = changes
            .iter()
            .filter_map(|change| Some((change.member.clone(), members.get(&change.member)?.clone())))
            .collect();
        let mut is_unchanged = true;
        if status == Some(Status::Disabled) && !is_disabled {
            steps.first.push(self.switch(Action::Disable, path.clone(), document));
            is_unchanged = false;
        }
        if !changes.is_empty() {
            let todo = Todo::Change { path: path.clone(), seen: document.clone(), body: body.into() };
            steps.then.push(self.step(Action::Update, changes, todo));
            is_unchanged = false;
        }
        if status == Some(Status::Active) && is_disabled {
            steps.then.push(self.switch(Action::Enable, path, document));
            is_unchanged = false;
        }
        if status.is_none() && is_disabled {
            steps.notes.push(format!(
                "{} {} is disabled and stays so: say status = \"active\" to enable it",
                self.kind, self.name
            ));
        }
        if is_unchanged {
            steps.then.push(self.step(Action::Unchanged, Vec::new(), Todo::Nothing));
        }
    }

    /// Plans something that is not there yet, and says whether it will be.
    fn missing(
        &self,
        collection: Collection,
        body: Map<String, Value>,
        status: Option<Status>,
        steps: &mut Steps,
    ) -> bool {
        if status == Some(Status::Disabled) {
            // What shall not work and is not there is as it shall be.
            steps.then.push(self.step(Action::Unchanged, Vec::new(), Todo::Nothing));
            return false;
        }
        let changes = changes(&Value::Null, &body, &[]);
        let todo = Todo::Make { collection, body: body.into() };
        steps.then.push(self.step(Action::Create, changes, todo));
        true
    }

    /// Plans to withdraw something, or to give it back.
    fn switch(&self, action: Action, path: Vec<String>, seen: &Value) -> Step {
        let (verb, after) = match action {
            Action::Enable => ("enable", Status::Active),
            _ => ("disable", Status::Disabled),
        };
        let before = if after == Status::Active { Status::Disabled } else { Status::Active };
        let change = Change { member: "status".to_owned(), before: json!(before), after: json!(after) };
        self.step(action, vec![change], Todo::Switch { path, verb, seen: Some(seen.clone()), body: None })
    }

    fn step(&self, action: Action, changes: Vec<Change>, todo: Todo) -> Step {
        Step { action, kind: self.kind, name: self.name.clone(), changes, todo }
    }
}

fn text(document: &Value, member: &str) -> String {
    document[member].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;

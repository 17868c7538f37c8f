use super::super::file::{DesiredClient, DesiredParticipant};
use super::super::state::{KnownClient, KnownParticipant};
use super::*;
use crate::registry::TokenEndpointAuthMethod;

const AIRLINE: &str = "https://1r.example/airline";
const CARGO: &str = "https://1r.example/airline-cargo";
const RECORD: &str = "https://record.example";

fn members(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn wanted_server() -> DesiredResourceServer {
    DesiredResourceServer {
        identifier: RECORD.to_owned(),
        members: members(&json!({"name": "Record"})),
        status: None,
    }
}

fn wanted_client(name: &str) -> DesiredClient {
    DesiredClient {
        name: name.to_owned(),
        method: TokenEndpointAuthMethod::ClientSecretBasic,
        says_method: false,
        members: members(&json!({"require_bound_tokens": false})),
        jwks: None,
        status: None,
    }
}

fn wanted_airline() -> DesiredParticipant {
    DesiredParticipant {
        iol_identifier: AIRLINE.to_owned(),
        members: members(&json!({"name": "Airline", "roles": ["CAR"]})),
        identifiers: vec![CARGO.to_owned()],
        status: None,
        prune: false,
        clients: vec![wanted_client("booking")],
    }
}

fn server() -> Value {
    json!({"id": "01R", "identifier": RECORD, "name": "Record", "status": "active"})
}

fn client(name: &str, status: &str) -> KnownClient {
    let document = json!({
        "client_id": format!("01C{name}"),
        "name": name,
        "status": status,
        "token_endpoint_auth_method": "client_secret_basic",
        "require_bound_tokens": false,
    });
    KnownClient { document, keys: Vec::new() }
}

fn identifier(uri: &str, main: bool) -> Value {
    json!({"uri": uri, "main": main, "status": "approved"})
}

fn airline(clients: Vec<KnownClient>) -> KnownParticipant {
    KnownParticipant {
        document: json!({"id": "01P", "iol_identifier": AIRLINE, "name": "Airline", "roles": ["CAR"], "status": "active"}),
        identifiers: vec![identifier(AIRLINE, true), identifier(CARGO, false)],
        clients,
    }
}

fn everything() -> Desired {
    Desired { resource_servers: vec![wanted_server()], participants: vec![wanted_airline()] }
}

fn as_wanted() -> State {
    State { resource_servers: vec![server()], participants: vec![airline(vec![client("booking", "active")])] }
}

/// Each step as `action kind name`.
fn steps(desired: &Desired, state: &State) -> Vec<String> {
    let plan = plan(desired, state).unwrap();
    plan.pending().map(|step| format!("{} {} {}", step.action.as_str(), step.kind, step.name)).collect()
}

#[test]
fn on_an_empty_server_everything_is_made_in_the_order_of_its_needs() {
    assert_eq!(
        steps(&everything(), &State::default()),
        [
            format!("create resource server {RECORD}"),
            format!("create participant {AIRLINE}"),
            format!("create identifier {CARGO}"),
            format!("create client booking of {AIRLINE}"),
        ]
    );
    let plan = plan(&everything(), &State::default()).unwrap();
    assert_eq!(plan.secrets(), 1);
    let Todo::Make { collection, body } = &plan.steps[3].todo else { panic!("{:?}", plan.steps[3]) };
    assert_eq!(*collection, Collection::Clients(Owner::Planned(AIRLINE.to_owned())));
    assert_eq!(
        *body,
        json!({"require_bound_tokens": false, "name": "booking", "token_endpoint_auth_method": "client_secret_basic"})
    );
}

#[test]
fn what_is_as_it_shall_be_is_left_alone() {
    let plan = plan(&everything(), &as_wanted()).unwrap();
    assert_eq!((plan.pending().count(), plan.steps.len(), plan.notes.len()), (0, 4, 0));
}

#[test]
fn a_change_has_its_before_and_after_and_only_what_differs_is_sent() {
    let mut desired = everything();
    desired.participants[0].members.insert("roles".to_owned(), json!(["CAR", "GHA"]));
    let plan = plan(&desired, &as_wanted()).unwrap();
    let step = plan.pending().next().unwrap();
    assert_eq!(
        step.changes,
        [Change { member: "roles".to_owned(), before: json!(["CAR"]), after: json!(["CAR", "GHA"]) }]
    );
    let Todo::Change { path, seen, body } = &step.todo else { panic!("{step:?}") };
    assert_eq!((path.join("/"), body), ("participants/01P".to_owned(), &json!({"roles": ["CAR", "GHA"]})));
    assert_eq!(*seen, as_wanted().participants[0].document);
}

#[test]
fn without_prune_what_the_file_does_not_name_is_left_alone() {
    let mut state = as_wanted();
    state.participants[0].clients.push(client("old", "active"));
    state.participants[0].identifiers.push(identifier("https://1r.example/airline-mail", false));
    assert_eq!(steps(&everything(), &state), Vec::<String>::new());
}

#[test]
fn prune_withdraws_clients_first_and_identifiers_last_and_never_the_main_one() {
    let mut desired = everything();
    desired.participants[0].prune = true;
    desired.participants[0].members.insert("name".to_owned(), json!("Airline 2"));
    let mut state = as_wanted();
    state.participants[0].clients.extend([client("old", "active"), client("older", "disabled")]);
    state.participants[0].identifiers.push(identifier("https://1r.example/airline-mail", false));
    assert_eq!(
        steps(&desired, &state),
        [
            format!("disable client old of {AIRLINE}"),
            format!("update participant {AIRLINE}"),
            "disable identifier https://1r.example/airline-mail".to_owned(),
        ]
    );
    let plan = plan(&desired, &state).unwrap();
    let Todo::Switch { path, verb, seen, body } = &plan.steps.last().unwrap().todo else {
        panic!("{plan:?}")
    };
    assert_eq!((path.join("/").as_str(), *verb), ("participants/01P/identifiers", "suspend"));
    assert_eq!((seen, body), (&None, &Some(json!({"uri": "https://1r.example/airline-mail"}))));
}

#[test]
fn nothing_that_was_withdrawn_comes_back_unless_the_file_says_so() {
    let mut state = as_wanted();
    state.participants[0].clients = vec![client("booking", "disabled")];
    state.participants[0].identifiers[1]["status"] = json!("suspended");
    let kept = plan(&everything(), &state).unwrap();
    assert_eq!(kept.pending().count(), 0);
    assert!(kept.notes.iter().any(|note| note.contains("is disabled and stays so")), "{:?}", kept.notes);
    assert!(kept.notes.iter().any(|note| note.contains("is suspended and stays so")), "{:?}", kept.notes);
    let mut desired = everything();
    desired.participants[0].clients[0].status = Some(Status::Active);
    assert_eq!(steps(&desired, &state), [format!("enable client booking of {AIRLINE}")]);
}

#[test]
fn what_shall_be_disabled_is_disabled_first_and_is_not_made_for_that() {
    let mut desired = everything();
    desired.participants[0].status = Some(Status::Disabled);
    desired.participants[0].members.insert("name".to_owned(), json!("Airline 2"));
    assert_eq!(
        steps(&desired, &as_wanted()),
        [format!("disable participant {AIRLINE}"), format!("update participant {AIRLINE}")]
    );
    let nothing_there = State { resource_servers: vec![server()], participants: Vec::new() };
    assert_eq!(steps(&desired, &nothing_there), Vec::<String>::new());
}

#[test]
fn two_clients_of_one_name_are_not_guessed_at() {
    let mut state = as_wanted();
    let twice = |first: &str, second: &str| vec![client("booking", first), client("booking", second)];
    state.participants[0].clients = twice("active", "disabled");
    assert_eq!(steps(&everything(), &state), Vec::<String>::new());
    for statuses in [("active", "active"), ("disabled", "disabled")] {
        state.participants[0].clients = twice(statuses.0, statuses.1);
        let faults = plan(&everything(), &state).unwrap_err();
        assert!(faults[0].contains("several clients booking of"), "{faults:?}");
    }
}

#[test]
fn another_method_of_authentication_is_a_fault() {
    let mut desired = everything();
    let client = &mut desired.participants[0].clients[0];
    (client.says_method, client.method) = (true, TokenEndpointAuthMethod::ClientSecretPost);
    let faults = plan(&desired, &as_wanted()).unwrap_err();
    assert!(faults[0].contains("authenticates by client_secret_basic"), "{faults:?}");
}

#[test]
fn only_keys_that_were_never_registered_are_added() {
    let key = |kid: &str, x: &str| json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": "y"});
    let mut desired = everything();
    desired.participants[0].clients[0].jwks =
        Some(json!({"keys": [key("a", "1"), key("b", "2"), key("c", "3")]}));
    let mut state = as_wanted();
    state.participants[0].clients[0].keys = vec![
        json!({"kid": "a", "status": "active", "jwk": key("another name", "1")}),
        json!({"kid": "b", "status": "revoked", "jwk": key("b", "2")}),
    ];
    let plan = plan(&desired, &state).unwrap();
    let step = plan.pending().next().unwrap();
    assert_eq!(step.changes[0].after, json!(["c"]));
    assert_eq!(
        step.todo,
        Todo::Make {
            collection: Collection::Keys("01Cbooking".to_owned()),
            body: json!({"jwks": {"keys": [key("c", "3")]}}),
        }
    );
    assert!(plan.notes[0].contains("key b of booking"), "{:?}", plan.notes);
    assert_eq!((plan.pending().count(), plan.secrets()), (1, 0));
}

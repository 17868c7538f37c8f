//! Commands that change what is registered.

use serde_json::{Value, json as value};

use super::{LIMIT, command, json, table, text};
use crate::harness::iap::Iap;
use crate::harness::within;

#[test]
fn a_participant_is_changed_and_only_where_it_was_said() {
    let iap = Iap::start();
    let id = iap.participant("airline", "CAR").id;
    let changed =
        json(&iap, &["participant", "set", &id, "--name", "Airline 2", "--role", "GHA", "--role", "CAR"]);
    assert_eq!((text(&changed, "name"), &changed["roles"]), ("Airline 2", &value!(["GHA", "CAR"])));
    assert_eq!(text(&changed, "iol_identifier"), "https://onerecord.example/airline");
    let cargo = "https://onerecord.example/airline-cargo";
    table(&iap, &["identifier", "add", &id, cargo]);
    let changed = json(&iap, &["participant", "set", &id, "--iol-identifier", cargo]);
    assert_eq!(text(&changed, "iol_identifier"), cargo);
    assert!(table(&iap, &["participant", "show", &id]).contains("Airline 2"));
}

#[test]
fn a_wrong_change_of_a_participant_names_the_flag_and_changes_nothing() {
    let iap = Iap::start();
    let id = iap.participant("airline", "CAR").id;
    let before = json(&iap, &["participant", "show", &id]);
    let foreign = "https://onerecord.example/nobody";
    for (flags, word) in [
        (&["--role", "CAR", "--role", "XYZ"][..], "--role number 2"),
        (&["--name", " "], "--name"),
        (&["--iol-identifier", foreign], "--iol-identifier"),
        (&["--logistics-agent-uri", "HTTPS://x"], "--logistics-agent-uri"),
    ] {
        let ended = command(&iap, &[&["participant", "set", &id], flags].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{flags:?}");
        assert!(ended.stderr.contains(word), "{flags:?}: {}", ended.stderr);
    }
    let nothing = command(&iap, &["participant", "set", &id]);
    assert_eq!(nothing.code, Some(2));
    assert!(nothing.stderr.contains("nothing to set"), "{}", nothing.stderr);
    assert_eq!(json(&iap, &["participant", "show", &id]), before);
}

#[test]
fn a_client_is_changed_and_taken_back_to_the_default() {
    let iap = Iap::start();
    let client = iap.client(&iap.participant("airline", "CAR"), value!({}));
    let set = ["client", "set", &client.client_id];
    let flags = ["--access-token-lifetime", "5m", "--signing-alg", "ES256", "--scope", "events:write"];
    let changed = json(&iap, &[&set[..], &flags].concat());
    assert_eq!((&changed["access_token_lifetime"], text(&changed, "signing_alg")), (&value!(300), "ES256"));
    within(LIMIT, "the new lifetime", || {
        let answer = iap.ask(&client, &[]).expect(200).json();
        (answer["expires_in"] == 300 && answer["scope"] == "events:write").then_some(())
    });
    let back = ["--access-token-lifetime", "default", "--signing-alg", "default", "--scope", "default"];
    let changed = json(&iap, &[&set[..], &back].concat());
    assert_eq!((&changed["access_token_lifetime"], &changed["signing_alg"]), (&Value::Null, &Value::Null));
    assert_eq!(changed["scopes"].as_array().unwrap().len(), 3);
}

#[test]
fn a_wrong_change_of_a_client_names_the_flag() {
    let iap = Iap::start();
    let client = iap.client(&iap.participant("airline", "CAR"), value!({}));
    for (flags, code, word) in [
        (["--access-token-lifetime", "1d"], 1, "--access-token-lifetime"),
        (["--access-token-lifetime", "soon"], 2, "--access-token-lifetime"),
        (["--signing-alg", "none"], 2, "--signing-alg"),
        (["--scope", "admin:write"], 1, "--scope"),
        (["--audience", "https://nobody.example"], 1, "--audience"),
        (["--one-record-id", "https://nobody.example/x"], 1, "--one-record-id"),
    ] {
        let ended = command(&iap, &[&["client", "set", &client.client_id][..], &flags].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{flags:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(word), "{flags:?}: {}", ended.stderr);
    }
}

#[test]
fn an_identifier_is_suspended_and_resumed() {
    let iap = Iap::start();
    let id = iap.participant("airline", "CAR").id;
    let cargo = "https://onerecord.example/airline-cargo";
    table(&iap, &["identifier", "add", &id, cargo]);
    assert_eq!(text(&json(&iap, &["identifier", "suspend", &id, cargo]), "status"), "suspended");
    assert!(table(&iap, &["identifier", "list", &id]).contains("suspended"));
    assert_eq!(text(&json(&iap, &["identifier", "resume", &id, cargo]), "status"), "approved");
    // Its older name.
    assert!(table(&iap, &["participant", "identifier", "list", &id]).contains(cargo));
    let ended = command(&iap, &["identifier", "suspend", &id, "https://onerecord.example/nobody"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("URI: "), "{}", ended.stderr);
}

#[test]
fn a_resource_server_is_withdrawn_and_given_back() {
    let iap = Iap::start();
    let client = iap.client(&iap.participant("airline", "CAR"), value!({}));
    let servers = json(&iap, &["resource", "list"]);
    let id = text(&servers["items"][0], "id");
    iap.token(&client, &[]);
    assert_eq!(text(&json(&iap, &["resource", "disable", id]), "status"), "disabled");
    within(LIMIT, "no token for it", || (iap.ask(&client, &[]).status == 400).then_some(()));
    assert_eq!(text(&json(&iap, &["resource", "enable", id]), "status"), "active");
    within(LIMIT, "tokens for it again", || (iap.ask(&client, &[]).status == 200).then_some(()));
}

//! Tokens with which machines register, tokens that are taken back, and machines that ask about them.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json as value};

use super::{LIMIT, command, json, table, text};
use crate::harness::http::Request;
use crate::harness::iap::{Client, Iap};
use crate::harness::{token, within};

#[test]
fn a_machine_registers_with_a_token_made_by_command() {
    let iap = Iap::start();
    let id = iap.participant("airline", "CAR").id;
    let group = ["participant", "initial-access-token"];
    let file = iap.folder().join("token");
    let out = ["--uses", "2", "--expires-in", "1d", "--secret-out", file.to_str().unwrap()];
    let made = table(&iap, &[&group[..], &["add", &id], &out].concat());
    let secret = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!made.contains(secret.trim()) && !made.contains("Store the"), "{made}");
    let again = command(&iap, &[&group[..], &["add", &id], &out].concat());
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    assert!(
        table(&iap, &[&group[..], &["add", &id]].concat()).contains("Store the initial_access_token now")
    );

    let metadata = Request::get(&format!("{}/.well-known/oauth-authorization-server", iap.issuer())).send();
    let endpoint = text(&metadata.expect(200).json(), "registration_endpoint").to_owned();
    let register = || {
        let machine = value!({"client_name": "gate", "token_endpoint_auth_method": "client_secret_basic"});
        Request::post(&endpoint).bearer(secret.trim()).json(&machine).send().status
    };
    assert_eq!(register(), 201);
    let list = json(&iap, &[&group[..], &["list", &id]].concat());
    let token = &list["items"][0];
    assert_eq!((&token["used"], &token["uses"], text(token, "status")), (&1.into(), &2.into(), "active"));
    let revoked = json(&iap, &[&group[..], &["revoke", &id, text(token, "id")]].concat());
    assert_eq!(text(&revoked, "status"), "revoked");
    assert_eq!(register(), 401);

    let refused = command(&iap, &[&group[..], &["add", &id, "--uses", "0"]].concat());
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("--uses"), "{}", refused.stderr);
}

#[test]
fn tokens_are_taken_back_by_command_and_the_machine_that_may_ask_sees_it() {
    let iap = Iap::start();
    let participant = iap.participant("airline", "CAR");
    let client = iap.client(&participant, value!({}));
    let audience = iap.default_audience();
    let file = iap.folder().join("secret");
    let add = ["client", "add", "--participant", &participant.id, "--name", "record server"];
    let made = json(
        &iap,
        &[&add[..], &["--introspects", &audience, "--secret-out"], &[file.to_str().unwrap()]].concat(),
    );
    assert_eq!((&made["introspects"], made.get("client_secret")), (&value!([audience]), None));
    let secret = std::fs::read_to_string(&file).unwrap().trim_end().to_owned();
    let server = Client { client_id: text(&made, "client_id").to_owned(), client_secret: Some(secret) };
    let asks = |token: &str| {
        Request::post(&format!("{}/introspect", iap.issuer()))
            .basic(&server.client_id, server.secret())
            .form(&[("token", token)])
            .send()
    };
    let is_active = |token: &str| asks(token).expect(200).json()["active"] == true;
    let (one, other) = (iap.token(&client, &[]), iap.token(&client, &[]));
    within(LIMIT, "both hold", || {
        (asks(&one).status == 200 && is_active(&one) && is_active(&other)).then_some(())
    });
    let jti = token::read(&one).1["jti"].as_str().unwrap().to_owned();
    assert_eq!(json(&iap, &["token", "revoke", "--jti", &jti]), value!({"jti": jti}));
    within(LIMIT, "the one is taken back", || (!is_active(&one)).then_some(()));
    assert!(is_active(&other));
    // Before everything that it got: nothing ends.
    let early = ["--issued-before", "2020-01-01T00:00:00Z"];
    table(&iap, &[&["token", "revoke", "--client", &client.client_id][..], &early].concat());
    assert!(is_active(&other));
    table(&iap, &["token", "revoke", "--client", &client.client_id]);
    within(LIMIT, "all are taken back", || (!is_active(&other)).then_some(()));

    let wrong = command(&iap, &["token", "revoke", "--client", "01ARZ3NDEKTSV4RRFFQ69G5FAV"]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("--client"), "{}", wrong.stderr);
    let late =
        command(&iap, &["token", "revoke", "--client", &client.client_id, "--issued-before", "2999-01-01"]);
    assert!(late.stderr.contains("--issued-before"), "{}", late.stderr);

    let changed = json(&iap, &["client", "set", &server.client_id, "--introspects", "default"]);
    assert_eq!(changed["introspects"], value!([]));
    within(LIMIT, "it may not ask any more", || (asks(&other).status == 400).then_some(()));
    let wrong =
        command(&iap, &["client", "set", &server.client_id, "--introspects", "https://nobody.example"]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("--introspects"), "{}", wrong.stderr);
}

#[test]
fn the_file_of_apply_says_for_whom_a_machine_speaks() {
    let iap = Iap::start();
    let file = iap.folder().join("members.toml");
    let text_of = |introspects: &str| {
        format!(
            "[[participant]]\niol_identifier = \"https://1r.example/airline\"\nname = \"Airline\"\n\
             logistics_agent_uri = \"https://1r.example/agent\"\nroles = [\"CAR\"]\n\
             [[participant.client]]\nname = \"record server\"\nintrospects = [{introspects}]\n\
             allowed_addresses = [\"127.0.0.0/8\"]\n"
        )
    };
    let audience = format!("\"{}\"", iap.default_audience());
    let secrets = iap.folder().join("secrets.jsonl");
    std::fs::write(&file, text_of(&audience)).unwrap();
    let apply = ["apply", file.to_str().unwrap(), "--yes", "--secrets-out", secrets.to_str().unwrap()];
    table(&iap, &apply);
    let client = |iap: &Iap| {
        let listed = json(iap, &["client", "list"]);
        let items = listed["items"].as_array().unwrap();
        items.iter().find(|item| item["name"] == "record server").unwrap().clone()
    };
    let made = client(&iap);
    assert_eq!(made["introspects"], value!([iap.default_audience()]));
    assert_eq!(made["allowed_addresses"], value!(["127.0.0.0/8"]));
    let again = table(&iap, &["apply", file.to_str().unwrap(), "--dry-run"]);
    assert!(!again.contains("introspects"), "{again}");
    std::fs::write(&file, text_of("")).unwrap();
    table(&iap, &["apply", file.to_str().unwrap(), "--yes"]);
    assert_eq!(client(&iap)["introspects"], Value::Array(Vec::new()));
}

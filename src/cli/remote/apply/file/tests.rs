use super::*;

const WHOLE: &str = r#"
[[resource_server]]
identifier = "https://record.example.com"
name = "Record server"
signing_alg = "ES256"

[[participant]]
iol_identifier = "https://1r.example.com/airline"
name = "Example Airline"
logistics_agent_uri = "https://1r.example.com/logistics-objects/airline"
roles = ["CAR", "GHA"]
identifiers = ["https://1r.example.com/airline-cargo"]
prune = true

[[participant.client]]
name = "booking"
require_bound_tokens = false
access_token_lifetime = "5m"
signing_alg = "default"
introspects = ["https://record.example.com"]
allowed_addresses = ["192.0.2.0/24"]
status = "active"
"#;

fn said(text: &str) -> String {
    parse(Path::new("a.toml"), text).unwrap_err().sentence().to_owned()
}

#[test]
fn a_file_says_what_shall_be_and_nothing_more() {
    let desired = parse(Path::new("a.toml"), WHOLE).unwrap();
    let server = &desired.resource_servers[0];
    assert_eq!(
        Value::Object(server.members.clone()),
        json!({"name": "Record server", "signing_alg": "ES256"})
    );
    let participant = &desired.participants[0];
    assert_eq!((participant.prune, participant.status), (true, None));
    assert_eq!(participant.identifiers, ["https://1r.example.com/airline-cargo"]);
    let client = &participant.clients[0];
    assert_eq!(
        Value::Object(client.members.clone()),
        json!({
            "require_bound_tokens": false,
            "introspects": ["https://record.example.com"],
            "access_token_lifetime": 300,
            "signing_alg": null,
            "allowed_addresses": ["192.0.2.0/24"],
        })
    );
    assert_eq!((client.status, client.says_method), (Some(Status::Active), false));
    assert_eq!(parse(Path::new("a.toml"), "").unwrap().participants, []);
}

#[test]
fn the_example_of_the_book_is_a_file_and_stands_in_it() {
    let example = include_str!("../../../../../docs/examples/members.toml");
    let page = include_str!("../../../../../docs/commands.md");
    let tables = example.split_once("\n\n").unwrap().1;
    assert!(page.contains(&format!("```toml\n{tables}```")), "the page shows another file");
    let folder = tempfile::tempdir().unwrap();
    let keys = include_str!("../../../../../docs/examples/tracking-keys.json");
    std::fs::write(folder.path().join("tracking-keys.json"), keys).unwrap();
    let desired = parse(&folder.path().join("members.toml"), example).unwrap();
    assert_eq!((desired.resource_servers.len(), desired.participants.len()), (1, 2));
    assert!(desired.participants[0].clients[1].jwks.is_some());
}

#[test]
fn a_mistake_has_a_line_a_column_and_a_name() {
    let with = |from: &str, to: &str| {
        assert!(WHOLE.contains(from), "{from}");
        said(&WHOLE.replace(from, to))
    };
    for (from, to, place, word) in [
        ("prune = true", "prun = true", "a.toml:13:1: ", "prun"),
        ("prune = true", "prune = 1", "a.toml:13:9: participant[0].prune: ", "boolean"),
        ("roles = [\"CAR\", \"GHA\"]", "roles = []", "a.toml:11:9: participant.roles: ", "is empty"),
        (
            "signing_alg = \"ES256\"",
            "signing_alg = \"none\"",
            "a.toml:5:15: resource_server[0].signing_alg: ",
            "none",
        ),
        ("\"5m\"", "\"soon\"", "a.toml:18:25: participant[0].client[0].access_token_lifetime: ", "90d"),
        ("[[resource_server]]", "[[resource_server]", "a.toml:2:", ""),
        ("name = \"booking\"\n", "", "a.toml:", "name"),
    ] {
        let said = with(from, to);
        assert!(said.starts_with(place) && said.contains(word), "{to}: {said}");
        assert!(
            said.ends_with("nothing was changed") && !said.contains('\n') && !said.contains('$'),
            "{said}"
        );
    }
}

#[test]
fn what_stands_twice_is_refused_where_it_stands_again() {
    let again = "\n[[participant]]\niol_identifier = \"https://1r.example.com/airline-cargo\"\nname = \"x\"\n\
         logistics_agent_uri = \"https://1r.example.com/x\"\nroles = [\"CAR\"]\n";
    let line = WHOLE.matches('\n').count() + 3;
    let said = said(&format!("{WHOLE}{again}"));
    assert!(said.starts_with(&format!("a.toml:{line}:18: participant.iol_identifier: ")), "{said}");
    let client = "\n[[participant.client]]\nname = \"booking\"\n";
    let said = parse(Path::new("a.toml"), &format!("{WHOLE}{client}")).unwrap_err();
    assert!(
        said.sentence().contains("participant.client.name: `booking` stands twice"),
        "{}",
        said.sentence()
    );
}

#[test]
fn keys_are_read_beside_the_file_and_private_ones_are_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    let text = format!("{WHOLE}token_endpoint_auth_method = \"private_key_jwt\"\n");
    assert!(parse(&path, &text).unwrap_err().sentence().contains("give jwks"));
    let text = format!("{text}jwks = \"keys.json\"\n");
    assert!(parse(&path, &text).unwrap_err().sentence().contains("keys.json cannot be read"));
    let keys = folder.path().join("keys.json");
    for (content, word) in [
        (json!({"kty": "EC", "d": "x"}), "private key"),
        (json!({"keys": []}), "holds no key"),
        (json!([]), "holds no key"),
    ] {
        std::fs::write(&keys, content.to_string()).unwrap();
        let said = parse(&path, &text).unwrap_err();
        assert!(said.sentence().contains(word), "{}", said.sentence());
    }
    std::fs::write(&keys, json!({"kty": "EC", "x": "x"}).to_string()).unwrap();
    let desired = parse(&path, &text).unwrap();
    assert_eq!(desired.participants[0].clients[0].jwks, Some(json!({"keys": [{"kty": "EC", "x": "x"}]})));
}

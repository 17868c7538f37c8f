//! The file of `carnet apply`, as it is written, and what it says once it is checked.

mod members;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use toml::Spanned;

use self::members::{Lifetime, OrDefault};
use crate::cli::remote::client::read_json;
use crate::cli::remote::client_key::{key_set, public_half_only};
use crate::cli::remote::output::printable;
use crate::cli::remote::stop::Stop;
use crate::registry::{AccessTokenTyp, SigningAlgorithm, Status, TokenEndpointAuthMethod};

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    resource_server: Vec<RawResourceServer>,
    #[serde(default)]
    participant: Vec<RawParticipant>,
}

/// `[[resource_server]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawResourceServer {
    identifier: Spanned<String>,
    name: String,
    access_token_typ: Option<AccessTokenTyp>,
    signing_alg: Option<SigningAlgorithm>,
    scopes: Option<Vec<String>>,
    status: Option<Status>,
}

/// `[[participant]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawParticipant {
    iol_identifier: Spanned<String>,
    name: String,
    logistics_agent_uri: String,
    roles: Spanned<Vec<String>>,
    #[serde(default)]
    identifiers: Vec<Spanned<String>>,
    status: Option<Status>,
    #[serde(default)]
    prune: bool,
    #[serde(default)]
    client: Vec<RawClient>,
}

/// `[[participant.client]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClient {
    name: Spanned<String>,
    #[serde(default)]
    token_endpoint_auth_method: Option<Spanned<TokenEndpointAuthMethod>>,
    require_bound_tokens: Option<bool>,
    scopes: Option<Vec<String>>,
    audiences: Option<Vec<String>>,
    introspects: Option<Vec<String>>,
    access_token_lifetime: Option<Lifetime>,
    signing_alg: Option<OrDefault<SigningAlgorithm>>,
    one_record_id: Option<OrDefault<String>>,
    allowed_addresses: Option<Vec<String>>,
    jwks: Option<Spanned<PathBuf>>,
    status: Option<Status>,
}

/// What shall be. Members are those of the API; what the file does not say is not among them.
#[derive(Debug, PartialEq)]
pub(super) struct Desired {
    pub(super) resource_servers: Vec<DesiredResourceServer>,
    pub(super) participants: Vec<DesiredParticipant>,
}

/// A resource server, known by its identifier.
#[derive(Debug, PartialEq)]
pub(super) struct DesiredResourceServer {
    pub(super) identifier: String,
    pub(super) members: Map<String, Value>,
    pub(super) status: Option<Status>,
}

/// A participant, known by its main ONE Record ID.
#[derive(Debug, PartialEq)]
pub(super) struct DesiredParticipant {
    pub(super) iol_identifier: String,
    pub(super) members: Map<String, Value>,
    pub(super) identifiers: Vec<String>,
    pub(super) status: Option<Status>,
    /// Whether its clients and identifiers that the file does not name are withdrawn.
    pub(super) prune: bool,
    pub(super) clients: Vec<DesiredClient>,
}

/// A client, known by its name within its participant.
#[derive(Debug, PartialEq)]
pub(super) struct DesiredClient {
    pub(super) name: String,
    pub(super) method: TokenEndpointAuthMethod,
    /// Whether the file says the method, or it is the one of a client that says none.
    pub(super) says_method: bool,
    pub(super) members: Map<String, Value>,
    /// A JWK Set.
    pub(super) jwks: Option<Value>,
    pub(super) status: Option<Status>,
}

/// A file and its text, in which mistakes have a line and a column.
struct Source<'a> {
    name: String,
    folder: &'a Path,
    text: &'a str,
}

/// Reads a file; `-` is standard input.
pub(super) fn read(path: &Path) -> Result<Desired, Stop> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.map_err(|error| Stop::usage(format!("{} cannot be read: {error}", path.display())))?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Desired, Stop> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let source = Source { name: path.display().to_string(), folder, text };
    let broken = |error: &toml::de::Error, at: &str| source.mistake(error.span(), at, error.message());
    let deserializer = toml::Deserializer::parse(text).map_err(|error| broken(&error, ""))?;
    let raw: RawFile = serde_path_to_error::deserialize(deserializer)
        .map_err(|error| broken(error.inner(), &members::written(&error.path().to_string())))?;
    check(&source, raw)
}

impl Source<'_> {
    /// A sentence that names the file, the place, the member and the mistake.
    fn mistake(&self, span: Option<Range<usize>>, member: &str, what: &str) -> Stop {
        let place = span.map(|span| line_and_column(self.text, span.start)).unwrap_or_default();
        let member =
            if matches!(member, "" | ".") { String::new() } else { format!("{}: ", printable(member)) };
        // The parser likes to draw; one line is enough.
        let what = what.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ");
        Stop::usage(format!("{}{place}: {member}{what}; nothing was changed", self.name))
    }
}

/// `:LINE:COLUMN`, both from 1, as editors count.
fn line_and_column(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!(":{line}:{column}")
}

fn check(source: &Source<'_>, raw: RawFile) -> Result<Desired, Stop> {
    let mut seen = BTreeSet::new();
    let mut resource_servers = Vec::with_capacity(raw.resource_server.len());
    for server in raw.resource_server {
        once(source, &mut seen, &server.identifier, "resource_server.identifier")?;
        resource_servers.push(resource_server(server));
    }
    let mut seen = BTreeSet::new();
    let mut participants = Vec::with_capacity(raw.participant.len());
    for raw in raw.participant {
        once(source, &mut seen, &raw.iol_identifier, "participant.iol_identifier")?;
        for identifier in &raw.identifiers {
            once(source, &mut seen, identifier, "participant.identifiers")?;
        }
        participants.push(participant(source, raw)?);
    }
    Ok(Desired { resource_servers, participants })
}

fn once(
    source: &Source<'_>,
    seen: &mut BTreeSet<String>,
    name: &Spanned<String>,
    member: &str,
) -> Result<(), Stop> {
    if seen.insert(name.get_ref().clone()) {
        return Ok(());
    }
    let what = format!("`{}` stands twice in this file; it can mean one thing only", name.get_ref());
    Err(source.mistake(Some(name.span()), member, &what))
}

fn resource_server(raw: RawResourceServer) -> DesiredResourceServer {
    let members = members::given([
        ("name", Some(json!(raw.name))),
        ("access_token_typ", raw.access_token_typ.map(|typ| json!(typ))),
        ("signing_alg", raw.signing_alg.map(|alg| json!(alg))),
        ("scopes", raw.scopes.map(|scopes| json!(scopes))),
    ]);
    DesiredResourceServer { identifier: raw.identifier.into_inner(), members, status: raw.status }
}

fn participant(source: &Source<'_>, raw: RawParticipant) -> Result<DesiredParticipant, Stop> {
    if raw.roles.get_ref().is_empty() {
        let what = "is empty; give the main role first, such as SHP, FWD, CAR";
        return Err(source.mistake(Some(raw.roles.span()), "participant.roles", what));
    }
    let mut seen = BTreeSet::new();
    let mut clients = Vec::with_capacity(raw.client.len());
    for raw in raw.client {
        once(source, &mut seen, &raw.name, "participant.client.name")?;
        clients.push(client(source, raw)?);
    }
    let members = members::given([
        ("name", Some(json!(raw.name))),
        ("logistics_agent_uri", Some(json!(raw.logistics_agent_uri))),
        ("roles", Some(json!(raw.roles.into_inner()))),
    ]);
    Ok(DesiredParticipant {
        iol_identifier: raw.iol_identifier.into_inner(),
        members,
        identifiers: raw.identifiers.into_iter().map(Spanned::into_inner).collect(),
        status: raw.status,
        prune: raw.prune,
        clients,
    })
}

fn client(source: &Source<'_>, raw: RawClient) -> Result<DesiredClient, Stop> {
    let jwks = raw.jwks.as_ref().map(|path| keys(source, path)).transpose()?;
    let method = raw.token_endpoint_auth_method.as_ref();
    let signs = method.is_some_and(|method| *method.get_ref() == TokenEndpointAuthMethod::PrivateKeyJwt);
    if let (Some(method), true, None) = (method, signs, &jwks) {
        let what = "private_key_jwt needs the client's public keys: give jwks = \"FILE\"";
        return Err(source.mistake(
            Some(method.span()),
            "participant.client.token_endpoint_auth_method",
            what,
        ));
    }
    let members = members::given([
        ("require_bound_tokens", raw.require_bound_tokens.map(Value::from)),
        ("scopes", raw.scopes.map(|scopes| json!(scopes))),
        ("audiences", raw.audiences.map(|audiences| json!(audiences))),
        ("introspects", raw.introspects.map(|introspects| json!(introspects))),
        ("access_token_lifetime", raw.access_token_lifetime.map(|Lifetime(seconds)| json!(seconds))),
        ("signing_alg", raw.signing_alg.map(|OrDefault(alg)| json!(alg))),
        ("one_record_id", raw.one_record_id.map(|OrDefault(uri)| json!(uri))),
        ("allowed_addresses", raw.allowed_addresses.map(|addresses| json!(addresses))),
    ]);
    Ok(DesiredClient {
        name: raw.name.into_inner(),
        method: method.map(|method| *method.get_ref()).unwrap_or_default(),
        says_method: method.is_some(),
        members,
        jwks,
        status: raw.status,
    })
}

/// The keys of a client, from a file whose name is relative to this one.
fn keys(source: &Source<'_>, path: &Spanned<PathBuf>) -> Result<Value, Stop> {
    let read = read_json(&source.folder.join(path.get_ref())).and_then(public_half_only);
    let set = key_set(
        read.map_err(|stop| source.mistake(Some(path.span()), "participant.client.jwks", stop.sentence()))?,
    );
    if set["keys"].as_array().is_none_or(Vec::is_empty) {
        let what = "the file holds no key; it must be a JWK Set or one JWK";
        return Err(source.mistake(Some(path.span()), "participant.client.jwks", what));
    }
    Ok(set)
}

#[cfg(test)]
mod tests;

//! The signature base (RFC 9421 §2.5): one line for each covered component, and the parameters.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sfv::{Dictionary, FieldType as _, Item, List, ListEntry, Parser};

use super::super::request::trimmed;
use super::super::{RequestView, target};
use super::input::{Component, Input};

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub enum Message<'a> {
    /// A request.
    Request(&'a RequestView<'a>),
    /// A response, and the request that it answers.
    Response {
        /// Its status code.
        status: u16,
        /// Its field lines in the order of the wire.
        headers: &'a [(&'a str, &'a [u8])],
        /// The request.
        request: &'a RequestView<'a>,
    },
}

/// A component that is not there or cannot be covered, by its name if that is known.
type Missing = Option<String>;

impl<'a> Message<'a> {
    pub(super) fn fields(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let headers = match self {
            Self::Request(request) => request.headers,
            Self::Response { headers, .. } => headers,
        };
        headers
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| trimmed(value))
    }
}

pub(super) fn signature_base(input: &Input, message: &Message<'_>) -> Result<String, Missing> {
    let mut base = String::with_capacity(512);
    for component in &input.components {
        let missing = || Some(component.name.clone());
        let value = value(component, message).ok_or_else(missing)?;
        // A line end in a value would make a component out of it.
        if !value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
            return Err(missing());
        }
        base.push_str(&component.identifier);
        base.push_str(": ");
        base.push_str(&value);
        base.push('\n');
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(&input.serialized);
    Ok(base)
}

/// The value of a component; `None` when the message has none.
fn value<'a>(component: &Component, message: &Message<'a>) -> Option<Cow<'a, str>> {
    if component.req {
        let Message::Response { request, .. } = message else { return None };
        return value_of(component, &Message::Request(request));
    }
    value_of(component, message)
}

fn value_of<'a>(component: &Component, message: &Message<'a>) -> Option<Cow<'a, str>> {
    if component.name.starts_with('@') {
        return match message {
            Message::Request(request) => derived(component, request),
            Message::Response { status, .. } if component.name == "@status" => {
                Some(Cow::Owned(status.to_string()))
            }
            Message::Response { .. } => None,
        };
    }
    let lines: Vec<&[u8]> = message.fields(&component.name).collect();
    if lines.is_empty() {
        return None;
    }
    if component.bs {
        let wrapped: Vec<String> = lines.iter().map(|line| format!(":{}:", base64(line))).collect();
        return Some(Cow::Owned(wrapped.join(", ")));
    }
    if component.key.is_none() && !component.sf && lines.len() == 1 {
        return std::str::from_utf8(lines[0]).ok().map(Cow::Borrowed);
    }
    let joined = lines.join(&b", "[..]);
    if let Some(key) = &component.key {
        let dictionary: Dictionary = Parser::new(&joined).parse().ok()?;
        return member(dictionary.get(key.as_str())?).map(Cow::Owned);
    }
    if component.sf {
        return structured(&component.name, &joined).map(Cow::Owned);
    }
    String::from_utf8(joined).ok().map(Cow::Owned)
}

fn derived<'a>(component: &Component, request: &RequestView<'a>) -> Option<Cow<'a, str>> {
    if component.name == "@query-param" {
        return query_parameter(component.parameter.as_deref()?, request.query?).map(Cow::Owned);
    }
    if component.parameter.is_some() {
        return None;
    }
    let authority = || target::authority(request.scheme, request.authority).ok();
    let path = if request.path.is_empty() { "/" } else { request.path };
    let with_query = |text: String| match request.query {
        Some(query) => format!("{text}?{query}"),
        None => text,
    };
    match component.name.as_str() {
        "@method" => Some(Cow::Borrowed(request.method)),
        "@target-uri" => Some(Cow::Owned(with_query(format!("{}://{}{path}", request.scheme, authority()?)))),
        "@authority" => authority(),
        "@scheme" => Some(Cow::Borrowed(request.scheme)),
        "@request-target" => Some(Cow::Owned(with_query(path.to_owned()))),
        "@path" => Some(Cow::Borrowed(path)),
        "@query" => Some(Cow::Owned(format!("?{}", request.query.unwrap_or_default()))),
        _ => None,
    }
}

/// RFC 9421 §2.2.8: decoded as a form and encoded again; one that occurs twice has no value.
fn query_parameter(name: &str, query: &str) -> Option<String> {
    let encode =
        |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let mut named =
        form_urlencoded::parse(query.as_bytes()).filter(|(parameter, _)| encode(parameter) == name);
    match (named.next(), named.next()) {
        (Some((_, value)), None) => Some(encode(&value)),
        _ => None,
    }
}

fn member(entry: &ListEntry) -> Option<String> {
    match entry {
        ListEntry::Item(item) => Some(item.serialize()),
        ListEntry::InnerList(_) => vec![entry.clone()].serialize(),
    }
}

/// Fields whose type is known, serialized again.
fn structured(name: &str, value: &[u8]) -> Option<String> {
    match name {
        "content-digest"
        | "repr-digest"
        | "want-content-digest"
        | "signature"
        | "signature-input"
        | "priority" => Parser::new(value).parse::<Dictionary>().ok()?.serialize(),
        "client-cert" => Parser::new(value).parse::<Item>().ok().map(|item| item.serialize()),
        "client-cert-chain" => Parser::new(value).parse::<List>().ok()?.serialize(),
        _ => None,
    }
}

pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

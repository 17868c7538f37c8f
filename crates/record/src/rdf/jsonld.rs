//! JSON-LD input: strict pass, then the parser, then the comparison of both.

use std::collections::HashSet;

use oxjsonld::JsonLdParser;
use oxrdf::{BlankNode, GraphName, NamedNode, NamedOrBlankNode, Triple};

use super::Limits;
use super::context::Context;
use super::document::normalize;
use super::error::InputError;
use super::json::Json;
use super::strict::Strict;

/// How many nodes may stand at the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One object, or an array with one object.
    One,
    /// Also an array, or `@graph` beside `@context` alone.
    Many,
}

/// What a document says.
pub(super) struct Read {
    /// The nodes at the top, in order.
    pub roots: Vec<NamedOrBlankNode>,
    pub triples: Vec<Triple>,
}

pub(super) fn read(
    body: &[u8],
    shape: Shape,
    base: Option<&str>,
    limits: &Limits,
) -> Result<Read, InputError> {
    let mut document = Json::parse(body, limits.depth)?;
    let mut labels = HashSet::new();
    collect_labels(&document, &mut labels);
    let mut read = Read { roots: Vec::new(), triples: Vec::new() };
    let mut expected = 0;
    let contexts = contexts(&document, limits)?;
    for (index, (node, place)) in top_nodes(&mut document, shape)?.into_iter().enumerate() {
        let context = contexts.get(index).or(contexts.first()).cloned().unwrap_or_default();
        let mut strict = Strict { context, base, limits, expected };
        strict.node(node, &place, true)?;
        expected = strict.expected;
        read.roots.push(root(node, &strict.context, base, limits, &mut labels)?);
    }
    parse(&document, base, &mut read)?;
    if read.triples.len() != expected {
        return Err(InputError::new(
            "statements_lost",
            "",
            format!(
                "the document should make {expected} statements, the parser found {}",
                read.triples.len()
            ),
        ));
    }
    Ok(read)
}

fn parse(document: &Json, base: Option<&str>, read: &mut Read) -> Result<(), InputError> {
    let text = serde_json::to_vec(document)
        .map_err(|_| InputError::new("malformed_json", "", "the body cannot be read as JSON"))?;
    let mut parser = JsonLdParser::new();
    if let Some(base) = base {
        parser = parser
            .with_base_iri(base)
            .map_err(|_| InputError::new("invalid_iri", "", "the address of the document is not an IRI"))?;
    }
    for quad in parser.for_slice(&text) {
        let quad =
            quad.map_err(|_| InputError::new("malformed_jsonld", "", "the body is not valid JSON-LD"))?;
        if quad.graph_name != GraphName::DefaultGraph {
            return Err(InputError::new("graph", "", "named graphs are not supported"));
        }
        read.triples.push(normalize(Triple::new(quad.subject, quad.predicate, quad.object)));
    }
    Ok(())
}

/// The contexts at the top: one for the document, or one for each element of an array.
fn contexts(document: &Json, limits: &Limits) -> Result<Vec<Context>, InputError> {
    let read = |holder: &Json, place: &str| match holder.member("@context") {
        Some(context) => Context::read(context, &format!("{place}/@context"), limits),
        None => Ok(Context::default()),
    };
    match document {
        Json::Array(items) => {
            items.iter().enumerate().map(|(index, item)| read(item, &format!("/{index}"))).collect()
        }
        holder => Ok(vec![read(holder, "")?]),
    }
}

type TopNodes<'a> = Vec<(&'a mut Vec<(String, Json)>, String)>;

fn top_nodes(document: &mut Json, shape: Shape) -> Result<TopNodes<'_>, InputError> {
    let many = shape == Shape::Many;
    if many && document.member("@graph").is_some() {
        let Json::Object(members) = document else { return Err(InputError::empty_document()) };
        if members.iter().any(|(name, _)| name != "@graph" && name != "@context") {
            return Err(InputError::new("graph", "", "beside @graph only @context may stand"));
        }
        let Some((_, Json::Array(items))) = members.iter_mut().find(|(name, _)| name == "@graph") else {
            return Err(InputError::new("graph", "/@graph", "@graph is an array of objects"));
        };
        return objects(items, "/@graph", false);
    }
    match document {
        Json::Array(items) if many || items.len() == 1 => objects(items, "", true),
        Json::Array(_) => Err(InputError::new("several_roots", "", "send exactly one object")),
        Json::Object(members) => Ok(vec![(members, String::new())]),
        _ => Err(InputError::new("not_an_object", "", "the document is not a JSON object")),
    }
}

fn objects<'a>(items: &'a mut [Json], place: &str, contexts: bool) -> Result<TopNodes<'a>, InputError> {
    if items.is_empty() {
        return Err(InputError::empty_document());
    }
    items
        .iter_mut()
        .enumerate()
        .map(|(index, item)| match item {
            Json::Object(members) if contexts || !members.iter().any(|(name, _)| name == "@context") => {
                Ok((members, format!("{place}/{index}")))
            }
            Json::Object(_) => Err(InputError::new(
                "nested_context",
                format!("{place}/{index}"),
                "put the context at the top",
            )),
            _ => Err(InputError::new("not_an_object", format!("{place}/{index}"), "an object is expected")),
        })
        .collect()
}

/// The subject of a node at the top. A node without `@id` gets a label that the document does not use.
fn root(
    node: &mut Vec<(String, Json)>,
    context: &Context,
    base: Option<&str>,
    limits: &Limits,
    labels: &mut HashSet<String>,
) -> Result<NamedOrBlankNode, InputError> {
    if let Some((_, Json::String(id))) = node.iter().find(|(name, _)| name == "@id") {
        let iri = context.expand_reference(id, base, "/@id", limits)?;
        return Ok(match iri.strip_prefix("_:") {
            Some(label) => BlankNode::new_unchecked(label).into(),
            None => NamedNode::new_unchecked(iri).into(),
        });
    }
    let label = (0..=labels.len())
        .map(|number| format!("root{number}"))
        .find(|label| !labels.contains(label))
        .unwrap_or_default();
    labels.insert(label.clone());
    node.push(("@id".to_owned(), Json::String(format!("_:{label}"))));
    Ok(BlankNode::new_unchecked(label).into())
}

fn collect_labels(value: &Json, labels: &mut HashSet<String>) {
    match value {
        Json::String(text) => {
            if let Some(label) = text.trim().strip_prefix("_:") {
                labels.insert(label.to_owned());
            }
        }
        Json::Array(items) => items.iter().for_each(|item| collect_labels(item, labels)),
        Json::Object(members) => members.iter().for_each(|(_, value)| collect_labels(value, labels)),
        _ => {}
    }
}

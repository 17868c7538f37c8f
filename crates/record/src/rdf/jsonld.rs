//! JSON-LD input: strict pass, then the parser, then the comparison of both.

use std::collections::HashSet;

use oxjsonld::JsonLdParser;
use oxrdf::{BlankNode, GraphName, NamedNode, NamedOrBlankNode, Triple};

use super::Limits;
use super::context::Context;
use super::document::normalize;
use super::error::InputError;
use super::json::Json;
use super::statement::Meter;
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
    // Before anything is done for each of them.
    if top_count(&document) > limits.roots {
        let message = format!("a document has at most {} objects at the top", limits.roots);
        return Err(InputError::new("too_many_roots", "", message));
    }
    let mut labels = Labels::default();
    labels.collect(&document);
    let mut read = Read { roots: Vec::new(), triples: Vec::new() };
    let mut expected = 0;
    let contexts = contexts(&document, limits)?;
    let none = Context::default();
    for (index, (node, place)) in top_nodes(&mut document, shape)?.into_iter().enumerate() {
        let context = contexts.get(index).or(contexts.first()).unwrap_or(&none);
        let mut strict = Strict { context, base, limits, expected };
        strict.node(node, &place, true)?;
        expected = strict.expected;
        read.roots.push(root(node, context, base, limits, &mut labels)?);
    }
    parse(&document, base, limits, &mut read)?;
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

fn parse(document: &Json, base: Option<&str>, limits: &Limits, read: &mut Read) -> Result<(), InputError> {
    let text = serde_json::to_vec(document)
        .map_err(|_| InputError::new("malformed_json", "", "the body cannot be read as JSON"))?;
    let mut parser = JsonLdParser::new();
    if let Some(base) = base {
        parser = parser
            .with_base_iri(base)
            .map_err(|_| InputError::new("invalid_iri", "", "the address of the document is not an IRI"))?;
    }
    let mut meter = Meter::new(limits);
    for quad in parser.for_slice(&text) {
        let quad =
            quad.map_err(|_| InputError::new("malformed_jsonld", "", "the body is not valid JSON-LD"))?;
        if quad.graph_name != GraphName::DefaultGraph {
            return Err(InputError::new("graph", "", "named graphs are not supported"));
        }
        let triple = normalize(Triple::new(quad.subject, quad.predicate, quad.object));
        meter.check(&triple)?;
        read.triples.push(triple);
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

fn top_count(document: &Json) -> usize {
    match (document, document.member("@graph")) {
        (Json::Array(items), _) | (_, Some(Json::Array(items))) => items.len(),
        _ => 1,
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
    labels: &mut Labels,
) -> Result<NamedOrBlankNode, InputError> {
    if let Some((_, Json::String(id))) = node.iter().find(|(name, _)| name == "@id") {
        let iri = context.expand_reference(id, base, "/@id", limits)?;
        return Ok(match iri.strip_prefix("_:") {
            Some(label) => BlankNode::new_unchecked(label).into(),
            None => NamedNode::new_unchecked(iri).into(),
        });
    }
    let label = labels.fresh();
    node.push(("@id".to_owned(), Json::String(format!("_:{label}"))));
    Ok(BlankNode::new_unchecked(label).into())
}

/// The blank node labels of a document, and new ones beside them.
#[derive(Default)]
struct Labels {
    taken: HashSet<String>,
    /// Where the search for the next label goes on: no number is tried twice.
    next: usize,
}

impl Labels {
    fn collect(&mut self, value: &Json) {
        match value {
            Json::String(text) => {
                if let Some(label) = text.trim().strip_prefix("_:") {
                    self.taken.insert(label.to_owned());
                }
            }
            Json::Array(items) => items.iter().for_each(|item| self.collect(item)),
            Json::Object(members) => members.iter().for_each(|(_, value)| self.collect(value)),
            _ => {}
        }
    }

    /// A label that the document does not use and nobody has got before.
    fn fresh(&mut self) -> String {
        loop {
            let label = format!("root{}", self.next);
            self.next += 1;
            if !self.taken.contains(&label) {
                return label;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20,000 nodes took 28 s when each looked for its label from the first one on.
    #[test]
    fn no_label_is_tried_twice() {
        let mut labels = Labels::default();
        labels.collect(&Json::Array(vec![
            Json::String("_:root1".to_owned()),
            Json::String("_:root4".to_owned()),
        ]));
        let fresh: HashSet<String> = (0..20_000).map(|_| labels.fresh()).collect();
        assert_eq!((fresh.len(), labels.next), (20_000, 20_002));
        assert!(!fresh.contains("root1") && !fresh.contains("root4"));
    }
}

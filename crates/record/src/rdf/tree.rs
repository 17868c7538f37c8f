//! Writing a graph as a JSON-LD tree: the root first, what it holds nested below it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use oxrdf::vocab::{rdf, xsd};
use oxrdf::{Literal, NamedNode, NamedOrBlankNode, Term, Triple};
use serde_json::{Map, Value, json};

/// How IRIs are shortened.
pub(crate) struct TreeStyle<'a> {
    /// `@vocab`: stripped from properties and types.
    pub vocab: Option<&'a str>,
    /// Prefixes, for properties, types and datatypes.
    pub prefixes: &'a [(&'a str, &'a str)],
}

impl TreeStyle<'_> {
    pub(crate) fn context(&self) -> Value {
        let mut context = Map::new();
        if let Some(vocab) = self.vocab {
            context.insert("@vocab".to_owned(), vocab.into());
        }
        for (name, iri) in self.prefixes {
            context.insert((*name).to_owned(), (*iri).into());
        }
        Value::Object(context)
    }

    /// A property or type as it stands in the document.
    fn name(&self, iri: &str) -> String {
        let plain = |local: &str| {
            local.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && local.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
        };
        if let Some(local) = self.vocab.and_then(|vocab| iri.strip_prefix(vocab)).filter(|local| plain(local))
        {
            // A local name that is also a prefix would be read as that prefix.
            if !self.prefixes.iter().any(|(name, _)| *name == local) {
                return local.to_owned();
            }
        }
        for (name, base) in self.prefixes {
            if let Some(local) = iri.strip_prefix(base).filter(|local| plain(local)) {
                return format!("{name}:{local}");
            }
        }
        iri.to_owned()
    }

    /// The document of one root, with its context.
    pub(crate) fn document(&self, root: &NamedNode, triples: &[Triple]) -> Value {
        let mut document = Map::new();
        document.insert("@context".to_owned(), self.context());
        let root = NamedOrBlankNode::from(root.clone());
        let mut writer = Writer::new(self, std::slice::from_ref(&root), triples);
        document.extend(writer.node(&root));
        Value::Object(document)
    }

    /// A document of several roots: `@context` and `@graph`.
    pub(crate) fn graph(&self, roots: &[NamedNode], triples: &[Triple]) -> Value {
        let roots: Vec<NamedOrBlankNode> = roots.iter().cloned().map(Into::into).collect();
        let mut writer = Writer::new(self, &roots, triples);
        let nodes: Vec<Value> = roots.iter().map(|root| writer.node(root).into()).collect();
        json!({ "@context": self.context(), "@graph": nodes })
    }
}

struct Writer<'a> {
    style: &'a TreeStyle<'a>,
    by_subject: HashMap<&'a NamedOrBlankNode, Vec<&'a Triple>>,
    /// How often a node is pointed to: a blank node that is pointed to twice needs a label.
    references: HashMap<NamedOrBlankNode, usize>,
    /// Under which node each node is nested: the one closest to the root. The writer recurses, and whoever
    /// writes a chain of labels must not decide how deep.
    homes: HashMap<NamedOrBlankNode, NamedOrBlankNode>,
    written: HashSet<NamedOrBlankNode>,
}

impl<'a> Writer<'a> {
    fn new(style: &'a TreeStyle<'a>, roots: &[NamedOrBlankNode], triples: &'a [Triple]) -> Self {
        let mut by_subject: HashMap<_, Vec<&Triple>> = HashMap::new();
        let mut references = HashMap::new();
        for triple in triples {
            by_subject.entry(&triple.subject).or_default().push(triple);
            if let Some(node) = node_of(&triple.object) {
                *references.entry(node).or_default() += 1;
            }
        }
        let mut homes = HashMap::new();
        let mut seen: HashSet<NamedOrBlankNode> = roots.iter().cloned().collect();
        let mut queue: VecDeque<NamedOrBlankNode> = roots.iter().cloned().collect();
        while let Some(parent) = queue.pop_front() {
            for triple in by_subject.get(&parent).into_iter().flatten() {
                if let Some(child) = node_of(&triple.object)
                    && seen.insert(child.clone())
                {
                    homes.insert(child.clone(), parent.clone());
                    queue.push_back(child);
                }
            }
        }
        Self { style, by_subject, references, homes, written: HashSet::new() }
    }

    fn node(&mut self, subject: &NamedOrBlankNode) -> Map<String, Value> {
        self.written.insert(subject.clone());
        let mut types = Vec::new();
        let mut members: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for triple in self.by_subject.get(subject).cloned().unwrap_or_default() {
            match &triple.object {
                // A class that is described is a node like others: `@type` has no room for what is said about it.
                Term::NamedNode(class)
                    if triple.predicate == rdf::TYPE && !self.nests(subject, &class.clone().into()) =>
                {
                    types.push(Value::from(self.style.name(class.as_str())));
                }
                object => {
                    let value = self.value(subject, object);
                    members.entry(self.style.name(triple.predicate.as_str())).or_default().push(value);
                }
            }
        }
        let mut node = Map::new();
        match subject {
            NamedOrBlankNode::NamedNode(iri) => {
                node.insert("@id".to_owned(), iri.as_str().into());
            }
            NamedOrBlankNode::BlankNode(label) => {
                let pointed_to = self.references.get(subject).copied().unwrap_or_default();
                if pointed_to > 1 || types.is_empty() && members.is_empty() {
                    node.insert("@id".to_owned(), label.to_string().into());
                }
            }
        }
        if !types.is_empty() {
            node.insert("@type".to_owned(), one_or_many(types));
        }
        node.extend(members.into_iter().map(|(name, values)| (name, one_or_many(values))));
        node
    }

    fn value(&mut self, subject: &NamedOrBlankNode, object: &Term) -> Value {
        let node = match object {
            Term::Literal(literal) => return self.literal(literal),
            Term::NamedNode(node) => NamedOrBlankNode::from(node.clone()),
            Term::BlankNode(node) => NamedOrBlankNode::from(node.clone()),
        };
        if self.nests(subject, &node) {
            return Value::Object(self.node(&node));
        }
        match node {
            NamedOrBlankNode::NamedNode(iri) => json!({ "@id": iri.as_str() }),
            NamedOrBlankNode::BlankNode(label) => json!({ "@id": label.to_string() }),
        }
    }

    /// Whether what is said about `node` is to be written here, below `subject`.
    fn nests(&self, subject: &NamedOrBlankNode, node: &NamedOrBlankNode) -> bool {
        self.homes.get(node) == Some(subject)
            && self.by_subject.contains_key(node)
            && !self.written.contains(node)
    }

    /// Plain where JSON says the same, else a value object. Never a native fraction: its digits would change.
    fn literal(&self, literal: &Literal) -> Value {
        /// JSON-LD readers use 64-bit floats.
        const EXACT: i64 = 1 << 53;
        let text = literal.value();
        if let Some(tag) = literal.language() {
            return json!({ "@value": text, "@language": tag });
        }
        let datatype = literal.datatype();
        if datatype == xsd::STRING {
            return text.into();
        }
        if datatype == xsd::BOOLEAN && matches!(text, "true" | "false") {
            return (text == "true").into();
        }
        if datatype == xsd::INTEGER
            && let Ok(number) = text.parse::<i64>()
            && number.to_string() == text
            && number.abs() < EXACT
        {
            return number.into();
        }
        json!({ "@value": text, "@type": self.style.name(datatype.as_str()) })
    }
}

fn node_of(term: &Term) -> Option<NamedOrBlankNode> {
    match term {
        Term::NamedNode(node) => Some(node.clone().into()),
        Term::BlankNode(node) => Some(node.clone().into()),
        Term::Literal(_) => None,
    }
}

fn one_or_many(mut values: Vec<Value>) -> Value {
    if values.len() == 1 { values.remove(0) } else { Value::Array(values) }
}

//! A graph with one root, all of it reachable and not too deep.

use std::collections::{HashMap, HashSet, VecDeque};

use oxrdf::{Literal, NamedNode, NamedOrBlankNode, Term, Triple};

use super::Limits;
use super::error::{InputError, quoted};

const XSD: &str = "http://www.w3.org/2001/XMLSchema#";
/// Misspelt in published samples; means the same.
const XSD_HTTPS: &str = "https://www.w3.org/2001/XMLSchema#";

/// A checked document: every statement hangs on `root`.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub root: NamedOrBlankNode,
    pub triples: Vec<Triple>,
}

impl Document {
    /// # Errors
    /// When a statement does not hang on `root`, or hangs too deep.
    pub(crate) fn new(
        root: NamedOrBlankNode,
        triples: Vec<Triple>,
        limits: &Limits,
    ) -> Result<Self, InputError> {
        let mut children: HashMap<&NamedOrBlankNode, Vec<&Term>> = HashMap::new();
        for triple in &triples {
            children.entry(&triple.subject).or_default().push(&triple.object);
        }
        let mut seen: HashSet<NamedOrBlankNode> = HashSet::from([root.clone()]);
        let mut queue = VecDeque::from([(root.clone(), 1_usize)]);
        while let Some((node, depth)) = queue.pop_front() {
            // The writer nests, and nests by recursion: what it cannot follow is not let in.
            if depth > limits.depth {
                return Err(InputError::new("too_deep", "", "the document is nested too deep"));
            }
            for object in children.get(&node).into_iter().flatten() {
                if let Some(child) = as_node(object)
                    && children.contains_key(&child)
                    && seen.insert(child.clone())
                {
                    queue.push_back((child, depth + 1));
                }
            }
        }
        if let Some(stray) = children.keys().find(|subject| !seen.contains(**subject)) {
            return Err(InputError::new(
                "several_roots",
                "",
                format!("{} is not connected to the logistics object", quoted(&stray.to_string())),
            ));
        }
        if !children.contains_key(&root) {
            return Err(InputError::empty_document());
        }
        Ok(Self { root, triples })
    }

    /// Finds the root of a set of statements: `expected` when it is among the subjects, else the one subject
    /// that nothing points to.
    pub(super) fn with_single_root(
        triples: Vec<Triple>,
        expected: Option<&str>,
        limits: &Limits,
    ) -> Result<Self, InputError> {
        let subjects: HashSet<&NamedOrBlankNode> = triples.iter().map(|triple| &triple.subject).collect();
        if let Some(expected) = expected.and_then(|iri| NamedNode::new(iri).ok()).map(NamedOrBlankNode::from)
            && subjects.contains(&expected)
        {
            return Self::new(expected, triples, limits);
        }
        let targets: HashSet<NamedOrBlankNode> = triples
            .iter()
            .filter_map(|triple| as_node(&triple.object).filter(|node| *node != triple.subject))
            .collect();
        let mut roots = subjects.into_iter().filter(|subject| !targets.contains(*subject));
        let root = roots.next().cloned();
        match (root, roots.next()) {
            (Some(root), None) => Self::new(root, triples, limits),
            (None, None) if triples.is_empty() => Err(InputError::empty_document()),
            _ => Err(InputError::new(
                "several_roots",
                "",
                "the document must describe exactly one logistics object",
            )),
        }
    }
}

fn as_node(term: &Term) -> Option<NamedOrBlankNode> {
    match term {
        Term::NamedNode(node) => Some(node.clone().into()),
        Term::BlankNode(node) => Some(node.clone().into()),
        Term::Literal(_) => None,
    }
}

/// Whether a datatype is one of binary floats, in either spelling.
pub(super) fn is_float(datatype: &str) -> bool {
    let name = datatype.strip_prefix(XSD).or_else(|| datatype.strip_prefix(XSD_HTTPS));
    matches!(name, Some("double" | "float"))
}

/// One spelling for the datatypes of XML Schema.
pub(super) fn normalize(mut triple: Triple) -> Triple {
    if let Term::Literal(literal) = &triple.object
        && let Some(name) = literal.datatype().as_str().strip_prefix(XSD_HTTPS)
    {
        let datatype = NamedNode::new_unchecked(format!("{XSD}{name}"));
        triple.object = Literal::new_typed_literal(literal.value(), datatype).into();
    }
    triple
}

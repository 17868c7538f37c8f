//! RDF in and out: strict input, tree-shaped output.
//!
//! Input is refused rather than repaired: whatever a reader could lose without a word (a relative IRI, a key
//! without a mapping, a null) is named with its place in the document. Cost is bounded by [`Limits`] before the
//! parser of the RDF library sees a byte.

mod context;
mod decimal;
mod document;
mod error;
mod expand;
mod json;
mod jsonld;
mod statement;
mod strict;
mod tree;
mod turtle;

pub(crate) use document::Document;
pub(crate) use error::InputError;
pub(crate) use jsonld::Shape;
pub(crate) use tree::TreeStyle;

use oxrdf::Triple;

/// Bounds of one document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Levels of nesting, in JSON as in the graph.
    pub depth: usize,
    /// Statements, each occurrence counted.
    pub statements: usize,
    /// Bytes of one IRI. Without it one long prefix, used often, multiplies a small body into gigabytes.
    pub iri_bytes: usize,
    /// Terms of one inline context.
    pub context_terms: usize,
    /// Nodes at the top of a document that may have several.
    pub roots: usize,
    /// Bytes of all terms of the graph, each occurrence counted. Prefixes and `@vocab` make a graph many times
    /// larger than its document, and every reader would be sent all of it.
    pub graph_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 32,
            statements: 20_000,
            iri_bytes: 2_048,
            context_terms: 256,
            roots: 256,
            graph_bytes: 4 * 1024 * 1024,
        }
    }
}

/// The two ways to write a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    JsonLd,
    Turtle,
}

/// Reads a document with one root.
///
/// `base` resolves fragments (`#x`) and the empty reference; without it every relative IRI is refused.
pub(crate) fn read_document(
    syntax: Syntax,
    body: &[u8],
    expected_root: Option<&str>,
    limits: &Limits,
) -> Result<Document, InputError> {
    match syntax {
        Syntax::JsonLd => jsonld::read(body, Shape::One, None, limits).and_then(|read| {
            let root = read.roots.into_iter().next().ok_or_else(InputError::empty_document)?;
            Document::new(root, read.triples, limits)
        }),
        Syntax::Turtle => {
            Document::with_single_root(turtle::read(body, None, limits)?, expected_root, limits)
        }
    }
}

/// Reads a document that is a set of statements without a root, such as an ACL, against the base `base`.
pub(crate) fn read_graph(
    syntax: Syntax,
    body: &[u8],
    base: &str,
    limits: &Limits,
) -> Result<Vec<Triple>, InputError> {
    match syntax {
        Syntax::JsonLd => jsonld::read(body, Shape::Many, Some(base), limits).map(|read| read.triples),
        Syntax::Turtle => turtle::read(body, Some(base), limits),
    }
}

pub(crate) use turtle::write as write_turtle;

#[cfg(test)]
mod tests;

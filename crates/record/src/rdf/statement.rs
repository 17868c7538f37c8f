//! What holds for every statement, whichever syntax it came in.

use oxrdf::{BlankNode, Literal, NamedNode, NamedOrBlankNode, Term, Triple};

use super::Limits;
use super::error::{InputError, quoted};
use super::expand::{check_iri, check_language, has_known_scheme};

const LANG_STRING: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString";
const DIR_LANG_STRING: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#dirLangString";

/// Checks one statement after the other and counts what they take together.
pub(super) struct Meter<'a> {
    limits: &'a Limits,
    bytes: usize,
}

impl<'a> Meter<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self { limits, bytes: 0 }
    }

    /// # Errors
    /// When the statement could not be stored and read again, or the graph has grown too large.
    pub(super) fn check(&mut self, triple: &Triple) -> Result<(), InputError> {
        self.bytes += match &triple.subject {
            NamedOrBlankNode::NamedNode(node) => self.iri(node)?,
            NamedOrBlankNode::BlankNode(node) => label(node)?,
        };
        self.bytes += self.iri(&triple.predicate)?;
        self.bytes += match &triple.object {
            Term::NamedNode(node) => self.iri(node)?,
            Term::BlankNode(node) => label(node)?,
            Term::Literal(literal) => self.literal(literal)?,
        };
        if self.bytes > self.limits.graph_bytes {
            return Err(too_large(self.limits));
        }
        Ok(())
    }

    /// Parsers let IRIs through that nobody can read back, such as the expansion of a prefixed name.
    fn iri(&self, node: &NamedNode) -> Result<usize, InputError> {
        let iri = node.as_str();
        check_iri(iri, "", self.limits)?;
        if is_internal(iri) {
            let message = "IRIs that start with internal: are given by the server alone";
            return Err(InputError::new("reserved_iri", quoted(iri), message));
        }
        if !has_known_scheme(iri) {
            let message = format!(
                "{} has a scheme that is not known, like a prefix that nobody declared: write the IRI in full",
                quoted(iri)
            );
            return Err(InputError::new("undefined_prefix", "", message));
        }
        Ok(iri.len())
    }

    fn literal(&self, literal: &Literal) -> Result<usize, InputError> {
        check_text(literal.value(), "")?;
        if let Some(tag) = literal.language() {
            check_language(tag, "")?;
            return Ok(literal.value().len() + tag.len());
        }
        let datatype = literal.datatype().into_owned();
        check_datatype(datatype.as_str(), "")?;
        Ok(literal.value().len() + self.iri(&datatype)?)
    }
}

pub(super) fn too_large(limits: &Limits) -> InputError {
    let message = format!(
        "the statements, written in full, take more than {} bytes: send less, or shorter IRIs",
        limits.graph_bytes
    );
    InputError::new("graph_too_large", "", message)
}

/// The datatypes that only a language tag gives (RDF 1.1 §3.3): with the datatype and without the tag, a literal
/// can be written and never read again.
pub(super) fn check_datatype(iri: &str, place: &str) -> Result<(), InputError> {
    if matches!(iri, LANG_STRING | DIR_LANG_STRING) {
        let message = "text of this datatype needs a language tag: write the tag and leave the datatype off";
        return Err(InputError::new("language_missing", place, message));
    }
    Ok(())
}

/// No database of ours stores U+0000 in text.
pub(super) fn check_text(text: &str, place: &str) -> Result<(), InputError> {
    if text.contains('\0') {
        return Err(InputError::new("nul_character", place, "the character U+0000 cannot be stored"));
    }
    Ok(())
}

/// Schemes have no case (RFC 3986 §3.1).
fn is_internal(iri: &str) -> bool {
    iri.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("internal"))
}

fn label(node: &BlankNode) -> Result<usize, InputError> {
    match BlankNode::new(node.as_str()) {
        Ok(_) => Ok(node.as_str().len()),
        Err(_) => Err(InputError::new("invalid_iri", "", "a blank node label is not valid")),
    }
}

//! From a key, a type or an `@id` to its IRI (JSON-LD 1.1 API §5.2), refusing where the algorithm drops.

use oxrdf::{BlankNode, Literal, NamedNode};

use super::Limits;
use super::context::{Context, undefined_prefix};
use super::error::{InputError, quoted};

/// Schemes that an IRI may have. Any other word before a colon is taken for a prefix that nobody defined:
/// `cargo:Piece` without its context is a well-formed IRI, and silently another one. `internal:` is what servers
/// call the nodes inside an object.
const SCHEMES: [&str; 10] =
    ["http", "https", "urn", "internal", "mailto", "tel", "did", "data", "geo", "tag"];

pub(super) fn known_scheme(word: &str) -> bool {
    SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(word))
}

/// Whether an IRI has a scheme that cannot be a forgotten prefix.
pub(super) fn has_known_scheme(iri: &str) -> bool {
    iri.split_once(':').is_some_and(|(scheme, rest)| rest.starts_with("//") || known_scheme(scheme))
}

pub(super) fn unusable_prefix(prefix: &str, place: &str) -> InputError {
    InputError::new(
        "unusable_prefix",
        place,
        format!(
            "the IRI of the prefix {} does not end in a delimiter such as / or #, so JSON-LD would not use it",
            quoted(prefix)
        ),
    )
}

/// Checks that `iri` is absolute, well-formed and of bounded length.
pub(super) fn check_iri(iri: &str, place: &str, limits: &Limits) -> Result<(), InputError> {
    if iri.len() > limits.iri_bytes {
        return Err(InputError::new(
            "iri_too_long",
            place,
            format!("an IRI has at most {} bytes", limits.iri_bytes),
        ));
    }
    if NamedNode::new(iri).is_err() {
        let relative = !iri.contains(':');
        return Err(if relative {
            InputError::new(
                "relative_iri",
                place,
                format!("{} is relative: write the IRI in full", quoted(iri)),
            )
        } else {
            InputError::new(
                "invalid_iri",
                place,
                format!(
                    "{} is not a valid IRI: remove blanks and the characters < > \" {{ }} | \\ ^ `",
                    quoted(iri)
                ),
            )
        });
    }
    Ok(())
}

pub(super) fn check_language(tag: &str, place: &str) -> Result<(), InputError> {
    match Literal::new_language_tagged_literal("", tag) {
        Ok(_) => Ok(()),
        Err(_) => Err(InputError::new(
            "invalid_language",
            place,
            format!("{} is not a language tag (BCP 47)", quoted(tag)),
        )),
    }
}

impl Context {
    /// A property or a type: term, prefix, vocabulary, absolute IRI.
    pub(super) fn expand_vocabulary(
        &self,
        text: &str,
        place: &str,
        limits: &Limits,
    ) -> Result<String, InputError> {
        let iri = if let Some(term) = self.terms.get(text) {
            term.iri.clone()
        } else if let Some(iri) = self.prefixed(text, place)? {
            iri
        } else if let Some(vocab) = &self.vocab {
            format!("{vocab}{text}")
        } else {
            return Err(InputError::new(
                "unmapped_key",
                place,
                format!("{} has no mapping: give @context an @vocab, or write the IRI in full", quoted(text)),
            ));
        };
        if text.is_empty() || iri.starts_with("_:") {
            return Err(InputError::new(
                "unmapped_key",
                place,
                format!("{} is not a property or type", quoted(text)),
            ));
        }
        check_iri(&iri, place, limits)?;
        Ok(iri)
    }

    /// The value of `@id`, or of a term that holds IRIs: prefix, absolute IRI, blank node, and with a base also
    /// a fragment.
    pub(super) fn expand_reference(
        &self,
        text: &str,
        base: Option<&str>,
        place: &str,
        limits: &Limits,
    ) -> Result<String, InputError> {
        if text.starts_with('@') {
            return Err(InputError::new(
                "unsupported_keyword",
                place,
                format!("{} is not an IRI", quoted(text)),
            ));
        }
        if let Some(label) = text.strip_prefix("_:") {
            return match BlankNode::new(label) {
                Ok(_) => Ok(text.to_owned()),
                Err(_) => Err(InputError::new(
                    "invalid_iri",
                    place,
                    format!("{} is not a blank node label", quoted(text)),
                )),
            };
        }
        let iri = match (self.prefixed(text, place)?, base) {
            (Some(iri), _) => iri,
            (None, Some(base)) if text.is_empty() || text.starts_with('#') => format!("{base}{text}"),
            (None, _) => {
                return Err(InputError::new(
                    "relative_iri",
                    place,
                    format!("{} is relative: write the IRI in full", quoted(text)),
                ));
            }
        };
        check_iri(&iri, place, limits)?;
        Ok(iri)
    }

    /// `prefix:suffix` or an absolute IRI; `None` when there is no colon.
    fn prefixed(&self, text: &str, place: &str) -> Result<Option<String>, InputError> {
        let Some((prefix, suffix)) = text.split_once(':') else { return Ok(None) };
        if prefix.is_empty() || prefix.contains(['#', '?', '/']) {
            // `#a:b` and `a/b:c` are relative references that happen to hold a colon.
            return Ok(None);
        }
        // JSON-LD never takes what stands before `://` for a prefix.
        if prefix == "_" || suffix.starts_with("//") {
            return Ok(Some(text.to_owned()));
        }
        match self.terms.get(prefix) {
            Some(term) if term.prefix => Ok(Some(format!("{}{suffix}", term.iri))),
            Some(_) => Err(unusable_prefix(prefix, place)),
            None if known_scheme(prefix) => Ok(Some(text.to_owned())),
            None => Err(undefined_prefix(prefix, place)),
        }
    }
}

//! The inline `@context` (JSON-LD 1.1 §4.1), read into plain terms. What could change the meaning of a document
//! without being seen in it (remote contexts, scoped contexts, keyword aliases) is refused.

use std::collections::HashMap;

use super::Limits;
use super::error::{InputError, quoted};
use super::json::Json;

/// How the string values of a term are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Coercion {
    None,
    /// `"@type": "@id"`
    Id,
    /// `"@type": "@vocab"`
    Vocabulary,
    /// `"@type": <datatype IRI>`
    Datatype(String),
}

#[derive(Debug, Clone)]
pub(super) struct Term {
    pub iri: String,
    /// May stand before a colon (JSON-LD 1.1 §4.2.2: the IRI ends in a delimiter).
    pub prefix: bool,
    pub coercion: Coercion,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    pub vocab: Option<String>,
    pub terms: HashMap<String, Term>,
}

impl Context {
    pub(super) fn read(context: &Json, place: &str, limits: &Limits) -> Result<Self, InputError> {
        let members = match context {
            Json::Object(members) => members,
            Json::String(_) => {
                return Err(InputError::new(
                    "remote_context",
                    place,
                    "remote contexts are never fetched: write the context into the document",
                ));
            }
            Json::Array(_) => {
                return Err(InputError::new(
                    "context_array",
                    place,
                    "an array of contexts is not supported: write one object",
                ));
            }
            Json::Null => {
                return Err(InputError::new("null_context", place, "the context is null: leave it off"));
            }
            _ => return Err(InputError::new("malformed_context", place, "a context is an object")),
        };
        if members.len() > limits.context_terms {
            return Err(InputError::new(
                "too_many_terms",
                place,
                format!("a context has at most {} entries", limits.context_terms),
            ));
        }
        let mut read = Self::default();
        for (name, value) in members.iter().filter(|(name, _)| name.starts_with('@')) {
            read.keyword(name, value, &format!("{place}/{name}"), limits)?;
        }
        let definitions = Definitions { members, limits };
        for (name, _) in members.iter().filter(|(name, _)| !name.starts_with('@')) {
            let term = definitions.term(name, read.vocab.as_deref(), place, 0)?;
            read.terms.insert(name.clone(), term);
        }
        Ok(read)
    }

    fn keyword(&mut self, name: &str, value: &Json, place: &str, limits: &Limits) -> Result<(), InputError> {
        match (name, value) {
            ("@vocab", Json::String(vocab)) => {
                super::expand::check_iri(vocab, place, limits)?;
                self.vocab = Some(vocab.clone());
                Ok(())
            }
            ("@language", Json::String(tag)) => super::expand::check_language(tag, place),
            ("@version", Json::Number(version)) if version.as_f64() == Some(1.1) => Ok(()),
            ("@vocab" | "@language" | "@version", _) => Err(InputError::new(
                "malformed_context",
                place,
                format!("{name} has a value that is not supported"),
            )),
            _ => Err(InputError::new(
                "unsupported_keyword",
                place,
                format!("{} is not supported", quoted(name)),
            )),
        }
    }
}

/// The members of a context while their terms are resolved.
struct Definitions<'a> {
    members: &'a [(String, Json)],
    limits: &'a Limits,
}

/// A term may be defined by another, and that by a third; nobody needs more.
const CHAIN: usize = 4;

impl Definitions<'_> {
    fn term(&self, name: &str, vocab: Option<&str>, place: &str, depth: usize) -> Result<Term, InputError> {
        let place = format!("{place}/{name}");
        if depth > CHAIN {
            return Err(InputError::new(
                "context_chain",
                place,
                "terms that define each other: write the IRI in full",
            ));
        }
        if name.is_empty() || matches!(name, "http" | "https" | "urn" | "_") {
            return Err(InputError::new(
                "malformed_context",
                place,
                format!("{} cannot be a term", quoted(name)),
            ));
        }
        let Some((_, definition)) = self.members.iter().find(|(key, _)| key == name) else {
            return Err(undefined_prefix(name, &place));
        };
        match definition {
            Json::String(iri) => {
                let iri = self.iri(iri, &place, depth)?;
                let prefix = !name.contains([':', '/']) && iri.ends_with([':', '/', '?', '#', '[', ']', '@']);
                Ok(Term { iri, prefix, coercion: Coercion::None })
            }
            Json::Object(members) => self.expanded(name, members, vocab, &place, depth),
            Json::Null => Err(InputError::new(
                "null_term",
                place,
                "a term set to null drops its values without a word: remove it",
            )),
            _ => Err(InputError::new("malformed_context", place, "a term is a string or an object")),
        }
    }

    fn expanded(
        &self,
        name: &str,
        members: &[(String, Json)],
        vocab: Option<&str>,
        place: &str,
        depth: usize,
    ) -> Result<Term, InputError> {
        let mut iri = None;
        let mut coercion = Coercion::None;
        let mut prefix = false;
        for (member, value) in members {
            let here = format!("{place}/{member}");
            match (member.as_str(), value) {
                ("@id", Json::String(text)) => iri = Some(self.iri(text, &here, depth)?),
                ("@type", Json::String(text)) => {
                    coercion = match text.as_str() {
                        "@id" => Coercion::Id,
                        "@vocab" => Coercion::Vocabulary,
                        _ => {
                            let datatype = self.iri(text, &here, depth)?;
                            super::statement::check_datatype(&datatype, &here)?;
                            Coercion::Datatype(datatype)
                        }
                    }
                }
                ("@prefix", Json::Bool(flag)) => prefix = *flag,
                ("@container", Json::String(container)) if container == "@set" => {}
                _ => {
                    return Err(InputError::new(
                        "unsupported_keyword",
                        here,
                        format!("{} with this value is not supported in a term", quoted(member)),
                    ));
                }
            }
        }
        let iri = match (iri, name.contains(':'), vocab) {
            (Some(iri), _, _) => iri,
            (None, true, _) => self.iri(name, place, depth)?,
            (None, false, Some(vocab)) => format!("{vocab}{name}"),
            (None, false, None) => return Err(InputError::new("unmapped_key", place, "the term has no @id")),
        };
        super::expand::check_iri(&iri, place, self.limits)?;
        Ok(Term { iri, prefix, coercion })
    }

    /// A definition's IRI: absolute, or with a prefix of this context.
    fn iri(&self, text: &str, place: &str, depth: usize) -> Result<String, InputError> {
        if text.starts_with('@') {
            return Err(InputError::new(
                "keyword_alias",
                place,
                format!("{} as another name is not supported: write the keyword itself", quoted(text)),
            ));
        }
        let Some((prefix, suffix)) = text.split_once(':') else {
            return Err(InputError::new(
                "relative_iri",
                place,
                format!("{} is not an absolute IRI", quoted(text)),
            ));
        };
        let iri = if suffix.starts_with("//") || super::expand::known_scheme(prefix) {
            text.to_owned()
        } else {
            let term = self.term(prefix, None, place, depth + 1)?;
            if !term.prefix {
                return Err(super::expand::unusable_prefix(prefix, place));
            }
            format!("{}{suffix}", term.iri)
        };
        super::expand::check_iri(&iri, place, self.limits)?;
        Ok(iri)
    }
}

pub(super) fn undefined_prefix(prefix: &str, place: &str) -> InputError {
    InputError::new(
        "undefined_prefix",
        place,
        format!(
            "the prefix {} is not defined in @context: define it, or write the IRI in full",
            quoted(prefix)
        ),
    )
}

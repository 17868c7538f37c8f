//! The pass over the JSON before the parser: refuses what JSON-LD drops in silence, trims `@id`, and counts the
//! statements that the parser has to find.

use super::Limits;
use super::context::{Coercion, Context};
use super::document::is_float;
use super::error::{InputError, quoted};
use super::expand::{check_iri, check_language};
use super::json::Json;
use super::statement::{check_datatype, check_text};

/// What a bad or unwanted construct would do, by keyword.
const GRAPH: &str = "@graph is not supported here: send one object";

pub(super) struct Strict<'a> {
    pub context: &'a Context,
    pub base: Option<&'a str>,
    pub limits: &'a Limits,
    /// Statements that the document makes, each occurrence counted.
    pub expected: usize,
}

type Members = Vec<(String, Json)>;

impl Strict<'_> {
    /// Checks a node object. `outermost` nodes may carry the `@context`, which was read before.
    pub(super) fn node(
        &mut self,
        members: &mut Members,
        place: &str,
        outermost: bool,
    ) -> Result<(), InputError> {
        if !members.iter().any(|(name, _)| name != "@context") {
            return Err(InputError::new("empty_object", place, "an empty object says nothing: remove it"));
        }
        for (name, value) in members {
            let here = format!("{place}/{}", escape_pointer(name));
            match name.as_str() {
                "@context" if outermost => {}
                "@context" => {
                    return Err(InputError::new(
                        "nested_context",
                        here,
                        "a context inside the document is not supported: put it at the top",
                    ));
                }
                "@id" => self.id(value, &here)?,
                "@type" => self.types(value, &here)?,
                "@graph" => return Err(InputError::new("graph", here, GRAPH)),
                keyword if keyword.starts_with('@') => return Err(unsupported(keyword, here)),
                _ => {
                    self.context.expand_vocabulary(name, &here, self.limits)?;
                    let coercion = self
                        .context
                        .terms
                        .get(name.as_str())
                        .map_or(Coercion::None, |term| term.coercion.clone());
                    self.values(value, &coercion, &here)?;
                }
            }
        }
        Ok(())
    }

    fn id(&self, value: &mut Json, place: &str) -> Result<(), InputError> {
        let Json::String(text) = value else {
            return Err(InputError::new("malformed_id", place, "@id is one string"));
        };
        trim(text);
        self.context.expand_reference(text, self.base, place, self.limits).map(drop)
    }

    fn types(&mut self, value: &mut Json, place: &str) -> Result<(), InputError> {
        let items = match value {
            Json::Array(items) if items.is_empty() => return Err(empty_array(place)),
            Json::Array(items) => items.as_mut_slice(),
            single => std::slice::from_mut(single),
        };
        for item in items {
            let Json::String(text) = item else {
                return Err(InputError::new(
                    "malformed_type",
                    place,
                    "@type is a string or an array of strings",
                ));
            };
            trim(text);
            if text.starts_with('@') {
                return Err(unsupported(text, place.to_owned()));
            }
            self.context.expand_vocabulary(text, place, self.limits)?;
            self.count(place)?;
        }
        Ok(())
    }

    fn values(&mut self, value: &mut Json, coercion: &Coercion, place: &str) -> Result<(), InputError> {
        let Json::Array(items) = value else { return self.value(value, coercion, place) };
        if items.is_empty() {
            return Err(empty_array(place));
        }
        for (index, item) in items.iter_mut().enumerate() {
            let here = format!("{place}/{index}");
            if matches!(item, Json::Array(_)) {
                return Err(InputError::new(
                    "nested_array",
                    here,
                    "an array in an array loses its shape: flatten it",
                ));
            }
            self.value(item, coercion, &here)?;
        }
        Ok(())
    }

    fn value(&mut self, value: &mut Json, coercion: &Coercion, place: &str) -> Result<(), InputError> {
        self.count(place)?;
        match value {
            Json::Null => Err(null(place)),
            Json::Object(members) if members.iter().any(|(name, _)| name == "@value") => {
                self.value_object(members, place)
            }
            Json::Object(members) => self.node(members, place, false),
            Json::String(text) => match coercion {
                Coercion::Id => {
                    trim(text);
                    self.context.expand_reference(text, self.base, place, self.limits).map(drop)
                }
                Coercion::Vocabulary => {
                    trim(text);
                    self.context.expand_vocabulary(text, place, self.limits).map(drop)
                }
                Coercion::None | Coercion::Datatype(_) => check_text(text, place),
            },
            Json::Bool(_) | Json::Number(_) | Json::Inexact(_)
                if matches!(coercion, Coercion::Id | Coercion::Vocabulary) =>
            {
                Err(InputError::new("malformed_id", place, "the term holds IRIs: write a string"))
            }
            Json::Number(number) => match coercion {
                Coercion::Datatype(datatype) => check_number(number, Some(datatype), place),
                _ => check_number(number, None, place),
            },
            Json::Inexact(number) => Err(inexact(number, place)),
            Json::Bool(_) | Json::Array(_) => Ok(()),
        }
    }

    /// `{"@value": …, "@type" | "@language": …}`
    fn value_object(&self, members: &mut Members, place: &str) -> Result<(), InputError> {
        let (mut datatype, mut tagged, mut text, mut plain) = (None, false, false, None);
        for (name, value) in members.iter_mut() {
            let here = format!("{place}/{}", escape_pointer(name));
            match (name.as_str(), value) {
                ("@value", Json::Null) => return Err(null(&here)),
                ("@value", Json::String(value)) => {
                    text = true;
                    check_text(value, &here)?;
                }
                ("@value", Json::Number(number)) => plain = Some((number.clone(), here)),
                ("@value", Json::Inexact(number)) => return Err(inexact(number, &here)),
                ("@value", Json::Bool(_)) => {}
                ("@type", Json::String(name)) => {
                    trim(name);
                    if name.starts_with('@') {
                        return Err(unsupported(name, here));
                    }
                    let iri = self.context.expand_vocabulary(name, &here, self.limits)?;
                    check_iri(&iri, &here, self.limits)?;
                    check_datatype(&iri, &here)?;
                    datatype = Some(iri);
                }
                ("@language", Json::String(tag)) => {
                    tagged = true;
                    check_language(tag, &here)?;
                }
                ("@value" | "@type" | "@language", _) => {
                    return Err(InputError::new(
                        "malformed_value",
                        here,
                        "a value object holds plain values",
                    ));
                }
                (other, _) => return Err(unsupported(other, here)),
            }
        }
        if let Some((number, here)) = plain {
            check_number(&number, datatype.as_deref(), &here)?;
        }
        if tagged && (datatype.is_some() || !text) {
            return Err(InputError::new(
                "malformed_value",
                place,
                "@language goes with a string and without @type",
            ));
        }
        Ok(())
    }

    fn count(&mut self, place: &str) -> Result<(), InputError> {
        self.expected += 1;
        if self.expected > self.limits.statements {
            return Err(InputError::new(
                "too_many_statements",
                place,
                format!("a document makes at most {} statements", self.limits.statements),
            ));
        }
        Ok(())
    }
}

fn unsupported(keyword: &str, place: String) -> InputError {
    InputError::new("unsupported_keyword", place, format!("{} is not supported here", quoted(keyword)))
}

fn null(place: &str) -> InputError {
    InputError::new("null_value", place, "null says nothing in JSON-LD: leave the member out")
}

fn empty_array(place: &str) -> InputError {
    InputError::new("empty_array", place, "an empty array says nothing in JSON-LD: leave the member out")
}

/// Published samples carry blanks around IRIs; JSON-LD would drop the whole node for it.
fn trim(text: &mut String) {
    let trimmed = text.trim();
    if trimmed.len() != text.len() {
        *text = trimmed.to_owned();
    }
}

/// The largest number up to which every whole one has a 64-bit float, which is what JSON-LD readers use.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A plain number is kept as it is or refused: above 2^53 the digits would change in silence, and a fraction is
/// written as `2.05E1`, which is a number for `xsd:double` and `xsd:float` alone.
fn check_number(number: &serde_json::Number, datatype: Option<&str>, place: &str) -> Result<(), InputError> {
    match number.as_f64() {
        Some(value) if value.abs() < EXACT => {
            if value.fract() == 0.0 || datatype.is_none_or(is_float) {
                return Ok(());
            }
            let message = "a fraction of this datatype must be written as a string";
            Err(InputError::new("number_datatype", place, message))
        }
        _ => Err(inexact(number, place)),
    }
}

fn inexact(number: &serde_json::Number, place: &str) -> InputError {
    if number.as_f64().is_some_and(|value| value.abs() < EXACT) {
        let message = "the number has more digits than can be kept: write {\"@value\": \"…\", \"@type\": \"…#decimal\"}";
        return InputError::new("number_precision", place, message);
    }
    InputError::new(
        "inexact_number",
        place,
        "the number is too large to be kept exactly: write {\"@value\": \"…\", \"@type\": \"…#integer\"}",
    )
}

/// RFC 6901 §3.
fn escape_pointer(name: &str) -> String {
    let shown: String = name.chars().take(80).collect();
    shown.replace('~', "~0").replace('/', "~1")
}

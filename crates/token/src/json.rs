//! Strict JSON for everything that is signed, or that holds keys.
//!
//! Two readers of one signed text must not see two messages: duplicate members at any level (also when spelled
//! with `\u` escapes), a byte order mark, text that is not UTF-8, lone surrogates and numbers without a finite value
//! are refused (RFC 8259 §4, §8; RFC 7515 §4 on duplicates). Depth is bounded, so that a token of brackets costs
//! nothing.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How many objects and arrays may stand inside one another, the outermost counted.
pub const MAX_DEPTH: u8 = 8;

/// Why a text is not strict JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The bytes are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// The text does not follow the grammar of RFC 8259.
    #[error("not JSON")]
    Syntax,
    /// An object has two members of one name.
    #[error("a member occurs twice")]
    Duplicate,
    /// More than [`MAX_DEPTH`] levels.
    #[error("nested too deep")]
    TooDeep,
    /// JSON, but not an object.
    #[error("not an object")]
    NotAnObject,
}

/// Reads one JSON object and nothing else.
///
/// # Errors
/// [`JsonError`]; the cost is bounded by the length of the input, whatever it holds.
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, JsonError> {
    match parse(bytes)? {
        Value::Object(object) => Ok(object),
        _ => Err(JsonError::NotAnObject),
    }
}

/// Reads one JSON value and nothing else.
///
/// # Errors
/// [`JsonError`], as [`parse_object`].
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
    let fault = Cell::new(JsonError::Syntax);
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Level { depth: 0, fault: &fault }.deserialize(&mut reader).map_err(|_| fault.get())?;
    reader.end().map_err(|_| JsonError::Syntax)?;
    Ok(value)
}

/// One level of the document; `fault` carries the reason out past the parser's own error type.
#[derive(Clone, Copy)]
struct Level<'a> {
    depth: u8,
    fault: &'a Cell<JsonError>,
}

impl Level<'_> {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.refuse(JsonError::TooDeep));
        }
        Ok(Self { depth: self.depth + 1, fault: self.fault })
    }

    fn refuse<E: serde::de::Error>(self, fault: JsonError) -> E {
        self.fault.set(fault);
        E::custom(fault)
    }
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("strict JSON")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not finite"))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            // Names are compared after unescaping: `"\u0069ss"` is `"iss"`.
            if object.insert(name, value).is_some() {
                return Err(self.refuse(JsonError::Duplicate));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_with_all_its_kinds_of_values() {
        let text = br#" {"a":[1,-2,1.5,true,null,"\u00e9\ud83d\ude00"],"b":{"c":18446744073709551615}} "#;
        let object = parse_object(text).unwrap();
        assert_eq!(object["a"][5], "é😀");
        assert_eq!(object["b"]["c"], u64::MAX);
    }

    #[test]
    fn duplicate_members_are_refused_at_every_level_and_in_every_spelling() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"x":[{"a":1,"b":2,"a":3}]}"#,
        ] {
            assert_eq!(parse_object(text.as_bytes()), Err(JsonError::Duplicate), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            "{",
            "{}x",
            "{} {}",
            "{'a':1}",
            "{\"a\":1,}",
            "{\"a\":NaN}",
            "{\"a\":Infinity}",
            "{\"a\":1e400}",
            "{\"a\":-1e400}",
            "{\"a\":01}",
            "{\"a\":+1}",
            "{\"a\":\"\u{1}\"}",
            "\u{feff}{}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\\udc00\"}",
            "{\"a\":\"\\ud800\\ud800\"}",
            "{\"\\ud800\":1}",
            "{/**/}",
        ] {
            assert_eq!(parse_object(text.as_bytes()), Err(JsonError::Syntax), "{text:?}");
        }
        assert_eq!(parse_object(b"{\"a\":\"\xff\"}"), Err(JsonError::NotUtf8));
        assert_eq!(parse_object(b"{\"a\":\"\xed\xa0\x80\"}"), Err(JsonError::NotUtf8));
        for text in ["[]", "1", "null", "\"x\""] {
            assert_eq!(parse_object(text.as_bytes()), Err(JsonError::NotAnObject), "{text}");
        }
    }

    #[test]
    fn the_ninth_level_is_refused_and_a_million_brackets_cost_nothing() {
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse_object(nested(7).as_bytes()).is_ok());
        assert_eq!(parse_object(nested(8).as_bytes()), Err(JsonError::TooDeep));
        assert_eq!(parse_object(nested(5_000).as_bytes()), Err(JsonError::TooDeep));
        assert_eq!(parse(&b"[".repeat(1_000_000)), Err(JsonError::TooDeep));
        assert_eq!(parse("{\"a\":".repeat(5_000).as_bytes()), Err(JsonError::TooDeep));
    }
}

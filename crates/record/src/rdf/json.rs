//! JSON that keeps the order of members and refuses what `serde_json` would swallow: a member that stands twice.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Number;

use super::decimal;
use super::error::{InputError, quoted};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(Number),
    /// A number whose digits a 64-bit float does not hold.
    Inexact(Number),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Parses `body`, at most `depth` levels deep.
    pub(super) fn parse(body: &[u8], depth: usize) -> Result<Self, InputError> {
        if body.starts_with(b"\xEF\xBB\xBF") {
            return Err(InputError::new(
                "byte_order_mark",
                "",
                "the body starts with a byte order mark: leave it off",
            ));
        }
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let mut value =
            Level { left: depth }.deserialize(&mut deserializer).map_err(|error| malformed(&error))?;
        deserializer.end().map_err(|error| malformed(&error))?;
        value.mark_inexact(&mut decimal::tokens(body));
        Ok(value)
    }

    /// Compares every number with what was written: `lexicals` are the numbers of the text in their order, which
    /// is the order of the tree.
    fn mark_inexact<'a>(&mut self, lexicals: &mut impl Iterator<Item = &'a str>) {
        match self {
            Self::Number(number) => {
                let kept = lexicals.next().is_some_and(|lexical| decimal::same(lexical, &number.to_string()));
                // What JSON-LD readers make of it, and ours among them, is a 64-bit float.
                let exact = kept
                    && number
                        .as_f64()
                        .is_some_and(|value| decimal::same(&number.to_string(), &format!("{value:e}")));
                if !exact {
                    *self = Self::Inexact(number.clone());
                }
            }
            Self::Array(items) => items.iter_mut().for_each(|item| item.mark_inexact(lexicals)),
            Self::Object(members) => members.iter_mut().for_each(|(_, value)| value.mark_inexact(lexicals)),
            _ => {}
        }
    }

    pub(super) fn member(&self, name: &str) -> Option<&Json> {
        match self {
            Self::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

const DUPLICATE: &str = "duplicate member ";
const TOO_DEEP: &str = "nested too deep";

fn malformed(error: &serde_json::Error) -> InputError {
    let message = error.to_string();
    let place = format!("line {} column {}", error.line(), error.column());
    if message.starts_with(DUPLICATE) {
        let name = message.split(" at line").next().unwrap_or_default();
        InputError::new("duplicate_member", place, format!("{name}: write each member once"))
    } else if message.starts_with(TOO_DEEP) || message.starts_with("recursion limit") {
        InputError::new("too_deep", place, "the document is nested too deep")
    } else {
        InputError::new("malformed_json", place, "the body is not well-formed JSON")
    }
}

#[derive(Clone, Copy)]
struct Level {
    left: usize,
}

impl Level {
    fn down<E: serde::de::Error>(self) -> Result<Self, E> {
        self.left.checked_sub(1).map(|left| Self { left }).ok_or_else(|| E::custom(TOO_DEEP))
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Json, E> {
        Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let below = self.down()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(below)? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let below = self.down()?;
        let mut seen = HashSet::new();
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if !seen.insert(name.clone()) {
                return Err(A::Error::custom(format!("{DUPLICATE}{}", quoted(&name))));
            }
            members.push((name, map.next_value_seed(below)?));
        }
        Ok(Json::Object(members))
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) | Self::Inexact(value) => value.serialize(serializer),
            Self::String(value) => serializer.serialize_str(value),
            Self::Array(items) => items.serialize(serializer),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_members_are_refused_at_every_level_and_through_escapes() {
        for body in [r#"{"a":1,"a":2}"#, r#"{"x":[{"a":1,"\u0061":2}]}"#] {
            assert_eq!(Json::parse(body.as_bytes(), 32).unwrap_err().code, "duplicate_member", "{body}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Json::parse(nested(32).as_bytes(), 32).is_ok());
        assert_eq!(Json::parse(nested(33).as_bytes(), 32).unwrap_err().code, "too_deep");
        assert_eq!(Json::parse("[".repeat(500_000).as_bytes(), 32).unwrap_err().code, "too_deep");
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for body in ["", "{", "nul", "{} {}", "{\"a\":1e999}", "\"\\ud800\"", "{'a':1}", "[1,]"] {
            assert_eq!(Json::parse(body.as_bytes(), 32).unwrap_err().code, "malformed_json", "{body}");
        }
        assert_eq!(Json::parse(b"\xEF\xBB\xBF{}", 32).unwrap_err().code, "byte_order_mark");
        assert_eq!(Json::parse(b"{\"a\":\"\xff\"}", 32).unwrap_err().code, "malformed_json");
    }

    #[test]
    fn members_keep_their_order() {
        let text = r#"{"b":1,"a":[true,null,"x",2.5]}"#;
        let value = Json::parse(text.as_bytes(), 32).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
    }
}

use std::fmt::Display;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cli::remote::change::DEFAULT;
use crate::cli::remote::lifetime;

/// A setting, or the word `default`, which takes it back to the installation's.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String", bound(deserialize = "T: FromStr, T::Err: Display"))]
pub(super) struct OrDefault<T>(pub(super) Option<T>);

impl<T: FromStr> TryFrom<String> for OrDefault<T>
where
    T::Err: Display,
{
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == DEFAULT {
            return Ok(Self(None));
        }
        let read = text.parse().map_err(|error: T::Err| format!("{error}, or `{DEFAULT}`"))?;
        Ok(Self(Some(read)))
    }
}

/// A lifetime: seconds, or text such as `"10m"`, or `"default"`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Lifetime(pub(super) Option<i64>);

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Written {
    Seconds(i64),
    Text(String),
}

impl TryFrom<Written> for Lifetime {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Seconds(seconds) => Ok(Self(Some(seconds))),
            Written::Text(text) if text == DEFAULT => Ok(Self(None)),
            Written::Text(text) => lifetime::seconds(&text).map(|seconds| Self(Some(seconds))),
        }
    }
}

/// The members that the file says.
pub(super) fn given<const N: usize>(members: [(&str, Option<Value>); N]) -> Map<String, Value> {
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The path of a member as the file has it: the parser's own steps, by which it learns places, are left out.
pub(super) fn written(path: &str) -> String {
    path.split('.').filter(|step| !step.starts_with('$')).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parsers_own_steps_are_left_out() {
        assert_eq!(written("participant[0].roles.$__serde_spanned_private_value"), "participant[0].roles");
        assert_eq!(written("."), ".");
    }

    #[test]
    fn default_is_a_word_of_its_own() {
        assert_eq!(OrDefault::<String>::try_from("default".to_owned()).unwrap().0, None);
        assert_eq!(OrDefault::<String>::try_from("x".to_owned()).unwrap().0.as_deref(), Some("x"));
        let wrong = OrDefault::<crate::registry::SigningAlgorithm>::try_from("none".to_owned()).unwrap_err();
        assert!(wrong.contains("`none`") && wrong.ends_with("or `default`"), "{wrong}");
    }
}

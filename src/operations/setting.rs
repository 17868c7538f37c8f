use serde::{Deserialize, Deserializer};

/// What a change says about a member that has a default. For others, an `Option` is enough: there, null says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Setting<T> {
    /// Nothing: it stays as it is.
    #[default]
    Kept,
    /// Null: it becomes what it is unless somebody says otherwise.
    Reset,
    /// It becomes this.
    Set(T),
}

impl<T> Setting<T> {
    /// What was given, if anything was; `None` inside stands for the default.
    #[expect(clippy::option_option, reason = "the outer one says whether, the inner one what")]
    pub(super) fn given(self) -> Option<Option<T>> {
        match self {
            Self::Kept => None,
            Self::Reset => Some(None),
            Self::Set(value) => Some(Some(value)),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Setting<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Reset, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Sample {
        #[serde(default)]
        member: Setting<u8>,
    }

    #[test]
    fn null_is_told_from_absence() {
        for (text, expected) in [
            ("{}", Setting::Kept),
            (r#"{"member":null}"#, Setting::Reset),
            (r#"{"member":7}"#, Setting::Set(7)),
        ] {
            assert_eq!(serde_json::from_str::<Sample>(text).unwrap().member, expected, "{text}");
        }
        assert!(serde_json::from_str::<Sample>(r#"{"member":"7"}"#).is_err());
    }
}

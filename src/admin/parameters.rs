use url::form_urlencoded;

use super::api_error::ApiError;
use super::parse_rfc3339;
use crate::operations::FieldError;

/// The parameters of a query: only those that are known, and each at most once.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    /// Reads a query.
    ///
    /// # Errors
    ///
    /// A parameter that is not among the known ones, or that comes twice.
    pub(super) fn read(query: Option<&str>, known: &[&'static str]) -> Result<Self, ApiError> {
        let mut given = Self(Vec::new());
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let Some(known) = known.iter().find(|known| **known == name) else {
                let name = name.chars().take(100).collect::<String>();
                return Err(fault(name, format!("is not known here; known: {}", known.join(", "))));
            };
            if given.0.iter().any(|(name, _)| name == known) {
                return Err(fault(*known, "stands twice"));
            }
            given.0.push((known, value.into_owned()));
        }
        Ok(given)
    }

    /// Takes out a parameter as it came.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(given, _)| *given == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// A number from 1 to `most`.
    pub(super) fn number(&mut self, name: &str, most: i64) -> Result<Option<i64>, ApiError> {
        let wrong = match most {
            i64::MAX => "must be a number from 1 upwards".to_owned(),
            most => format!("must be a number from 1 to {most}"),
        };
        self.parsed(name, &wrong, |text| {
            // `+5` and `05` are no numbers that this server would write.
            text.parse::<i64>().ok().filter(|n| (1..=most).contains(n) && n.to_string() == text)
        })
    }

    /// `true` or `false`; false unless given.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, ApiError> {
        let flag = self.parsed(name, "must be true or false", |text| text.parse().ok())?;
        Ok(flag.unwrap_or(false))
    }

    /// A moment, in milliseconds since the epoch.
    pub(super) fn time(&mut self, name: &str) -> Result<Option<i64>, ApiError> {
        let wrong = "must be a time in UTC such as 2027-01-15T08:00:00Z, or a day such as 2027-01-15";
        self.parsed(name, wrong, parse_rfc3339)
    }

    fn parsed<T>(
        &mut self,
        name: &str,
        wrong: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        parse(&text).map(Some).ok_or_else(|| fault(name, wrong))
    }
}

/// The refusal of one parameter.
pub(super) fn fault(field: impl Into<String>, reason: impl Into<String>) -> ApiError {
    ApiError::invalid(vec![FieldError { field: field.into(), reason: reason.into() }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_plain_and_within_its_bounds() {
        let number = |text: &str| Parameters(vec![("limit", text.to_owned())]).number("limit", 200);
        assert_eq!(number("200").unwrap(), Some(200));
        for wrong in ["", "0", "201", "-1", "+5", "05", "5 ", "1.0", "x", "99999999999999999999"] {
            assert!(number(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_flag_is_true_or_false() {
        let flag = |text: &str| Parameters(vec![("ended", text.to_owned())]).flag("ended");
        assert!(flag("true").unwrap() && !flag("false").unwrap());
        for wrong in ["", "1", "True", "yes"] {
            assert!(flag(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn unknown_and_repeated_parameters_are_refused() {
        let mut given = Parameters::read(Some("b=1"), &["a", "b"]).unwrap();
        assert_eq!((given.text("a"), given.text("b")), (None, Some("1".to_owned())));
        assert!(Parameters::read(Some("c=1"), &["a", "b"]).is_err());
        assert!(Parameters::read(Some("a=1&a=1"), &["a", "b"]).is_err());
    }
}

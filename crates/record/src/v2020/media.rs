//! Media types and content negotiation (§1, RFC 9110 §12.5.1).

use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};

use super::problem::Problem;
use crate::rdf::Syntax;

/// What is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    JsonLd,
    Turtle,
    XTurtle,
}

impl Media {
    const ALL: [Self; 3] = [Self::JsonLd, Self::Turtle, Self::XTurtle];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::JsonLd => "application/ld+json",
            Self::Turtle => "text/turtle",
            Self::XTurtle => "application/x-turtle",
        }
    }

    pub(super) fn syntax(self) -> Syntax {
        match self {
            Self::JsonLd => Syntax::JsonLd,
            Self::Turtle | Self::XTurtle => Syntax::Turtle,
        }
    }

    /// How exactly a media range names this type.
    fn matches(self, range: &str) -> Option<u8> {
        let family = if self == Self::Turtle { "text/*" } else { "application/*" };
        if range == self.name() {
            Some(2)
        } else if range == family {
            Some(1)
        } else {
            (range == "*/*").then_some(0)
        }
    }

    /// The weight that `Accept` gives to this type: the most exact range decides. Who asks for `application/json`
    /// gets `application/ld+json`, unless it says something about that itself; who does not want
    /// `application/json` has said nothing about others.
    fn weight(self, ranges: &[(String, u16)]) -> u16 {
        let named = ranges
            .iter()
            .filter_map(|(range, weight)| self.matches(range).map(|exactness| (exactness, *weight)))
            .max_by_key(|(exactness, _)| *exactness);
        let json = ranges.iter().filter(|(range, _)| self == Self::JsonLd && range == "application/json");
        match named {
            Some((2, weight)) => weight,
            _ => json.map(|(_, weight)| *weight).chain(named.map(|(_, weight)| weight)).max().unwrap_or(0),
        }
    }

    /// The best of what `Accept` asks for; without it JSON-LD.
    ///
    /// # Errors
    /// 406 when nothing fits.
    pub(super) fn accepted(headers: &HeaderMap) -> Result<Self, Problem> {
        let fields: Vec<&str> =
            headers.get_all(ACCEPT).iter().filter_map(|field| field.to_str().ok()).collect();
        let ranges: Vec<(String, u16)> =
            fields.iter().flat_map(|field| split(field, ',')).filter_map(range).collect();
        if !headers.contains_key(ACCEPT)
            || fields.iter().all(|field| field.trim().is_empty()) && !fields.is_empty()
        {
            return Ok(Self::JsonLd);
        }
        let mut best: Option<(u16, Self)> = None;
        for media in Self::ALL {
            let quality = media.weight(&ranges);
            if quality > best.map_or(0, |(quality, _)| quality) {
                best = Some((quality, media));
            }
        }
        best.map(|(_, media)| media).ok_or_else(|| {
            Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", "No acceptable media type")
                .because("offered are application/ld+json, text/turtle and application/x-turtle")
        })
    }

    /// The type of the body.
    ///
    /// # Errors
    /// 415 when it is missing, given twice, or not spoken here.
    pub(super) fn of_body(headers: &HeaderMap) -> Result<Self, Problem> {
        let unsupported = |message: &str| {
            Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The media type is not supported",
            )
            .because(message)
        };
        if headers
            .get_all(CONTENT_ENCODING)
            .iter()
            .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
        {
            return Err(unsupported("compressed bodies are not read: send it without Content-Encoding"));
        }
        let mut fields = headers.get_all(CONTENT_TYPE).iter();
        let (Some(field), None) = (fields.next(), fields.next()) else {
            return Err(unsupported("exactly one Content-Type is needed"));
        };
        let mut parts = split(field.to_str().unwrap_or_default(), ';').into_iter();
        let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        for parameter in parts {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = value.trim().trim_matches('"');
            if key.trim().eq_ignore_ascii_case("charset") && !value.eq_ignore_ascii_case("utf-8") {
                return Err(unsupported("only the charset utf-8 is read"));
            }
        }
        match name.as_str() {
            "application/ld+json" | "application/json" => Ok(Self::JsonLd),
            "text/turtle" => Ok(Self::Turtle),
            "application/x-turtle" => Ok(Self::XTurtle),
            _ => Err(unsupported("send application/ld+json, text/turtle or application/x-turtle")),
        }
    }
}

/// The pieces between separators that do not stand in a quoted string (RFC 9110 §5.6.4).
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        if escaped {
            escaped = false;
            return false;
        }
        match c {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        c == separator && !quoted
    })
    .collect()
}

/// One media range and its weight in thousandths.
fn range(text: &str) -> Option<(String, u16)> {
    let mut parts = split(text, ';').into_iter();
    let name = parts.next()?.trim().to_ascii_lowercase();
    let mut quality = 1_000;
    for parameter in parts {
        if let Some((key, value)) = parameter.split_once('=')
            && key.trim().eq_ignore_ascii_case("q")
        {
            quality = weight(value.trim())?;
        }
    }
    (!name.is_empty()).then_some((name, quality))
}

/// RFC 9110 §12.4.2: `0`, `0.5`, `1.000`.
fn weight(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn accepted(fields: &[&'static str]) -> Option<Media> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(ACCEPT, HeaderValue::from_static(field));
        }
        Media::accepted(&headers).ok()
    }

    #[test]
    fn accept_is_weighed() {
        let table: [(&[&str], Option<Media>); 26] = [
            (&[], Some(Media::JsonLd)),
            (&[""], Some(Media::JsonLd)),
            (&["*/*"], Some(Media::JsonLd)),
            (&["application/*"], Some(Media::JsonLd)),
            (&["application/json"], Some(Media::JsonLd)),
            (
                &["application/ld+json; profile=\"http://www.w3.org/ns/json-ld#compacted\""],
                Some(Media::JsonLd),
            ),
            (&["text/turtle"], Some(Media::Turtle)),
            (&["Text/Turtle"], Some(Media::Turtle)),
            (&["text/*"], Some(Media::Turtle)),
            (&["application/x-turtle"], Some(Media::XTurtle)),
            (&["text/turtle;q=0.9, application/ld+json;q=0.5"], Some(Media::Turtle)),
            (&["text/turtle;q=0.9", "application/ld+json"], Some(Media::JsonLd)),
            (&["application/ld+json;q=0, */*;q=0.1"], Some(Media::Turtle)),
            (&["text/html, */*;q=0.1"], Some(Media::JsonLd)),
            (&["text/html"], None),
            (&["application/ld+json;q=0"], None),
            (&["application/ld+json;q=2"], None),
            (&["nonsense"], None),
            (&["application/ld+json; profile=\"a;q=0\""], Some(Media::JsonLd)),
            (
                &["application/ld+json; profile=\"a\\\";q=0, text/turtle\"; q=0.1, text/*;q=0.2"],
                Some(Media::Turtle),
            ),
            (&["text/turtle; x=\"a, application/ld+json\""], Some(Media::Turtle)),
            (&["application/json;q=0, */*"], Some(Media::JsonLd)),
            (&["application/json;q=0, application/ld+json"], Some(Media::JsonLd)),
            (&["application/json;q=0"], None),
            (&["application/json;q=0.1, */*;q=0.9"], Some(Media::JsonLd)),
            (&["application/json, application/ld+json;q=0"], None),
        ];
        for (fields, expected) in table {
            assert_eq!(accepted(fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn content_type_is_exact() {
        let table = [
            ("application/ld+json", Some(Media::JsonLd)),
            ("application/LD+JSON; charset=UTF-8", Some(Media::JsonLd)),
            ("application/json", Some(Media::JsonLd)),
            ("text/turtle;charset=\"utf-8\"", Some(Media::Turtle)),
            ("application/x-turtle", Some(Media::XTurtle)),
            ("text/turtle; charset=latin1", None),
            ("text/plain", None),
            ("application/xml", None),
            ("", None),
        ];
        for (value, expected) in table {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]);
            assert_eq!(Media::of_body(&headers).ok(), expected, "{value}");
        }
        let gzip = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("text/turtle")),
            (CONTENT_ENCODING, HeaderValue::from_static("gzip")),
        ]);
        assert!(Media::of_body(&gzip).is_err());
        assert!(Media::of_body(&HeaderMap::new()).is_err());
    }
}

use url::Url;

use super::check::refuse;
use super::{ConfigError, Network, RawConfig};

/// Traces for an OpenTelemetry collector.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracing {
    /// Base URL of the collector's OTLP/HTTP receiver.
    pub otlp_endpoint: Url,
    /// The share of requests that are traced, 0 to 1.
    pub sample_ratio: f64,
    /// Whose `traceparent` header is believed.
    pub trust_traceparent_from: Vec<Network>,
}

impl Tracing {
    /// Reads `[tracing]`; `None` when it names no collector.
    ///
    /// # Errors
    /// The first member that makes no sense.
    pub fn validate(raw: &RawConfig) -> Result<Option<Self>, ConfigError> {
        let tracing = &raw.tracing;
        let mut trusted = Vec::new();
        for text in tracing.trust_traceparent_from.iter().flatten() {
            match text.parse::<Network>() {
                Ok(network) => trusted.push(network),
                Err(reason) => return refuse("tracing.trust_traceparent_from", reason.to_string()),
            }
        }
        let sample_ratio = tracing.sample_ratio.unwrap_or(0.01);
        if !(0.0..=1.0).contains(&sample_ratio) {
            return refuse("tracing.sample_ratio", format!("{sample_ratio} is not between 0 and 1"));
        }
        let Some(endpoint) = &tracing.otlp_endpoint else { return Ok(None) };
        let url = Url::parse(endpoint).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        });
        let Some(otlp_endpoint) = url else {
            return refuse(
                "tracing.otlp_endpoint",
                format!(
                    "`{endpoint}` is not the base URL of an OTLP/HTTP receiver, such as http://127.0.0.1:4318"
                ),
            );
        };
        if otlp_endpoint.path().trim_end_matches('/').ends_with("/v1/traces") {
            return refuse(
                "tracing.otlp_endpoint",
                format!("`{endpoint}`: leave /v1/traces out, it is added"),
            );
        }
        Ok(Some(Self { otlp_endpoint, sample_ratio, trust_traceparent_from: trusted }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracing(text: &str) -> Result<Option<Tracing>, ConfigError> {
        Tracing::validate(&RawConfig::parse(Some(text), [])?)
    }

    #[test]
    fn tracing_is_off_without_a_collector() {
        assert_eq!(tracing("").unwrap(), None);
        assert_eq!(tracing("[tracing]\nsample_ratio = 1.0").unwrap(), None);
    }

    #[test]
    fn a_collector_gets_a_small_share_and_nobody_is_believed_by_default() {
        let tracing = tracing("[tracing]\notlp_endpoint = 'http://127.0.0.1:4318'").unwrap().unwrap();
        assert_eq!(tracing.otlp_endpoint.as_str(), "http://127.0.0.1:4318/");
        assert!((tracing.sample_ratio - 0.01).abs() < f64::EPSILON);
        assert!(tracing.trust_traceparent_from.is_empty());
    }

    #[test]
    fn every_refusal_names_its_field() {
        for (text, field) in [
            ("otlp_endpoint = '127.0.0.1:4318'", "tracing.otlp_endpoint"),
            ("otlp_endpoint = 'ftp://collector'", "tracing.otlp_endpoint"),
            ("otlp_endpoint = 'https://user:word@collector'", "tracing.otlp_endpoint"),
            ("otlp_endpoint = 'http://127.0.0.1:4318/v1/traces'", "tracing.otlp_endpoint"),
            ("sample_ratio = 1.5", "tracing.sample_ratio"),
            ("sample_ratio = -0.1", "tracing.sample_ratio"),
            ("sample_ratio = nan", "tracing.sample_ratio"),
            ("trust_traceparent_from = ['10.0.0.0/99']", "tracing.trust_traceparent_from"),
        ] {
            match tracing(&format!("[tracing]\n{text}")) {
                Err(ConfigError::Field { field: named, .. }) => assert_eq!(named, field, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}

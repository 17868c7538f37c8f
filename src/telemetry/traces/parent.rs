//! The header `traceparent` (W3C Trace Context §3.2), by which a caller makes a request part of its own trace.

use http::HeaderMap;
use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceState};
use opentelemetry::{Context, SpanId, TraceFlags, TraceId};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Makes a span part of its caller's trace, if the request names one. Only for callers who are trusted with it: the
/// caller decides whether the request is traced, and could flood the collector, or write into others' traces.
pub fn continue_trace(span: &Span, headers: &HeaderMap) {
    let mut values = headers.get_all("traceparent").iter();
    let (Some(value), None) = (values.next(), values.next()) else { return };
    if let Some(parent) = value.to_str().ok().and_then(parse) {
        // It fails where nobody collects spans, which is no loss.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
}

/// `00-TRACE-SPAN-FLAGS` in lower-case hexadecimal; of later versions, whose further parts are not known, the same.
fn parse(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let mut next = |length: usize| {
        let is_hex = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        parts.next().filter(|part| part.len() == length && is_hex(part))
    };
    let (version, trace, span, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
    if version == "ff" || version == "00" && parts.next().is_some() {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let parent = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    parent.is_valid().then_some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn a_parent_is_read() {
        for (flags, sampled) in [("00", false), ("01", true), ("03", true), ("02", false)] {
            let parent = parse(&format!("00-{TRACE}-{SPAN}-{flags}")).unwrap();
            assert_eq!(
                (parent.trace_id().to_string(), parent.span_id().to_string()),
                (TRACE.into(), SPAN.into())
            );
            assert_eq!((parent.is_sampled(), parent.is_remote()), (sampled, true));
        }
        assert!(parse(&format!("01-{TRACE}-{SPAN}-01-what-comes-later")).is_some());
    }

    #[test]
    fn what_is_no_parent_is_ignored() {
        let zero = "0".repeat(32);
        for text in [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{zero}-{SPAN}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}0-{SPAN}-01"),
            format!("00-+{}-{SPAN}-01", &TRACE[1..]),
            format!(" 00-{TRACE}-{SPAN}-01"),
        ] {
            assert!(parse(&text).is_none(), "{text}");
        }
    }
}

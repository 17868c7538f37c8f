use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use tokio::sync::mpsc::Sender;

/// What became of spans.
#[derive(Debug, Default)]
pub(super) struct Counts {
    sent: AtomicU64,
    dropped: AtomicU64,
    not_taken: AtomicU64,
}

impl Counts {
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub fn not_taken(&self) -> u64 {
        self.not_taken.load(Ordering::Relaxed)
    }

    /// A batch of so many spans was taken by the collector, or not.
    pub fn answered(&self, spans: usize, taken: bool) {
        let count = if taken { &self.sent } else { &self.not_taken };
        count.fetch_add(u64::try_from(spans).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Puts ended spans into a bounded queue, and never waits.
///
/// The batch processor of the SDK would do the same, but keeps to itself what it loses.
#[derive(Debug)]
pub(super) struct Queue {
    spans: Sender<SpanData>,
    counts: Arc<Counts>,
}

impl Queue {
    pub fn new(spans: Sender<SpanData>, counts: Arc<Counts>) -> Self {
        Self { spans, counts }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.spans.try_send(span).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{Tracer as _, TracerProvider as _};
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn a_full_queue_loses_spans_and_counts_them() {
        let (sender, mut receiver) = mpsc::channel(2);
        let counts = Arc::new(Counts::default());
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOn)
            .with_span_processor(Queue::new(sender, Arc::clone(&counts)))
            .build();
        let tracer = provider.tracer("test");
        for _ in 0..5 {
            drop(tracer.start("a span"));
        }
        assert_eq!(counts.dropped(), 3);
        assert!(receiver.try_recv().is_ok() && receiver.try_recv().is_ok() && receiver.try_recv().is_err());
    }
}

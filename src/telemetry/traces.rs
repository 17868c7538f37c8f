//! Traces, sent to an OpenTelemetry collector (OTLP over HTTP, protobuf). Off unless it is configured.
//!
//! A span is an ordinary span of `tracing` with a target of its own, below the levels of the log: without a
//! collector nobody is interested in it, and it costs one look at a flag. With one, spans that were sampled wait in
//! a bounded queue for a task that sends them; what the queue cannot take, or the collector does not, is lost and
//! counted. Nothing ever waits for the collector.
//!
//! A span says what was done, how long it took and how it ended. It holds words of the code, templates of routes,
//! statuses and numbers, never what a request brought along: no token, no secret, no name, no client id.

mod collector;
mod ids;
mod parent;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use carnet_ambient::Entropy;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

pub use parent::continue_trace;

use super::Metrics;
use collector::Collector;
use ids::Ids;
use queue::{Counts, Queue};

/// The target of all spans.
pub const TARGET: &str = "carnet::span";

/// Spans that wait to be sent, at most.
const QUEUE: usize = 4096;
/// How long the end of the process waits for the last spans to be sent.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A span: its name and fields, as `tracing` takes them.
macro_rules! span {
    ($name:literal $(, $($fields:tt)*)?) => {
        ::tracing::trace_span!(target: $crate::telemetry::traces::TARGET, $name $(, $($fields)*)?)
    };
}
pub(crate) use span;

/// The traces of a running process.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    counts: Arc<Counts>,
    stop: CancellationToken,
    sender: JoinHandle<()>,
}

impl Traces {
    /// Begins to send to the collector at `endpoint` (`…/v1/traces` is added). Of requests without a parent the share
    /// `sample_ratio` (0 to 1) is traced. Spans are collected for `delay` before they are sent.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn start(
        endpoint: &Url,
        sample_ratio: f64,
        delay: Duration,
        entropy: Entropy,
    ) -> Result<Self, reqwest::Error> {
        let resource = Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.name", "carnet"),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            ])
            .build();
        let collector = Collector::new(endpoint, &resource)?;
        let counts = Arc::new(Counts::default());
        let (queue, spans) = mpsc::channel(QUEUE);
        let stop = CancellationToken::new();
        let sender =
            tokio::spawn(collector::send(spans, collector, delay, Arc::clone(&counts), stop.clone()));
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(sample_ratio))))
            .with_id_generator(Ids(entropy))
            .with_resource(resource)
            .with_span_processor(Queue::new(queue, Arc::clone(&counts)))
            .build();
        Ok(Self { provider, counts, stop, sender })
    }

    /// The layer for the subscriber: it sees the spans of [`TARGET`] and nothing else.
    #[must_use]
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("carnet"))
            .with_location(false)
            .with_threads(false)
            .with_level(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .with_filter(Targets::new().with_target(TARGET, Level::TRACE))
    }

    /// Tells how many spans were sent and lost.
    pub fn register(&self, metrics: &Metrics) {
        let counts = Arc::clone(&self.counts);
        metrics.counter_of(
            "carnet_trace_spans_sent_total",
            "Spans that the collector has taken.",
            move |samples| samples.add_count(&[], counts.sent()),
        );
        let counts = Arc::clone(&self.counts);
        metrics.counter_of(
            "carnet_trace_spans_dropped_total",
            "Spans that were lost: the queue was full, or the collector did not take them.",
            move |samples| {
                samples.add_count(&[("reason", "queue_full")], counts.dropped());
                samples.add_count(&[("reason", "not_taken")], counts.not_taken());
            },
        );
    }

    /// Sends what waits, for two seconds at most, and ends.
    pub async fn finish(self) {
        self.stop.cancel();
        let _ = tokio::time::timeout(LAST_WORDS, self.sender).await;
    }
}

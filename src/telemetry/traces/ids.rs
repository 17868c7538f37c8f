use carnet_ambient::Entropy;
use opentelemetry::{SpanId, TraceId};
use opentelemetry_sdk::trace::IdGenerator;

/// Trace and span ids from the process's own randomness, so that a test can seed them.
#[derive(Debug)]
pub(super) struct Ids(pub Entropy);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        TraceId::from_bytes(self.0.bytes())
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from_bytes(self.0.bytes())
    }
}

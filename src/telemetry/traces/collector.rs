use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use prost::Message as _;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::queue::Counts;

/// Spans in one request, at most.
const BATCH: usize = 512;
/// How long the collector may take for one request.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where traces are sent (OTLP/HTTP, <https://opentelemetry.io/docs/specs/otlp/>).
pub(super) struct Collector {
    client: reqwest::Client,
    url: String,
    resource: ResourceAttributesWithSchema,
}

/// Why a batch was not taken.
enum NotTaken {
    Unreachable(reqwest::Error),
    Status(u16),
}

impl Collector {
    #[expect(
        clippy::disallowed_methods,
        reason = "the operator's own collector, not a URL that a stranger chose"
    )]
    pub fn new(endpoint: &Url, resource: &Resource) -> Result<Self, reqwest::Error> {
        let mut client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            // What is not in the configuration decides nothing.
            .no_proxy();
        if endpoint.scheme() == "http" {
            // A machine without root certificates has no use for them here.
            client = client.tls_certs_only([]);
        }
        let client = client.build()?;
        let url = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
        Ok(Self { client, url, resource: resource.into() })
    }

    async fn take(&self, spans: Vec<SpanData>) -> Result<(), NotTaken> {
        let resource_spans = group_spans_by_resource_and_scope(spans, &self.resource);
        let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let request = self.client.post(&self.url).header(CONTENT_TYPE, "application/x-protobuf").body(body);
        // The answer's body is not read: nobody acts on a partial success.
        let answer = request.send().await.map_err(NotTaken::Unreachable)?;
        if answer.status().is_success() { Ok(()) } else { Err(NotTaken::Status(answer.status().as_u16())) }
    }
}

/// Sends what comes out of the queue, in batches, until `stop`; then what is left in it, once.
pub(super) async fn send(
    mut queue: Receiver<SpanData>,
    collector: Collector,
    delay: Duration,
    counts: Arc<Counts>,
    stop: CancellationToken,
) {
    let mut reachable = true;
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            received = queue.recv_many(&mut batch, BATCH) => if received == 0 { return },
            () = stop.cancelled() => queue.close(),
        }
        let fill = async { while batch.len() < BATCH && queue.recv_many(&mut batch, BATCH).await > 0 {} };
        tokio::select! {
            () = fill => {}
            () = tokio::time::sleep(delay) => {}
            () = stop.cancelled() => {}
        }
        if stop.is_cancelled() {
            queue.close();
            while queue.recv_many(&mut batch, BATCH).await > 0 {}
        }
        if batch.is_empty() {
            continue;
        }
        let spans = batch.len();
        let taken = collector.take(std::mem::take(&mut batch)).await;
        counts.answered(spans, taken.is_ok());
        match taken {
            Ok(()) => reachable = true,
            // Said once, and not for each batch: the metrics count.
            Err(reason) => {
                if std::mem::replace(&mut reachable, false) {
                    tracing::warn!(%reason, spans, "the collector does not take the traces; they are lost");
                }
            }
        }
    }
}

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => write!(f, "{error}"),
            Self::Status(status) => write!(f, "it answered with status {status}"),
        }
    }
}

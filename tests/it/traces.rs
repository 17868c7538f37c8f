//! What a collector gets to see, and what it never does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use carnet::telemetry::Traces;
use carnet_ambient::Entropy;
use carnet_testkit::form;
use http::{HeaderMap, Request, StatusCode};
use opentelemetry::{SpanId, TraceId};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::harness::{Registered, TestIap, basic};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A collector that keeps what it gets.
#[derive(Clone)]
struct Collector {
    address: std::net::SocketAddr,
    bodies: Arc<Mutex<Vec<Bytes>>>,
}

impl Collector {
    /// It answers with this status.
    async fn start(status: StatusCode) -> Self {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let collector = Self { address: socket.local_addr().unwrap(), bodies: Arc::default() };
        let take = move |State(collector): State<Self>, headers: HeaderMap, body: Bytes| async move {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            collector.bodies.lock().unwrap().push(body);
            status
        };
        let router = Router::new().route("/v1/traces", post(take)).with_state(collector.clone());
        tokio::spawn(async move { axum_serve(socket, router).await });
        collector
    }

    fn traces(&self, sample_ratio: f64) -> Traces {
        let url = format!("http://{}", self.address).parse().unwrap();
        Traces::start(&url, sample_ratio, Duration::from_millis(20), Entropy::seeded(7)).unwrap()
    }

    fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock().unwrap();
        bodies
            .iter()
            .map(|body| ExportTraceServiceRequest::decode(body.clone()).unwrap())
            .flat_map(|request| request.resource_spans)
            .inspect(|resource| {
                let attributes = &resource.resource.as_ref().unwrap().attributes;
                assert_eq!(text(attributes, "service.name"), "carnet");
            })
            .flat_map(|resource| resource.scope_spans)
            .flat_map(|scope| scope.spans)
            .collect()
    }
}

/// Serves without the accept loop under test.
async fn axum_serve(socket: tokio::net::TcpListener, router: Router) {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use hyper_util::service::TowerToHyperService;
    while let Ok((stream, _)) = socket.accept().await {
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn text(attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.as_ref()?.value.clone()) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// Sends a token request as if it came from `peer` over the network.
async fn ask(iap: &TestIap, client: &Registered, secret: &str, peer: &str, traceparent: Option<&str>) -> u16 {
    let mut request = Request::post("/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", basic(&client.client_id, secret));
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    let request = request.body(form(&[("grant_type", "client_credentials")]).into()).unwrap();
    iap.public_from(peer, request).await.status.as_u16()
}

#[tokio::test]
async fn a_token_request_is_one_trace_that_holds_nothing_secret() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let collector = Collector::start(StatusCode::OK).await;
    let traces = collector.traces(1.0);
    traces.register(&iap.app.metrics);
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(traces.layer()));
    assert_eq!(ask(&iap, &client, &client.client_secret, "192.0.2.1", None).await, 200);
    assert_eq!(ask(&iap, &client, "wrong secret", "192.0.2.1", None).await, 401);
    drop(guard);
    traces.finish().await;

    let spans = collector.spans();
    let mut by_trace: BTreeMap<Vec<u8>, Vec<&Span>> = BTreeMap::new();
    for span in &spans {
        by_trace.entry(span.trace_id.clone()).or_default().push(span);
    }
    assert_eq!(by_trace.len(), 2, "{spans:#?}");
    let mut seen = Vec::new();
    for trace in by_trace.values() {
        let root = trace.iter().find(|span| span.parent_span_id.is_empty()).unwrap();
        assert_eq!(root.name, "POST /token");
        assert_eq!(text(&root.attributes, "http.route"), "/token");
        assert_eq!(text(&root.attributes, "carnet.listener"), "public");
        let mut inside: Vec<&str> = Vec::new();
        for span in trace.iter().filter(|span| !span.parent_span_id.is_empty()) {
            assert_eq!(span.parent_span_id, root.span_id, "{}", span.name);
            assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
            inside.push(&span.name);
        }
        inside.sort_unstable();
        seen.push((text(&root.attributes, "http.response.status_code"), inside));
    }
    seen.sort();
    let expected = [
        ("200".to_owned(), vec!["authenticate client", "sign"]),
        ("401".to_owned(), vec!["authenticate client"]),
    ];
    assert_eq!(seen, expected);

    for body in collector.bodies.lock().unwrap().iter() {
        let body = String::from_utf8_lossy(body);
        for secret in
            [client.client_secret.as_str(), &client.client_id, "wrong secret", "Basic ", "eyJ", "192.0.2.1"]
        {
            assert!(!body.contains(secret), "{secret} was sent to the collector");
        }
    }
    let metrics = iap.app.metrics.text();
    assert!(metrics.contains("\ncarnet_trace_spans_sent_total 5\n"), "{metrics}");
}

#[tokio::test]
async fn only_a_trusted_peer_decides_what_is_traced() {
    let iap = TestIap::start_with(
        "[tracing]\notlp_endpoint = 'http://127.0.0.1:9'\ntrust_traceparent_from = ['10.0.0.0/8']",
    )
    .await;
    let client = iap.acme().await;
    let collector = Collector::start(StatusCode::OK).await;
    // Nothing is traced unless the caller's side wants it.
    let traces = collector.traces(0.0);
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(traces.layer()));
    let (sampled, unsampled) = (format!("00-{TRACE}-{PARENT}-01"), format!("00-{TRACE}-{PARENT}-00"));
    for (peer, traceparent) in [
        ("192.0.2.1", Some(sampled.as_str())),
        ("127.0.0.1", Some(&sampled)),
        ("10.1.2.3", Some(&unsampled)),
        ("10.1.2.3", None),
        ("10.1.2.3", Some("00-nonsense-01")),
    ] {
        assert_eq!(ask(&iap, &client, &client.client_secret, peer, traceparent).await, 200);
    }
    assert_eq!(ask(&iap, &client, &client.client_secret, "10.1.2.3", Some(&sampled)).await, 200);
    drop(guard);
    traces.finish().await;

    let spans = collector.spans();
    assert_eq!(spans.len(), 3, "{spans:#?}");
    let (trace, parent) = (TraceId::from_hex(TRACE).unwrap(), SpanId::from_hex(PARENT).unwrap());
    assert!(spans.iter().all(|span| span.trace_id == trace.to_bytes()));
    let root = spans.iter().find(|span| span.name == "POST /token").unwrap();
    assert_eq!(root.parent_span_id, parent.to_bytes());
}

#[tokio::test]
async fn a_collector_that_is_down_or_refuses_costs_spans_and_nothing_else() {
    let iap = TestIap::start().await;
    let client = iap.acme().await;
    let refusing = Collector::start(StatusCode::SERVICE_UNAVAILABLE).await;
    let down = {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        Collector { address: socket.local_addr().unwrap(), bodies: Arc::default() }
    };
    for collector in [refusing, down] {
        let traces = collector.traces(1.0);
        traces.register(&iap.app.metrics);
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(traces.layer()));
        assert_eq!(ask(&iap, &client, &client.client_secret, "192.0.2.1", None).await, 200);
        drop(guard);
        traces.finish().await;
        let metrics = iap.app.metrics.text();
        assert!(
            metrics.contains("\ncarnet_trace_spans_dropped_total{reason=\"not_taken\"} 3\n"),
            "{metrics}"
        );
        assert!(metrics.contains("\ncarnet_trace_spans_sent_total 0\n"), "{metrics}");
    }
}

//! What the built program tells its operator: metrics, traces, and how it stands.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use crate::harness::http::{Request, Wire};
use crate::harness::iap::{Iap, Setup};
use crate::harness::within;

#[test]
fn the_program_tells_its_metrics_to_its_operator_only() {
    let iap = Iap::start();
    let _ = Request::get(&format!("{}/metrics", iap.issuer())).send().expect(404);
    let _kept = Wire::open(Request::get(iap.issuer()).address()).unwrap();
    // The accept loop may need a moment for it.
    std::thread::sleep(Duration::from_millis(300));
    let answer = Request::get(&format!("{}/metrics", iap.admin_listener())).send().expect(200);
    let text = answer.text();
    let value = |series: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {series} in {text}")).parse::<f64>().unwrap()
    };
    assert!(value("carnet_connections{listener=\"public\"}") >= 1.0);
    assert!(value("carnet_connections{listener=\"administration\"}") >= 1.0);
    assert!(value("carnet_connections_limit{listener=\"public\"}") > 1.0);
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("process_open_fds") > 3.0 && value("process_max_fds") >= value("process_open_fds"));
    assert!(value("carnet_log_lines_dropped_total").abs() < f64::EPSILON);
    assert!(value("carnet_ready") > 0.0);
    assert!(value("carnet_registry_image_age_seconds") < 2.0);
    // Without a collector there are no traces, and no metrics of them.
    assert!(!text.contains("carnet_trace_"));
}

#[test]
fn traces_go_to_the_configured_collector_and_its_absence_holds_up_nobody() {
    let iap = Setup::default()
        .environment("CARNET_TRACING__OTLP_ENDPOINT", "http://127.0.0.1:9")
        .environment("CARNET_TRACING__SAMPLE_RATIO", "1")
        .start();
    let shipper = iap.participant("shipper", "SHP");
    let client = iap.client(&shipper, json!({}));
    let _ = iap.token(&client, &[]);
    let lost = within(Duration::from_secs(30), "lost spans are counted", || {
        let text = Request::get(&format!("{}/metrics", iap.admin_listener())).send().expect(200).text();
        let series = "carnet_trace_spans_dropped_total{reason=\"not_taken\"} ";
        let lost: f64 = text.lines().find_map(|line| line.strip_prefix(series))?.parse().unwrap();
        (lost > 0.0).then_some(lost)
    });
    assert!(lost >= 3.0, "{lost}");
}

/// A collector of traces that keeps whatever it is sent.
fn collector() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, keep) = (stream.unwrap(), Arc::clone(&keep));
            std::thread::spawn(move || {
                let mut piece = [0; 16 * 1024];
                while let Ok(length @ 1..) = stream.read(&mut piece) {
                    keep.lock().unwrap().extend_from_slice(&piece[..length]);
                    // Good enough for a client that sends one request after the other.
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                }
            });
        }
    });
    (address, kept)
}

#[test]
fn a_change_of_the_registry_shows_how_long_it_waited_for_the_database() {
    let (address, kept) = collector();
    let iap = Setup::default()
        .environment("CARNET_TRACING__OTLP_ENDPOINT", address.leak())
        .environment("CARNET_TRACING__SAMPLE_RATIO", "1")
        .start();
    iap.participant("shipper", "SHP");
    // Texts stand in protobuf as they are.
    for part in ["POST /admin/v1/participants", "database", "begin", "commit"] {
        within(Duration::from_secs(30), part, || {
            let kept = kept.lock().unwrap();
            kept.windows(part.len()).any(|window| window == part.as_bytes()).then_some(())
        });
    }
}

#[test]
fn the_service_manager_hears_when_the_server_answers_and_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut iap =
        Setup::default().environment("NOTIFY_SOCKET", path.to_str().unwrap().to_owned().leak()).start();
    let heard = || {
        let mut bytes = [0; 64];
        let length = manager.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    assert_eq!(heard(), "READY=1");
    iap.stop();
    assert_eq!(heard(), "STOPPING=1");
}

//! Metrics of the built program.

use crate::harness::http::{Request, Wire};
use crate::harness::iap::Iap;

#[test]
fn the_program_tells_its_metrics_to_its_operator_only() {
    let iap = Iap::start();
    let _ = Request::get(&format!("{}/metrics", iap.issuer())).send().expect(404);
    let _kept = Wire::open(Request::get(iap.issuer()).address()).unwrap();
    // The accept loop may need a moment for it.
    std::thread::sleep(std::time::Duration::from_millis(300));
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

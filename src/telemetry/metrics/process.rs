//! The process itself, by the names that every Prometheus client uses. What `/proc` does not tell is left out.

use std::fs;
use std::sync::Mutex;

use carnet_ambient::Clock;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::exposition::{Kind, Samples, as_f64};
use super::{Family, register as register_family};

pub(super) fn register(families: &Mutex<Vec<Family>>, clock: &Clock) {
    let family = |name, kind, help, write: Box<dyn Fn(&mut Samples<'_>) + Send + Sync>| {
        register_family(families, Family { name, kind, help, write });
    };
    let started_at = clock.now();
    family(
        "carnet_build_info",
        Kind::Gauge,
        "The version that runs; always 1.",
        Box::new(|samples| samples.add(&[("version", env!("CARGO_PKG_VERSION"))], 1.0)),
    );
    family(
        "process_start_time_seconds",
        Kind::Gauge,
        "When the process started, seconds since 1970-01-01 UTC.",
        Box::new(move |samples| samples.add_count(&[], u64::try_from(started_at).unwrap_or(0))),
    );
    family(
        "process_cpu_seconds_total",
        Kind::Counter,
        "Processor time of the process.",
        Box::new(|samples| {
            let spent = clock_gettime(ClockId::ProcessCPUTime);
            let nanos = spent.tv_sec.saturating_mul(1_000_000_000).saturating_add(spent.tv_nsec);
            samples.add(&[], as_f64(u64::try_from(nanos).unwrap_or(0)) / 1e9);
        }),
    );
    family(
        "process_resident_memory_bytes",
        Kind::Gauge,
        "Memory of the process that is in RAM.",
        Box::new(|samples| {
            if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().and_then(|text| resident(&text))
            {
                samples.add_count(&[], bytes);
            }
        }),
    );
    family(
        "process_open_fds",
        Kind::Gauge,
        "Open file descriptors.",
        Box::new(|samples| {
            if let Ok(entries) = fs::read_dir("/proc/self/fd") {
                // One of them is the folder that is being read.
                let count = entries.count().saturating_sub(1);
                samples.add_count(&[], u64::try_from(count).unwrap_or(0));
            }
        }),
    );
    family(
        "process_max_fds",
        Kind::Gauge,
        "File descriptors that the process may have open.",
        Box::new(|samples| {
            if let Some(limit) = getrlimit(Resource::Nofile).current {
                samples.add_count(&[], limit);
            }
        }),
    );
}

/// The line `VmRSS:  12345 kB` of a process's status, in bytes.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_bytes() {
        assert_eq!(resident("Name:\tcarnet\nVmRSS:\t   51200 kB\nThreads:\t4\n"), Some(52_428_800));
        assert_eq!(resident("Name:\tcarnet\n"), None);
        assert_eq!(resident("VmRSS:\tmany kB\n"), None);
    }
}

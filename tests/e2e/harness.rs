//! Servers, sockets and tools for the tests of the built binary.

pub mod foreign;
pub mod http;
pub mod iap;
pub mod port;
pub mod postgres;
pub mod process;
pub mod record;
pub mod relay;
pub mod scripted;
pub mod token;
pub mod tools;

use std::time::Duration;

use carnet_ambient::Clock;

/// Whether a long proof is to run in its full size, as `cargo xtask soak NAME` wants it.
pub fn full_size() -> bool {
    std::env::var_os("CARNET_TEST_FULL_SIZE").is_some_and(|value| value == "1")
}

/// Asks `question` until it has an answer, and fails when `limit` has passed.
pub fn within<T>(limit: Duration, what: &str, mut question: impl FnMut() -> Option<T>) -> T {
    let clock = Clock::system();
    let start = clock.monotonic();
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(clock.monotonic().saturating_sub(start) < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

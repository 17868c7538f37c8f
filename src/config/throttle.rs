use super::check::{ConfigError, refuse};
use super::raw::RawThrottle;

/// What failed attempts at the token endpoint may cost.
#[derive(Debug, Clone, Copy)]
pub struct ThrottleLimits {
    /// Failures a minute of one client id from one address.
    pub client_failures: u32,
    /// Failures a minute from one address, whatever client they name.
    pub address_failures: u32,
    /// How many imported secrets are hashed at once; part of them is for addresses that succeeded before.
    pub hashing_slots: usize,
    /// How many requests may wait for that.
    pub hashing_queue: usize,
}

impl ThrottleLimits {
    /// The least that makes a reserve possible.
    const LEAST_SLOTS: i64 = 2;

    pub(super) fn validate(raw: &RawThrottle) -> Result<Self, ConfigError> {
        let client_failures =
            count("throttle.client_failures_per_minute", raw.client_failures_per_minute, 20, 1, 100_000)?;
        let address_failures = count(
            "throttle.address_failures_per_minute",
            raw.address_failures_per_minute,
            100,
            1,
            1_000_000,
        )?;
        let cores = std::thread::available_parallelism().map_or(Self::LEAST_SLOTS, |cores| {
            i64::try_from(cores.get()).unwrap_or(i64::MAX).clamp(Self::LEAST_SLOTS, 8)
        });
        let slots = count("throttle.hashing_slots", raw.hashing_slots, cores, Self::LEAST_SLOTS, 64)?;
        let queue = count("throttle.hashing_queue", raw.hashing_queue, 64, 0, 10_000)?;
        Ok(Self {
            client_failures: u32::try_from(client_failures).unwrap_or(u32::MAX),
            address_failures: u32::try_from(address_failures).unwrap_or(u32::MAX),
            hashing_slots: usize::try_from(slots).unwrap_or(usize::MAX),
            hashing_queue: usize::try_from(queue).unwrap_or(usize::MAX),
        })
    }
}

fn count(
    field: &'static str,
    given: Option<i64>,
    default: i64,
    least: i64,
    most: i64,
) -> Result<i64, ConfigError> {
    match given {
        None => Ok(default),
        Some(value) if (least..=most).contains(&value) => Ok(value),
        Some(value) => refuse(field, format!("{value} is not between {least} and {most}")),
    }
}

//! The two clocks: unix time for what users see, and monotonic time for what is measured.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Unix time in milliseconds, the unit of every deadline.
pub type Millis = u64;

/// Unix time in milliseconds.
#[inline]
pub fn unix_millis() -> Millis {
    since_epoch().as_millis() as Millis
}

/// Unix time in microseconds.
#[inline]
pub fn unix_micros() -> u64 {
    // Read after every command, so without the detour by way of nanoseconds in 128 bits.
    let now = since_epoch();
    now.as_secs() * 1_000_000 + u64::from(now.subsec_micros())
}

/// Microseconds since an arbitrary moment before the first call; never goes back, whatever happens to the system's
/// time.
#[inline]
pub fn monotonic_micros() -> u64 {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed().as_micros() as u64
}

/// A clock set before 1970 counts as 1970: deadlines have no sign.
#[inline]
fn since_epoch() -> Duration {
    let now = clock_gettime(ClockId::Realtime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_agree() {
        let millis = unix_millis();
        let micros = unix_micros();
        assert!(micros / 1000 >= millis && micros / 1000 < millis + 10_000);
        // After 2020 and before 2200.
        assert!((1_577_836_800_000..7_258_118_400_000).contains(&millis));
    }

    #[test]
    fn monotonic_time_advances() {
        let start = monotonic_micros();
        std::thread::sleep(Duration::from_millis(2));
        assert!(monotonic_micros() - start >= 2_000);
    }
}

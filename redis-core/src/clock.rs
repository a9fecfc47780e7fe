//! The two clocks: unix time for what users see, and monotonic time for what is measured.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
    since_epoch().as_micros() as u64
}

/// Microseconds since an arbitrary moment before the first call; never goes back, whatever happens to the system's
/// time.
#[inline]
pub fn monotonic_micros() -> u64 {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed().as_micros() as u64
}

/// A clock set before 1970 counts as 1970: deadlines have no sign.
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
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

//! The clocks: unix time for what users see, monotonic time for what is measured, and a watch for what is measured after
//! every command.

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

/// Unix time that goes on by itself after it was set, until it is set again.
///
/// To ask the system for the time takes 35 ns, and the processor begins nothing else before it has the answer; to read
/// the counter by which the system tells the time takes 11, in passing. At pipeline 64 the time was a tenth of a GET. A
/// watch is set with each batch, so it need not go right for longer than a batch takes. Where the counter cannot be
/// relied upon, the system is asked.
pub struct Watch {
    counter: quanta::Clock,
    /// What the counter said when the watch was set.
    origin: u64,
    /// What it was set to, in microseconds since 1970.
    micros: u64,
}

impl Watch {
    /// A watch that is set.
    #[must_use]
    pub fn new() -> Self {
        let mut watch = Watch { counter: quanta::Clock::new(), origin: 0, micros: 0 };
        watch.set();
        watch
    }

    /// Sets it by the system's clock. Answers the unix time in microseconds.
    #[inline]
    pub fn set(&mut self) -> u64 {
        self.micros = unix_micros();
        self.origin = self.counter.raw();
        self.micros
    }

    /// Unix time in microseconds.
    #[inline]
    #[must_use]
    pub fn unix_micros(&self) -> u64 {
        self.micros + self.counter.delta_as_nanos(self.origin, self.counter.raw()) / 1000
    }
}

impl Default for Watch {
    fn default() -> Self {
        Watch::new()
    }
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
    fn a_watch_goes_on() {
        let mut watch = Watch::new();
        let began = watch.set();
        std::thread::sleep(Duration::from_millis(20));
        let passed = watch.unix_micros() - began;
        let expected = unix_micros().saturating_sub(began);
        assert!(passed >= 10_000 && passed <= expected + expected / 10 + 1000, "{passed} of {expected}");
    }

    #[test]
    fn monotonic_time_advances() {
        let start = monotonic_micros();
        std::thread::sleep(Duration::from_millis(2));
        assert!(monotonic_micros() - start >= 2_000);
    }
}

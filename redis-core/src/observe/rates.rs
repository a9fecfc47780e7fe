//! Instantaneous rates: operations and kilobytes per second, averaged over the last moments.
//!
//! Every 100 ms the server's clock hands in the counters; the rate since the last time becomes one of 16 samples, and
//! what `INFO` shows is their mean. So a rate reaches its value, or zero, after 1.6 seconds.

use parking_lot::Mutex;

use super::counters::Totals;

/// Samples that are averaged.
const SAMPLES: usize = 16;

/// Rates per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Commands.
    pub ops: u64,
    /// Bytes read from clients.
    pub input_bytes: u64,
    /// Bytes written to clients.
    pub output_bytes: u64,
    /// Bytes read from the master.
    pub input_repl_bytes: u64,
    /// Bytes written to replicas.
    pub output_repl_bytes: u64,
}

/// The ring of samples behind [`Rates`].
#[derive(Debug, Default)]
pub struct RateMeter(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    samples: [[u64; 5]; SAMPLES],
    next: usize,
    last: Option<(u64, [u64; 5])>,
}

impl RateMeter {
    /// A meter that shows zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a sample. `now_ms` may be of any clock that does not go back; `totals` must not be reset in between.
    pub fn tick(&self, now_ms: u64, totals: &Totals) {
        let values = [
            totals.commands_processed,
            totals.net_input_bytes,
            totals.net_output_bytes,
            totals.net_repl_input_bytes,
            totals.net_repl_output_bytes,
        ];
        let mut ring = self.0.lock();
        if let Some((then, before)) = ring.last {
            let elapsed = now_ms.saturating_sub(then);
            if elapsed == 0 {
                return;
            }
            let at = ring.next;
            for (n, sample) in ring.samples[at].iter_mut().enumerate() {
                *sample = values[n].saturating_sub(before[n]) * 1_000 / elapsed;
            }
            ring.next = (at + 1) % SAMPLES;
        }
        ring.last = Some((now_ms, values));
    }

    /// The means of the samples.
    pub fn rates(&self) -> Rates {
        let ring = self.0.lock();
        let mean = |n: usize| ring.samples.iter().map(|s| s[n]).sum::<u64>() / SAMPLES as u64;
        Rates {
            ops: mean(0),
            input_bytes: mean(1),
            output_bytes: mean(2),
            input_repl_bytes: mean(3),
            output_repl_bytes: mean(4),
        }
    }

    /// Starts again from zero.
    pub fn reset(&self) {
        self.0.lock().samples = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converges_on_the_rate() {
        let meter = RateMeter::new();
        let mut totals = Totals::default();
        for tick in 0..=SAMPLES as u64 {
            meter.tick(tick * 100, &totals);
            totals.commands_processed += 50;
            totals.net_input_bytes += 2_048;
        }
        assert_eq!(meter.rates().ops, 500);
        assert_eq!(meter.rates().input_bytes, 20_480);
        assert_eq!(meter.rates().output_bytes, 0);
        for tick in 0..8 {
            meter.tick(2_000 + tick * 100, &totals);
        }
        assert!((250..300).contains(&meter.rates().ops));
        meter.reset();
        assert_eq!(meter.rates(), Rates::default());
    }
}

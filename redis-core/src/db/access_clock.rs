//! The 24 bits per key that tell how recently or how often it was used.
//!
//! Under an LRU policy they are seconds (they wrap after 194 days, and a difference is what counts); under an LFU policy
//! sixteen bits of minutes for the decay and eight bits of a logarithmic counter, which begins at 5 so that a new key
//! is not the first to go. The formulas are those documented for Redis's `lfu-log-factor` and `lfu-decay-time`.

/// The counter of a key that was just made.
const LFU_INITIAL: u8 = 5;

/// How keys' access is remembered, and the time now.
#[derive(Clone, Copy, Debug)]
pub struct AccessClock {
    /// Frequencies instead of times.
    pub frequency: bool,
    /// Only changes count as use.
    pub changes_only: bool,
    /// `lfu-log-factor`
    pub log_factor: u32,
    /// `lfu-decay-time`, minutes
    pub decay_minutes: u32,
    /// Seconds since 1970.
    pub seconds: u64,
}

impl AccessClock {
    /// The bits of a key that is made now.
    #[must_use]
    pub fn fresh(&self) -> u32 {
        if self.frequency { self.minutes() << 8 | u32::from(LFU_INITIAL) } else { self.lru() }
    }

    /// The bits of a key that is used now and had `bits` before.
    #[must_use]
    #[inline]
    pub fn touched(&self, bits: u32) -> u32 {
        if self.frequency { self.counted(bits) } else { self.lru() }
    }

    fn counted(&self, bits: u32) -> u32 {
        let counter = self.counter(bits);
        let chance = 1.0 / (f64::from(counter.saturating_sub(LFU_INITIAL)) * f64::from(self.log_factor) + 1.0);
        let lucky = counter < u8::MAX && (crate::rng::next_u64() as f64 / u64::MAX as f64) < chance;
        self.minutes() << 8 | u32::from(counter + u8::from(lucky))
    }

    /// Seconds since the key was used.
    #[must_use]
    pub fn idle_seconds(&self, bits: u32) -> u64 {
        u64::from(self.lru().wrapping_sub(bits) & 0xff_ffff)
    }

    /// The counter, less what has decayed.
    #[must_use]
    pub fn counter(&self, bits: u32) -> u8 {
        let elapsed = self.minutes().wrapping_sub(bits >> 8) & 0xffff;
        let decayed = elapsed.checked_div(self.decay_minutes).unwrap_or(0);
        (bits as u8).saturating_sub(u8::try_from(decayed).unwrap_or(u8::MAX))
    }

    /// The bits of a key that has been idle for that long (RESTORE's IDLETIME).
    #[must_use]
    pub fn idle_since(&self, seconds: u64) -> u32 {
        (self.seconds.saturating_sub(seconds) & 0xff_ffff) as u32
    }

    /// The bits of a key with that counter (RESTORE's FREQ).
    #[must_use]
    pub fn with_counter(&self, counter: u8) -> u32 {
        self.minutes() << 8 | u32::from(counter)
    }

    fn lru(&self) -> u32 {
        (self.seconds & 0xff_ffff) as u32
    }

    fn minutes(&self) -> u32 {
        ((self.seconds / 60) & 0xffff) as u32
    }
}

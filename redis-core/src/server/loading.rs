//! How far the data set has been loaded.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};

use crate::clock;

/// The loading of a data set: that which is in progress, or the last one.
#[derive(Debug, Default)]
pub struct LoadStatus {
    active: AtomicBool,
    /// When it began, in milliseconds since 1970.
    pub started: AtomicU64,
    /// Bytes to be loaded.
    pub total_bytes: AtomicU64,
    /// Bytes that have been loaded.
    pub loaded_bytes: AtomicU64,
    /// The memory that the server used which has saved the data, in bytes.
    pub used_memory: AtomicU64,
    /// Keys that were in the last file and are loaded.
    pub keys_loaded: AtomicU64,
    /// Keys that were in the last file and had expired.
    pub keys_expired: AtomicU64,
}

impl LoadStatus {
    /// Whether a data set is being loaded: most commands are refused meanwhile.
    #[inline]
    pub fn is_active(&self) -> bool {
        self.active.load(Acquire)
    }

    /// Begins the loading of `total_bytes`.
    pub fn begin(&self, total_bytes: u64) {
        self.started.store(clock::unix_millis(), Relaxed);
        self.total_bytes.store(total_bytes, Relaxed);
        self.loaded_bytes.store(0, Relaxed);
        self.used_memory.store(0, Relaxed);
        self.active.store(true, Release);
    }

    /// The loading is over.
    pub fn end(&self) {
        self.active.store(false, Release);
    }

    /// How much has been loaded, in percent.
    pub fn percent(&self) -> f64 {
        let total = self.total_bytes.load(Relaxed).max(1);
        (self.loaded_bytes.load(Relaxed) as f64 * 100.0 / total as f64).min(100.0)
    }

    /// How long it has taken so far, in milliseconds.
    pub fn elapsed_millis(&self) -> u64 {
        clock::unix_millis().saturating_sub(self.started.load(Relaxed))
    }

    /// How many seconds it will take still, if it goes on as fast; `None` while nobody can tell.
    pub fn seconds_left(&self) -> Option<u64> {
        let loaded = self.loaded_bytes.load(Relaxed);
        let left = self.total_bytes.load(Relaxed).saturating_sub(loaded);
        (loaded > 0).then(|| (self.elapsed_millis() as f64 / 1000.0 * left as f64 / loaded as f64) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress() {
        let status = LoadStatus::default();
        assert!(!status.is_active());
        status.begin(2000);
        assert!(status.is_active());
        assert_eq!((status.percent(), status.seconds_left()), (0.0, None));
        status.started.fetch_sub(10_000, Relaxed);
        status.loaded_bytes.store(500, Relaxed);
        assert_eq!(status.percent(), 25.0);
        assert!(status.seconds_left().is_some_and(|seconds| (30..60).contains(&seconds)));
        status.loaded_bytes.store(5000, Relaxed);
        assert_eq!((status.percent(), status.seconds_left()), (100.0, Some(0)));
        status.end();
        assert!(!status.is_active());
    }
}

//! How often each error code was replied: the `errorstats` section of `INFO`.
//!
//! A code is the first word of an error reply (see `resp::error_code`). Scripts choose their own, and a careless
//! one puts a number or a key into it, so the number of different codes is bounded. Redis 7.2 gives up counting
//! altogether at that point; here, as in Valkey, the codes known by then go on being counted and all later ones
//! share one entry.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// How many different codes are told apart.
const MAX_CODES: usize = 128;

/// The entry for all others.
const OVERFLOW: &[u8] = b"ERRORSTATS_OVERFLOW";

/// Counts by error code.
#[derive(Debug, Default)]
pub struct ErrorStats(Mutex<BTreeMap<Box<[u8]>, u64>>);

impl ErrorStats {
    /// No errors.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts an error by its code. `custom` codes come from scripts or modules and may overflow; the server's own
    /// are always told apart, since they are few.
    pub fn count(&self, code: &[u8], custom: bool) {
        let mut counts = self.0.lock();
        if let Some(count) = counts.get_mut(code) {
            *count += 1;
            return;
        }
        let full = custom && counts.len() >= MAX_CODES;
        let code = if full { OVERFLOW } else { code };
        *counts.entry(code.into()).or_default() += 1;
    }

    /// All codes in alphabetical order, as text: `INFO` has no way to show other bytes.
    pub fn list(&self) -> Vec<(String, u64)> {
        let counts = self.0.lock();
        counts.iter().map(|(code, n)| (String::from_utf8_lossy(code).into_owned(), *n)).collect()
    }

    /// How many errors were replied, whatever their code.
    pub fn total(&self) -> u64 {
        self.0.lock().values().sum()
    }

    /// Forgets everything.
    pub fn reset(&self) {
        self.0.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_codes_overflow() {
        let errors = ErrorStats::new();
        errors.count(b"ERR", false);
        for n in 0..200 {
            errors.count(format!("E{n}").as_bytes(), true);
        }
        errors.count(b"E0", true);
        errors.count(b"WRONGTYPE", false);
        let list: BTreeMap<_, _> = errors.list().into_iter().collect();
        // 128 codes, the overflow and one more of the server's own.
        assert_eq!(list.len(), MAX_CODES + 2);
        assert_eq!(list["ERRORSTATS_OVERFLOW"], 200 - (MAX_CODES as u64 - 1));
        assert_eq!((list["E0"], list["WRONGTYPE"]), (2, 1));
        errors.reset();
        assert!(errors.list().is_empty());
    }
}

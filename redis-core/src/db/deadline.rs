//! When a key or a field ends, and what a write does to the end of the key it writes.

use crate::table::NO_DEADLINE;

/// A point in time at which something expires, in milliseconds since 1970; or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(u64);

impl Deadline {
    /// No end.
    pub const NEVER: Deadline = Deadline(NO_DEADLINE);

    /// At that many milliseconds since 1970.
    #[must_use]
    pub const fn at(unix_millis: u64) -> Self {
        Deadline(unix_millis)
    }

    /// Milliseconds since 1970; [`NO_DEADLINE`] for never.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whether there is no end.
    #[must_use]
    pub const fn is_never(self) -> bool {
        self.0 == NO_DEADLINE
    }

    /// Whether it has come. A key whose deadline is this very millisecond is still there, as in Redis.
    #[must_use]
    pub const fn has_passed(self, now: u64) -> bool {
        self.0 < now
    }

    /// The deadline, if there is one.
    #[must_use]
    pub fn some(self) -> Option<u64> {
        (!self.is_never()).then_some(self.0)
    }
}

/// What a write does to the deadline of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// Leave it.
    Keep,
    /// The key no longer expires.
    Clear,
    /// The key expires then.
    At(Deadline),
}

impl Ttl {
    /// The deadline of a key that was not there before: milliseconds since 1970, or [`NO_DEADLINE`].
    pub(super) fn of_new_key(self) -> u64 {
        match self {
            Ttl::Keep | Ttl::Clear => NO_DEADLINE,
            Ttl::At(deadline) => deadline.millis(),
        }
    }
}

//! The enumerations among the settings.

use super::cell::Named;
use crate::db::{EvictionPolicy, Order};
use crate::observe::log::LogLevel;

macro_rules! named {
    ($($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $value:ident = $name:literal,)+ })*) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type { $($(#[$doc])* $value,)+ }

        impl Named for $type {
            const NAMES: &'static [(&'static str, Self)] = &[$(($name, $type::$value)),+];
        }
    )* };
}

named! {
    /// What is evicted when `maxmemory` is reached.
    MaxmemoryPolicy {
        /// The least recently used among keys that expire.
        VolatileLru = "volatile-lru",
        /// The least frequently used among keys that expire.
        VolatileLfu = "volatile-lfu",
        /// Any key that expires.
        VolatileRandom = "volatile-random",
        /// The key that expires soonest.
        VolatileTtl = "volatile-ttl",
        /// The least recently used of all keys.
        AllkeysLru = "allkeys-lru",
        /// The least frequently used of all keys.
        AllkeysLfu = "allkeys-lfu",
        /// Any key.
        AllkeysRandom = "allkeys-random",
        /// Nothing: writes are refused.
        Noeviction = "noeviction",
        /// The least recently changed among keys that expire.
        VolatileLrm = "volatile-lrm",
        /// The least recently changed of all keys.
        AllkeysLrm = "allkeys-lrm",
        /// The key least frequently used of late among those that expire, as a sketch remembers it that outlives keys.
        VolatileTinyLfu = "volatile-tinylfu",
        /// The key least frequently used of late, as a sketch remembers it that outlives keys.
        AllkeysTinyLfu = "allkeys-tinylfu",
    }

    /// Who may do something dangerous.
    Permission {
        /// Nobody.
        No = "no",
        /// Everybody.
        Yes = "yes",
        /// Connections from the same host.
        Local = "local",
    }
}

impl Named for LogLevel {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("debug", Self::Debug),
        ("verbose", Self::Verbose),
        ("notice", Self::Notice),
        ("warning", Self::Warning),
        ("nothing", Self::Nothing),
    ];
}

impl Permission {
    /// Whether a connection may, which is `local` when it comes from the same host.
    pub fn allows(self, local: bool) -> bool {
        match self {
            Self::No => false,
            Self::Yes => true,
            Self::Local => local,
        }
    }
}

impl MaxmemoryPolicy {
    /// Whether the policy counts how often keys are used, rather than when.
    pub fn is_lfu(self) -> bool {
        matches!(self, Self::VolatileLfu | Self::AllkeysLfu)
    }

    /// Whether the policy asks when keys were used.
    pub fn is_lru(self) -> bool {
        matches!(self, Self::VolatileLru | Self::AllkeysLru)
    }

    /// Whether the policy asks when keys were changed.
    pub fn is_lrm(self) -> bool {
        matches!(self, Self::VolatileLrm | Self::AllkeysLrm)
    }

    /// Whether the policy asks how often keys were used of late, also before they were given up.
    pub fn is_tinylfu(self) -> bool {
        matches!(self, Self::VolatileTinyLfu | Self::AllkeysTinyLfu)
    }

    /// Which keys go, and in which order; none if nothing is evicted.
    pub fn eviction(self) -> Option<EvictionPolicy> {
        let (order, expiring_only) = match self {
            Self::VolatileLru | Self::VolatileLrm => (Order::Recency, true),
            Self::AllkeysLru | Self::AllkeysLrm => (Order::Recency, false),
            Self::VolatileLfu => (Order::Frequency, true),
            Self::AllkeysLfu => (Order::Frequency, false),
            Self::VolatileTinyLfu => (Order::TinyLfu, true),
            Self::AllkeysTinyLfu => (Order::TinyLfu, false),
            Self::VolatileRandom => (Order::Random, true),
            Self::AllkeysRandom => (Order::Random, false),
            Self::VolatileTtl => (Order::Deadline, true),
            Self::Noeviction => return None,
        };
        Some(EvictionPolicy { order, expiring_only })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_names() {
        assert_eq!(MaxmemoryPolicy::AllkeysLru.name(), "allkeys-lru");
        assert_eq!(Permission::Local.name(), "local");
    }

    #[test]
    fn local_means_the_same_host() {
        assert!(Permission::Local.allows(true) && !Permission::Local.allows(false) && !Permission::No.allows(true));
    }
}

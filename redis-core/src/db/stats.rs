//! What is known of a database without a look at its keys: sums over the shards.

use super::shard::Database;

/// What INFO says about a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatabaseStats {
    /// Number of keys, expired ones that nobody has removed yet included.
    pub keys: usize,
    /// How many of them expire.
    pub expiring: usize,
    /// Their average time to live in milliseconds.
    pub average_ttl: u64,
    /// How many keys have values with members that expire.
    pub volatile: usize,
    /// How many keys clients wait for.
    pub awaited: usize,
    /// Bytes of the tables, without their entries.
    pub table_memory: usize,
}

/// The same, while shard after shard is added.
#[derive(Clone, Default)]
pub(super) struct Totals {
    stats: DatabaseStats,
    deadlines: u128,
}

impl Totals {
    /// Adds what is in one shard.
    pub(super) fn add(&mut self, database: &Database) {
        let (stats, keys) = (&mut self.stats, &database.keys);
        stats.keys += keys.table().len();
        stats.expiring += keys.expiring;
        stats.volatile += keys.volatile;
        stats.awaited += database.waiters.len();
        stats.table_memory += keys.table().memory();
        self.deadlines += keys.deadlines;
    }

    /// What they come to.
    pub(super) fn stats(self, now: u64) -> DatabaseStats {
        let average = self.deadlines.checked_div(self.stats.expiring as u128).unwrap_or(0);
        let average_ttl = u64::try_from(average).unwrap_or(u64::MAX).saturating_sub(now);
        DatabaseStats { average_ttl, ..self.stats }
    }
}

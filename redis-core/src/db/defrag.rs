//! A walk through all keys that moves what lies apart, a slice at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::store::{Held, ShardSet, Store};
use crate::hash::hash;
use crate::relocate::Relocator;

/// One walk through all keys. Only the shard that it is at is locked, and that for one slice; in between, commands run.
pub(crate) struct Defragmenter {
    held: Held,
    /// Where it is: shard and database, as one number.
    place: usize,
    /// Where it is in the table there.
    cursor: u64,
    /// Collections that it has passed and that are walked through next.
    large: Vec<Large>,
    /// How many keys had something moved.
    pub(crate) keys_moved: u64,
    /// How many had not.
    pub(crate) keys_left: u64,
}

/// A collection that is walked through by itself.
struct Large {
    name: Box<[u8]>,
    /// Where to go on.
    place: u64,
    /// Whether anything of it was moved.
    moved: bool,
}

impl Defragmenter {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { held: Held::new(store), place: 0, cursor: 0, large: Vec::new(), keys_moved: 0, keys_left: 0 }
    }

    /// Goes on for `slice`. Answers whether there is more.
    pub(crate) fn advance(&mut self, slice: Duration, relocator: &mut Relocator<'_>) -> bool {
        let (shards, databases) = (self.held.store().shards(), self.held.store().databases());
        if self.place >= shards * databases {
            return false;
        }
        let (shard, database) = (self.place / databases, self.place % databases);
        self.held.lock(&ShardSet::only(shard));
        let begun = Instant::now();
        let keys = &mut self.held.shard_mut(shard).databases[database].keys;
        loop {
            if let Some(Large { name, place, moved }) = self.large.last_mut() {
                let before = relocator.moved;
                *place = keys.relocate_within(hash(name), name, *place, relocator);
                *moved |= relocator.moved > before;
                if *place == 0 {
                    *if *moved { &mut self.keys_moved } else { &mut self.keys_left } += 1;
                    self.large.pop();
                }
            } else {
                let Self { large, keys_moved, keys_left, .. } = self;
                self.cursor = keys.relocate(self.cursor, relocator, &mut |entry, moved| {
                    if entry.open_object().is_some() {
                        large.push(Large { name: entry.key().into(), place: 0, moved });
                    } else {
                        *if moved { &mut *keys_moved } else { &mut *keys_left } += 1;
                    }
                });
            }
            if self.cursor == 0 && self.large.is_empty() {
                self.place += 1;
                break;
            }
            if begun.elapsed() >= slice {
                break;
            }
        }
        self.held.unlock_fairly();
        self.place < shards * databases
    }
}

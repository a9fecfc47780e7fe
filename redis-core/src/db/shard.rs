//! A shard: one share of the keys of every logical database, behind one lock.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::deadline::Deadline;
use super::entry::Entry;
use super::snapshot::{Portion, Sweep};
use crate::relocate::Relocator;
use crate::table::{Due, NO_DEADLINE, Place, Table};
use crate::value::Kind;

/// An entry that is gone and to be freed, unless a snapshot still needs it.
#[must_use]
pub(crate) struct Removed {
    pub(super) kind: Kind,
    pub(super) entry: Option<Entry>,
}

/// How a string is to be stored under a key.
pub(crate) enum Overwrite<'a> {
    /// The key is free.
    Free,
    /// Into the entry that is there.
    InPlace(&'a mut Entry),
    /// Into a new entry with this deadline, when the old one, which is no string or needed by a snapshot, is removed.
    Anew(u64),
}

/// An entry of so many bytes is rather replaced than copied for a snapshot and overwritten.
const DEAR_TO_COPY: usize = 4096;

/// The keys of one database in one shard.
///
/// Nobody else has the table for writing: what is lent or leaves is shown to the snapshot that is being taken first.
#[derive(Default)]
pub(crate) struct Keys {
    table: Table<Entry>,
    /// How many of them expire.
    pub(crate) expiring: usize,
    /// The sum of their deadlines, for the average that INFO shows.
    pub(crate) deadlines: u128,
    /// How many of them have values with members that end by themselves.
    pub(crate) volatile: usize,
    /// How far the active expiry cycle has come.
    pub(crate) expiry_position: u64,
    /// While they are being copied: a snapshot is taken, and they are not done.
    pub(super) sweep: Option<Box<Sweep>>,
}

impl Keys {
    /// Notes that a key's deadline went from one value to another ([`NO_DEADLINE`] for none).
    pub(crate) fn deadline_moved(&mut self, old: u64, new: u64) {
        if old != NO_DEADLINE {
            self.expiring -= 1;
            self.deadlines -= u128::from(old);
        }
        if new != NO_DEADLINE {
            self.expiring += 1;
            self.deadlines += u128::from(new);
        }
    }

    pub(crate) fn insert(&mut self, hash: u64, mut entry: Entry) -> &mut Entry {
        entry.set_epoch(self.sweep.as_ref().map_or(0, |sweep| sweep.epoch()));
        self.deadline_moved(NO_DEADLINE, entry.expires_at());
        let volatile = entry.next_member_deadline() != NO_DEADLINE;
        entry.set_volatile(volatile);
        self.volatile += usize::from(volatile);
        self.table.insert_new(hash, entry)
    }

    /// The entries, for reading.
    #[inline]
    pub(crate) fn table(&self) -> &Table<Entry> {
        &self.table
    }

    /// The entries alone, to be freed.
    pub(crate) fn into_table(self) -> Table<Entry> {
        self.table
    }

    /// Visits entries that are due: see [`Table::due`].
    pub(crate) fn due(&mut self, now: u64, position: &mut u64, limit: usize, visit: &mut dyn FnMut(&Entry)) {
        self.table.due(now, position, limit, &mut |entry| {
            visit(entry);
            Due::Keep
        });
    }

    /// One step of a walk that moves what is in the table, see [`Table::relocate`]; `passed` is told of each entry and whether
    /// it was moved. Nobody sees a difference, so no snapshot is told.
    pub(super) fn relocate(
        &mut self,
        cursor: u64,
        relocator: &mut Relocator<'_>,
        passed: &mut dyn FnMut(&Entry, bool),
    ) -> u64 {
        let relocator = RefCell::new(relocator);
        self.table.relocate(cursor, &mut |start| relocator.borrow_mut().wants(start), &mut |entry| {
            let moved = entry.relocate(&mut relocator.borrow_mut());
            passed(entry, moved);
        })
    }

    /// The same for one step within a collection; answers where to go on, 0 at the end.
    pub(super) fn relocate_within(&mut self, hash: u64, name: &[u8], place: u64, relocator: &mut Relocator<'_>) -> u64 {
        let entry = self.table.find_mut(hash, name).filter(|entry| entry.open_object().is_some());
        entry.and_then(Entry::object_mut).map_or(0, |object| object.relocate(place, relocator))
    }

    /// Goes on with the sweep, if there is one, until `enough` says so. Answers whether there is nothing left of it.
    pub(super) fn sweep(&mut self, portion: &mut Portion, part: usize, enough: impl FnMut(&Portion) -> bool) -> bool {
        self.sweep.as_mut().is_none_or(|sweep| sweep.advance(&self.table, portion, part, enough))
    }

    /// The entry of a key, for writing. A snapshot has what it was before.
    #[inline]
    pub(crate) fn find_mut(&mut self, hash: u64, name: &[u8]) -> Option<&mut Entry> {
        let entry = self.table.find_mut(hash, name)?;
        if let Some(sweep) = &mut self.sweep {
            sweep.preserve(entry);
        }
        Some(entry)
    }

    /// The entry at a place in the table, as with [`Keys::find_mut`].
    #[inline]
    pub(crate) fn at_mut(&mut self, place: Place) -> Option<&mut Entry> {
        let entry = self.table.at_mut(place)?;
        if let Some(sweep) = &mut self.sweep {
            sweep.preserve(entry);
        }
        Some(entry)
    }

    /// The entry of a key that is to hold a string, and nothing of what it holds now.
    #[inline]
    pub(crate) fn find_to_overwrite(&mut self, hash: u64, name: &[u8]) -> Overwrite<'_> {
        let Some(entry) = self.table.find_mut(hash, name) else { return Overwrite::Free };
        if entry.kind() != Kind::Str {
            return Overwrite::Anew(entry.expires_at());
        }
        if let Some(sweep) = &mut self.sweep {
            if entry.memory() > DEAR_TO_COPY {
                return Overwrite::Anew(entry.expires_at());
            }
            sweep.preserve(entry);
        }
        Overwrite::InPlace(entry)
    }

    /// Takes an entry out, to be used further. A snapshot has what it was before.
    pub(crate) fn take(&mut self, hash: u64, name: &[u8]) -> Option<Entry> {
        let entry = self.withdraw(hash, name)?;
        if let Some(sweep) = &mut self.sweep {
            sweep.preserve(&entry);
        }
        Some(entry)
    }

    /// Takes an entry out for good.
    pub(crate) fn remove(&mut self, hash: u64, name: &[u8]) -> Option<Removed> {
        let entry = self.withdraw(hash, name)?;
        let kind = entry.kind();
        let entry = match &mut self.sweep {
            None => Some(entry),
            Some(sweep) => sweep.take_over(entry),
        };
        Some(Removed { kind, entry })
    }

    fn withdraw(&mut self, hash: u64, name: &[u8]) -> Option<Entry> {
        let entry = self.table.remove(hash, name)?;
        self.deadline_moved(entry.expires_at(), NO_DEADLINE);
        self.volatile -= usize::from(entry.is_volatile());
        Some(entry)
    }

    /// Sees to what has become of a collection that was lent for writing: when its first member ends, which may have
    /// changed, and whether it can be packed. Answers whether it is empty, so that it must go.
    pub(crate) fn settle(&mut self, hash: u64, name: &[u8]) -> bool {
        let Some(entry) = self.table.find_mut(hash, name) else { return false };
        let Some(object) = entry.open_object() else { return false };
        if object.must_go() {
            return true;
        }
        let next_deadline = object.next_deadline();
        let volatile = next_deadline != NO_DEADLINE;
        if entry.is_volatile() != volatile {
            entry.set_volatile(volatile);
            self.volatile = if volatile { self.volatile + 1 } else { self.volatile - 1 };
        }
        entry.close();
        if volatile {
            self.table.note_deadline(hash, next_deadline);
        }
        false
    }

    pub(crate) fn set_deadline(&mut self, hash: u64, name: &[u8], deadline: u64) -> bool {
        let Some(entry) = self.find_mut(hash, name) else { return false };
        let old = entry.expires_at();
        if old != deadline {
            entry.set_deadline(deadline);
            self.deadline_moved(old, deadline);
            self.table.note_deadline(hash, deadline);
        }
        true
    }
}

/// Who watches a key, as WATCH does: the flag is raised when the key changes.
pub(crate) struct Watcher {
    pub(crate) client: u64,
    pub(crate) touched: Arc<AtomicBool>,
    /// The key is there although its time was over when the watch began, so that its removal is no change.
    pub(crate) expired: bool,
}

impl Watcher {
    fn touch(&self) {
        self.touched.store(true, Ordering::Release);
    }
}

/// A client that is blocked on a key. Places only grow, so a queue can be walked while others come and go.
#[derive(Clone, Copy)]
pub(crate) struct Waiter {
    pub(crate) place: u64,
    pub(crate) client: u64,
    /// What the key must hold to be of use; anything, if none.
    pub(crate) kind: Option<Kind>,
}

/// One logical database's part in a shard: its keys, and who waits for or watches them. SWAPDB exchanges the keys and
/// leaves the rest, as clients name databases by number.
#[derive(Default)]
pub(crate) struct Database {
    pub(crate) keys: Keys,
    pub(crate) watchers: HashMap<Box<[u8]>, Vec<Watcher>>,
    /// Blocked clients by key, in order of arrival.
    pub(crate) waiters: HashMap<Box<[u8]>, VecDeque<Waiter>>,
    /// The next waiter's place.
    next_place: u64,
}

impl Database {
    /// Whether anybody watches a key or waits for one.
    #[inline]
    pub(crate) fn is_attended(&self) -> bool {
        !self.watchers.is_empty() || !self.waiters.is_empty()
    }

    /// Raises the flags of those who watch a key that has changed or is gone.
    pub(crate) fn touch_watched(&mut self, hash: u64, name: &[u8]) {
        let Some(watchers) = self.watchers.get_mut(name) else { return };
        let gone = self.keys.table().find(hash, name).is_none();
        for watcher in watchers {
            if !(std::mem::take(&mut watcher.expired) && gone) {
                watcher.touch();
            }
        }
    }

    /// Raises the flags of those who watch a key that changes when all keys go and those of `others`, if any, come. A
    /// key whose time is over counts as missing, before and after.
    pub(crate) fn touch_all_watched(&mut self, others: Option<&Keys>, now: u64) {
        for (name, watchers) in &mut self.watchers {
            let hash = crate::hash::hash(name);
            let was_there = self.keys.table().find(hash, name).is_some();
            let comes = others.and_then(|others| others.table().find(hash, name));
            if !was_there && comes.is_none() {
                continue;
            }
            let comes_expired = comes.is_some_and(|entry| Deadline::at(entry.expires_at()).has_passed(now));
            for watcher in watchers {
                let was_missing = watcher.expired || !was_there;
                if was_missing && (comes.is_none() || comes_expired) {
                    watcher.expired = comes_expired;
                } else {
                    watcher.touch();
                }
            }
        }
    }

    pub(crate) fn unwatch(&mut self, name: &[u8], client: u64) {
        if let Some(watchers) = self.watchers.get_mut(name) {
            watchers.retain(|watcher| watcher.client != client);
            if watchers.is_empty() {
                self.watchers.remove(name);
            }
        }
    }

    /// Puts a client at the end of the queue for a key. A command may name the key twice.
    pub(crate) fn wait(&mut self, name: Box<[u8]>, client: u64, kind: Option<Kind>) {
        let queue = self.waiters.entry(name).or_default();
        if queue.back().is_none_or(|last| last.client != client) {
            queue.push_back(Waiter { place: self.next_place, client, kind });
            self.next_place += 1;
        }
    }

    /// The keys that are there and that clients wait for, with their hashes.
    pub(crate) fn awaited_keys(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let hashed = self.waiters.keys().map(|name| (crate::hash::hash(name), &**name));
        hashed.filter(|(hash, name)| self.keys.table().find(*hash, name).is_some())
    }

    /// The first, from a place on, who waits for a key that holds `kind` now.
    pub(crate) fn next_waiter(&self, name: &[u8], from: u64, kind: Option<Kind>) -> Option<Waiter> {
        let queue = self.waiters.get(name)?;
        let first = queue.partition_point(|waiter| waiter.place < from);
        queue.range(first..).find(|waiter| waiter.kind.is_none() || waiter.kind == kind).copied()
    }

    pub(crate) fn stop_waiting(&mut self, name: &[u8], client: u64) {
        let Some(queue) = self.waiters.get_mut(name) else { return };
        if let Some(index) = queue.iter().position(|waiter| waiter.client == client) {
            queue.remove(index);
        }
        if queue.is_empty() {
            self.waiters.remove(name);
        }
    }
}

/// What one lock guards.
pub(crate) struct Shard {
    pub(crate) databases: Box<[Database]>,
}

impl Shard {
    pub(crate) fn new(databases: usize) -> Self {
        Shard { databases: (0..databases).map(|_| Database::default()).collect() }
    }
}

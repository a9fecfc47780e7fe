//! The table behind a large hash, with the count of its bytes and the deadlines of its fields.

use crate::hash::hash;
use crate::rng::{below, next_u64};
use crate::table::{Due, NO_DEADLINE, Table, TableEntry};
use crate::value::member::Field;
use crate::value::{sample, tight};

/// How often a random field may turn out to have expired before the live ones are collected.
const TRIES: usize = 32;

/// The fields of a hash in a table.
#[derive(Debug)]
pub(super) struct Fields {
    table: Table<Field>,
    /// Of the heap, by the fields alone.
    bytes: usize,
    /// How many fields have a deadline.
    mortal: usize,
    /// No field ends before this.
    next_deadline: u64,
    /// Where the next [`Fields::reap`] goes on.
    position: u64,
}

fn is_live(field: &Field, now: u64) -> bool {
    field.deadline() > now
}

impl Fields {
    pub(super) fn new() -> Self {
        Self { table: Table::new(), bytes: 0, mortal: 0, next_deadline: NO_DEADLINE, position: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.table.memory() + self.bytes
    }

    pub(super) fn next_deadline(&self) -> u64 {
        if self.mortal == 0 { NO_DEADLINE } else { self.next_deadline }
    }

    /// All that are there, expired ones too.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Field> {
        self.table.iter()
    }

    pub(super) fn live(&self, now: u64) -> impl Iterator<Item = &Field> {
        self.table.iter().filter(move |field| is_live(field, now))
    }

    pub(super) fn find(&self, field: &[u8], now: u64) -> Option<&Field> {
        self.table.find(hash(field), field).filter(|field| is_live(field, now))
    }

    fn count_in(&mut self, size: usize, deadline: u64) {
        self.bytes += tight::size_class(size);
        self.mortal += usize::from(deadline != NO_DEADLINE);
        self.next_deadline = self.next_deadline.min(deadline);
    }

    fn count_out(&mut self, size: usize, deadline: u64) {
        self.bytes -= tight::size_class(size);
        self.mortal -= usize::from(deadline != NO_DEADLINE);
        if self.mortal == 0 {
            self.next_deadline = NO_DEADLINE;
        }
    }

    /// Changes a field that is there, by `change`, and keeps the counts. Returns what `change` does.
    fn edit<R>(&mut self, field: &[u8], change: impl FnOnce(&mut Field) -> R) -> Option<R> {
        let hash = hash(field);
        let found = self.table.find_mut(hash, field)?;
        let before = (found.size(), found.deadline());
        let result = change(found);
        let after = (found.size(), found.deadline());
        if before != after {
            self.count_in(after.0, after.1);
            self.count_out(before.0, before.1);
            self.table.note_deadline(hash, after.1);
        }
        Some(result)
    }

    /// Sets a field. Returns whether there was no live one.
    pub(super) fn set(&mut self, field: &[u8], value: &[u8], deadline: u64, now: u64) -> bool {
        let existing = self.edit(field, |found| {
            let expired = !is_live(found, now);
            found.set(value, deadline);
            expired
        });
        existing.unwrap_or_else(|| {
            self.insert_new(Field::new(field, value, deadline));
            true
        })
    }

    /// Adds a field that is known to be absent.
    pub(super) fn insert_new(&mut self, field: Field) {
        self.count_in(field.size(), field.deadline());
        self.table.insert_new(field.hash(), field);
    }

    /// Gives a live field another deadline. Returns the old one.
    pub(super) fn set_deadline(&mut self, field: &[u8], deadline: u64, now: u64) -> Option<u64> {
        self.edit(field, |found| {
            let old = found.deadline();
            (old > now).then(|| {
                found.set_deadline(deadline);
                old
            })
        })?
    }

    /// Removes a live field. Returns whether there was one.
    pub(super) fn remove(&mut self, field: &[u8], now: u64) -> bool {
        // Only with deadlines about is it worth while to look before removing.
        if self.mortal > 0 && self.find(field, now).is_none() {
            return false;
        }
        let removed = self.table.remove(hash(field), field);
        if let Some(field) = &removed {
            self.count_out(field.size(), field.deadline());
        }
        removed.is_some()
    }

    pub(super) fn scan(&self, cursor: u64, now: u64, visit: &mut dyn FnMut(&Field)) -> u64 {
        self.table.scan(cursor, &mut |field| {
            if is_live(field, now) {
                visit(field);
            }
        })
    }

    pub(super) fn random(&self, now: u64) -> Option<&Field> {
        for _ in 0..TRIES {
            let field = self.table.random(next_u64)?;
            if is_live(field, now) {
                return Some(field);
            }
        }
        let live: Vec<_> = self.live(now).collect();
        (!live.is_empty()).then(|| live[below(live.len())])
    }

    pub(super) fn sample(&self, count: usize, now: u64, visit: &mut dyn FnMut(&Field)) {
        if self.mortal == 0 {
            sample::distinct(&self.table, count, visit);
        } else {
            sample::reservoir(self.live(now), count).into_iter().for_each(visit);
        }
    }

    pub(super) fn sample_with_repeats(&self, count: usize, now: u64, visit: &mut dyn FnMut(&Field)) {
        let live: Vec<_> = if self.mortal > 0 && count > 1 { self.live(now).collect() } else { Vec::new() };
        for _ in 0..count {
            let drawn = if live.is_empty() { self.random(now) } else { Some(live[below(live.len())]) };
            match drawn {
                Some(field) => visit(field),
                None => return,
            }
        }
    }

    /// Whether there is such a field and its time is over.
    pub(super) fn has_expired(&self, field: &[u8], now: u64) -> bool {
        self.next_deadline() <= now && self.table.find(hash(field), field).is_some_and(|field| !is_live(field, now))
    }

    /// Removes fields that are due, examining about `limit`, and shows each before it goes. Returns how many went.
    pub(super) fn reap(&mut self, now: u64, limit: usize, gone: &mut dyn FnMut(&Field)) -> usize {
        if self.next_deadline() > now {
            return 0;
        }
        let (mut removed, mut bytes) = (0, 0);
        self.table.due(now, &mut self.position, limit, &mut |field| {
            gone(field);
            removed += 1;
            bytes += tight::size_class(field.size());
            Due::Remove
        });
        self.bytes -= bytes;
        self.mortal -= removed;
        self.next_deadline = if self.mortal == 0 { NO_DEADLINE } else { self.table.next_deadline() };
        removed
    }
}

impl Clone for Fields {
    fn clone(&self) -> Self {
        let mut copy = Self::new();
        self.table.iter().for_each(|field| copy.insert_new(field.clone()));
        copy
    }
}

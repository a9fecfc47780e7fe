//! The table behind a large set or hash: its members, how many bytes they hold, and which of them end when.
//!
//! A member whose deadline has come is *due*. It is in the table until [`MemberTable::reap`] takes it out; whether it is
//! shown until then is for the collection to say. A hash looks at the time whenever it looks for a field
//! ([`MemberTable::find`]); a set has what is due taken out before anybody looks.

use super::deadlines::Deadlines;
use super::member::Mortal;
use super::{sample, tight};
use crate::hash::hash;
use crate::relocate::Relocator;
use crate::rng::{below, next_u64};
use crate::table::{NO_DEADLINE, Table};

/// How often a random member may turn out to be due before the live ones are collected.
const TRIES: usize = 32;

/// Members in a table.
pub(super) struct MemberTable<E> {
    table: Table<E>,
    /// Of the heap, by the members alone.
    bytes: usize,
    deadlines: Deadlines,
}

fn is_live<E: Mortal>(member: &E, now: u64) -> bool {
    member.ends_at() > now
}

/// All members, due or not.
impl<E: Mortal> MemberTable<E> {
    pub(super) fn new() -> Self {
        Self { table: Table::new(), bytes: 0, deadlines: Deadlines::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.table.memory() + self.bytes + self.deadlines.memory()
    }

    /// A time before which no member ends.
    #[inline]
    pub(super) fn next_deadline(&self) -> u64 {
        self.deadlines.next()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &E> {
        self.table.iter()
    }

    #[inline]
    pub(super) fn get(&self, member: &[u8]) -> Option<&E> {
        self.table.find(hash(member), member)
    }

    /// Adds a member, which `make` makes, unless there is one of that name. Returns whether there was none.
    #[inline]
    pub(super) fn insert(&mut self, member: &[u8], make: impl FnOnce() -> E) -> bool {
        let hash = hash(member);
        let absent = self.table.find(hash, member).is_none();
        if absent {
            self.insert_new(hash, make());
        }
        absent
    }

    pub(super) fn scan(&self, cursor: u64, visit: &mut dyn FnMut(&E)) -> u64 {
        self.table.scan(cursor, visit)
    }

    /// One step of the walk that moves what is wanted elsewhere; answers where to go on, 0 at the end.
    pub(super) fn relocate(&mut self, cursor: u64, relocator: &mut Relocator<'_>) -> u64 {
        // Both ask the same relocator, by turns.
        let relocator = std::cell::RefCell::new(relocator);
        self.table.relocate(cursor, &mut |start| relocator.borrow_mut().wants(start), &mut |member| {
            member.relocate(&mut relocator.borrow_mut());
        })
    }

    pub(super) fn random(&self) -> Option<&E> {
        self.table.random(next_u64)
    }

    pub(super) fn sample(&self, count: usize, visit: &mut dyn FnMut(&E)) {
        sample::distinct(&self.table, count, visit);
    }

    #[inline]
    fn count_in(&mut self, hash: u64, size: usize, deadline: u64) {
        self.bytes += tight::size_class(size);
        self.deadlines.insert(deadline, hash);
    }

    #[inline]
    fn count_out(&mut self, hash: u64, size: usize, deadline: u64) {
        self.bytes -= tight::size_class(size);
        // Another member may have both hash and deadline, and needs the place on.
        if deadline != NO_DEADLINE && self.table.find_where(hash, |other| other.ends_at() == deadline).is_none() {
            self.deadlines.remove(deadline, hash);
        }
    }

    /// Adds a member that is known to be absent.
    #[inline]
    pub(super) fn insert_new(&mut self, hash: u64, member: E) {
        self.count_in(hash, member.size(), member.ends_at());
        self.table.insert_new(hash, member);
    }

    /// Changes a member that is there, by `change`, and keeps the counts. Returns what `change` does.
    pub(super) fn edit<R>(&mut self, member: &[u8], change: impl FnOnce(&mut E) -> R) -> Option<R> {
        self.edit_hashed(hash(member), member, change)
    }

    /// [`MemberTable::edit`] for who has the hash already.
    #[inline]
    pub(super) fn edit_hashed<R>(&mut self, hash: u64, member: &[u8], change: impl FnOnce(&mut E) -> R) -> Option<R> {
        let found = self.table.find_mut(hash, member)?;
        let before = (found.size(), found.ends_at());
        let result = change(found);
        let after = (found.size(), found.ends_at());
        if before != after {
            self.count_out(hash, before.0, before.1);
            self.count_in(hash, after.0, after.1);
        }
        Some(result)
    }

    /// Takes a member out.
    pub(super) fn take(&mut self, member: &[u8]) -> Option<E> {
        let hash = hash(member);
        let taken = self.table.remove(hash, member)?;
        self.count_out(hash, taken.size(), taken.ends_at());
        Some(taken)
    }

    /// Takes members out that are due, at most `limit`, earliest first, and shows each. Returns how many.
    pub(super) fn reap(&mut self, now: u64, limit: usize, gone: &mut dyn FnMut(&E)) -> usize {
        let mut reaped = 0;
        while reaped < limit
            && let Some((deadline, hash)) = self.deadlines.first().filter(|(deadline, _)| *deadline <= now)
        {
            match self.table.remove_where(hash, |member| member.ends_at() == deadline) {
                Some(member) => {
                    self.count_out(hash, member.size(), deadline);
                    gone(&member);
                    reaped += 1;
                }
                None => {
                    debug_assert!(false, "every deadline is that of a member");
                    self.deadlines.remove(deadline, hash);
                }
            }
        }
        reaped
    }
}

/// What one sees who looks at the time.
impl<E: Mortal> MemberTable<E> {
    pub(super) fn live(&self, now: u64) -> impl Iterator<Item = &E> {
        self.table.iter().filter(move |member| is_live(*member, now))
    }

    #[inline]
    pub(super) fn find(&self, member: &[u8], now: u64) -> Option<&E> {
        self.get(member).filter(|member| is_live(*member, now))
    }

    /// Whether there is such a member and its time is over.
    pub(super) fn is_due(&self, member: &[u8], now: u64) -> bool {
        !self.deadlines.is_empty() && self.get(member).is_some_and(|member| !is_live(member, now))
    }

    /// Gives a live member another deadline. Returns the old one.
    pub(super) fn set_deadline(&mut self, member: &[u8], deadline: u64, now: u64) -> Option<u64> {
        self.edit(member, |found| {
            let old = found.ends_at();
            (old > now).then(|| {
                found.set_end(deadline);
                old
            })
        })?
    }

    /// Removes a live member. Returns whether there was one.
    pub(super) fn remove(&mut self, member: &[u8], now: u64) -> bool {
        // Only with deadlines about is it worth while to look before removing.
        !self.is_due(member, now) && self.take(member).is_some()
    }

    pub(super) fn scan_live(&self, cursor: u64, now: u64, visit: &mut dyn FnMut(&E)) -> u64 {
        self.table.scan(cursor, &mut |member| {
            if is_live(member, now) {
                visit(member);
            }
        })
    }

    pub(super) fn random_live(&self, now: u64) -> Option<&E> {
        for _ in 0..TRIES {
            let member = self.random()?;
            if is_live(member, now) {
                return Some(member);
            }
        }
        let live: Vec<_> = self.live(now).collect();
        (!live.is_empty()).then(|| live[below(live.len())])
    }

    pub(super) fn sample_live(&self, count: usize, now: u64, visit: &mut dyn FnMut(&E)) {
        if self.next_deadline() > now {
            self.sample(count, visit);
        } else {
            sample::reservoir(self.live(now), count).into_iter().for_each(visit);
        }
    }

    /// Visits `count` random members, each drawn among all live ones. None if there are none.
    pub(super) fn sample_live_with_repeats(&self, count: usize, now: u64, visit: &mut dyn FnMut(&E)) {
        let live: Vec<_> = if count > 1 && self.next_deadline() <= now { self.live(now).collect() } else { Vec::new() };
        for _ in 0..count {
            let drawn = if live.is_empty() { self.random_live(now) } else { Some(live[below(live.len())]) };
            match drawn {
                Some(member) => visit(member),
                None => return,
            }
        }
    }
}

impl<E: Mortal> Default for MemberTable<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Mortal + Clone> Clone for MemberTable<E> {
    fn clone(&self) -> Self {
        let mut copy = Self::new();
        self.table.iter().for_each(|member| copy.insert_new(member.hash(), member.clone()));
        copy
    }
}

impl<E> std::fmt::Debug for MemberTable<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.table.fmt(f)
    }
}

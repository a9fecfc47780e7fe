//! Reading: nothing here changes the data.

use super::entry::Entry;
use super::event::EventClasses;
use super::{Db, Deadline, Found, Key, Matter};
use crate::error::{Error, Result};
use crate::value::{Kind, Object, ObjectArena, Str, Value};

/// A type of value that a key can hold, as handlers ask for it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type of value",
    note = "a key holds a `Str`, a `List`, `Set`, `Hash`, `ZSet` or `Stream`, or a type with `#[data_type(..)] impl DataType for ..`"
)]
pub trait Stored {
    /// The entry's value, if it is of this type. One that is packed becomes an object in the arena.
    fn of<'e>(entry: &'e Entry, arena: &'e ObjectArena) -> Option<&'e Self>;
}

impl Stored for Str {
    #[inline]
    fn of<'e>(entry: &'e Entry, _arena: &'e ObjectArena) -> Option<&'e Str> {
        entry.text()
    }
}

/// Whatever is no string is an object.
impl<T: Value> Stored for T {
    #[inline]
    fn of<'e>(entry: &'e Entry, arena: &'e ObjectArena) -> Option<&'e Self> {
        entry.object().and_then(|object| T::from_object(object.kept(arena)))
    }
}

impl Db {
    /// The value of a key, for reading: counts as a hit or a miss and as an access.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] if it is of another type.
    #[inline]
    pub fn get<T: Stored + ?Sized>(&self, key: Key) -> Result<Option<&T>> {
        match self.read(key) {
            None => Ok(None),
            Some(entry) => T::of(entry, &self.arena).map(Some).ok_or(Error::WRONG_TYPE),
        }
    }

    /// The value of an entry, if it is not a string.
    #[inline]
    pub fn object<'d>(&'d self, entry: &'d Entry) -> Option<&'d Object> {
        entry.object().map(|object| object.kept(&self.arena))
    }

    /// The entry of a key, for reading: counts as a hit or a miss and as an access.
    #[inline(always)]
    pub fn read(&self, key: Key) -> Option<&Entry> {
        let entry = self.read_untouched(key)?;
        self.touch(key, entry);
        Some(entry)
    }

    /// The entry of a key, for those who ask about the key rather than for its value (EXISTS, TYPE, TTL): counts as a
    /// hit or a miss, but not as an access.
    #[inline(always)]
    pub fn read_untouched(&self, key: Key) -> Option<&Entry> {
        let entry = self.inspect(key);
        if entry.is_none() {
            self.note_missed(|| Found::Key(key));
        }
        entry
    }

    /// As [`Db::read_untouched`], and no subscriber is told of a miss (OBJECT).
    #[inline(always)]
    pub fn inspect(&self, key: Key) -> Option<&Entry> {
        let entry = self.peek(key);
        self.count_read(entry.is_some());
        entry
    }

    /// Counts a hit or a miss.
    #[inline]
    pub(super) fn count_read(&self, hit: bool) {
        let count = if hit { &self.hits } else { &self.misses };
        count.set(count.get() + 1);
    }

    /// Has subscribers told that a key was missed, if they want to know.
    #[inline]
    pub(super) fn note_missed(&self, key: impl FnOnce() -> Found) {
        if self.settings.notify.has_any(EventClasses::KEY_MISS) {
            self.noted.borrow_mut().push((self.index, key(), Matter::Missed));
        }
    }

    /// Has an entry of the selected database that was found expired removed after the call.
    pub(super) fn note_expired(&self, entry: &Entry) {
        self.noted.borrow_mut().push((self.index, Found::Name(entry.key().into()), Matter::Expired));
    }

    /// The entry of a key, leaving no trace: neither statistics nor the access clock change.
    #[inline(always)]
    pub fn peek(&self, key: Key) -> Option<&Entry> {
        let entry = self.database(key.hash).keys.table().find(key.hash, self.name(key))?;
        if Deadline::at(entry.expires_at()).has_passed(self.now) && self.settings.expire {
            self.noted.borrow_mut().push((self.index, Found::Key(key), Matter::Expired));
            return None;
        }
        Some(entry)
    }

    /// About how many bytes the place of a key takes in its table: as many as that of any other there, if there are enough
    /// others to tell.
    #[must_use]
    pub fn place_memory(&self, key: Key) -> usize {
        /// Bytes of a place, and what it takes at most with the room that a table keeps.
        const PLACE: std::ops::RangeInclusive<usize> = 8..=24;
        let table = self.database(key.hash).keys.table();
        (table.memory() / table.len().max(1)).clamp(*PLACE.start(), *PLACE.end())
    }

    /// The value of a key, leaving no trace: what a command needs that is about to write.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] if it is of another type.
    #[inline]
    pub fn peek_as<T: Stored + ?Sized>(&self, key: Key) -> Result<Option<&T>> {
        match self.peek(key) {
            None => Ok(None),
            Some(entry) => T::of(entry, &self.arena).map(Some).ok_or(Error::WRONG_TYPE),
        }
    }

    /// The integer that a key holds, leaving no trace; a key that does not exist counts as zero.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] if it holds no string, [`Error::NOT_INTEGER`] if the string is no integer.
    #[inline]
    pub fn integer(&self, key: Key) -> Result<i64> {
        match self.peek_as::<Str>(key)? {
            None => Ok(0),
            Some(text) => text.to_i64().ok_or(Error::NOT_INTEGER),
        }
    }

    /// Whether the key exists; no access.
    #[must_use]
    pub fn exists(&self, key: Key) -> bool {
        self.peek(key).is_some()
    }

    /// The type of the key's value; no access.
    #[must_use]
    pub fn kind(&self, key: Key) -> Option<Kind> {
        self.peek(key).map(Entry::kind)
    }

    /// When the key expires; none if there is no such key.
    #[must_use]
    pub fn deadline(&self, key: Key) -> Option<Deadline> {
        self.peek(key).map(|entry| Deadline::at(entry.expires_at()))
    }

    /// Marks the entry of a key as used now.
    #[inline]
    pub fn touch(&self, key: Key, entry: &Entry) {
        self.touch_hashed(key.hash, entry);
    }

    /// As [`Db::touch`], for the key of that hash.
    #[inline]
    pub(super) fn touch_hashed(&self, hash: u64, entry: &Entry) {
        if self.touch && !self.settings.clock.changes_only {
            self.mark_used(hash, entry);
        }
    }

    /// As [`Db::touch`], for a client under CLIENT NO-TOUCH, too, and under policies that only changes count for (TOUCH).
    pub fn touch_always(&self, key: Key, entry: &Entry) {
        self.mark_used(key.hash, entry);
    }

    #[inline(always)]
    fn mark_used(&self, hash: u64, entry: &Entry) {
        entry.set_access(self.settings.clock.touched(entry.access()));
        self.count_use(hash);
    }

    /// As an error unless the key is free or holds a `T`.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`]
    pub fn check_kind<T: Stored + ?Sized>(&self, key: Key) -> Result<()> {
        self.peek_as::<T>(key).map(drop)
    }
}

//! Writing, and the one call that announces it.

use std::sync::atomic::Ordering::Relaxed;

use super::event::{Event, EventClasses};
use super::reclaim::CHEAP;
use super::shard::{Database, Keys, Overwrite, Removed};
use super::{Db, Deadline, Entry, Found, Key, Matter, Touched, Ttl, Vanished, name_of};
use crate::error::{Error, Result};
use crate::num;
use crate::table::NO_DEADLINE;
use crate::value::{Kind, Object, StrEncoding, Value};

/// The longest string whose encoding is called `embstr`.
const EMBSTR_MAX: usize = 44;

/// The encoding of a string that is stored as it was given.
fn encoding_of(value: &[u8]) -> StrEncoding {
    if value.len() <= 20 && num::parse_i64(value).is_some() {
        StrEncoding::Int
    } else if value.len() <= EMBSTR_MAX {
        StrEncoding::Embstr
    } else {
        StrEncoding::Raw
    }
}

impl Db {
    /// The keys around a key, for writing, and its name.
    #[inline]
    fn keys_and_name(&mut self, key: Key) -> (&mut Keys, &[u8]) {
        let (database, name) = self.database_and_name(key);
        (&mut database.keys, name)
    }

    /// What surrounds a key, for writing, and its name.
    #[inline]
    fn database_and_name(&mut self, key: Key) -> (&mut Database, &[u8]) {
        let shard = self.held.store().shard_of(key.hash);
        let name = name_of(&self.lent, &self.minted, key);
        (&mut self.held.shard_mut(shard).databases[self.index], name)
    }

    /// The keys around a key that is about to be written, and its name. If the time of the key is over, it is removed first.
    #[inline]
    fn keys_to_write(&mut self, key: Key) -> (&mut Keys, &[u8]) {
        if self.settings.expire && self.database(key.hash).keys.expiring > 0 {
            self.remove_if_expired(key);
        }
        self.keys_and_name(key)
    }

    /// The entry of a key, for writing.
    #[inline]
    fn entry_mut(&mut self, key: Key) -> Option<&mut Entry> {
        let (clock, touch) = (self.settings.clock, self.touch);
        if touch {
            self.count_use(key.hash);
        }
        let (keys, name) = self.keys_to_write(key);
        let entry = keys.find_mut(key.hash, name)?;
        if touch {
            entry.set_access(clock.touched(entry.access()));
        }
        Some(entry)
    }

    /// The collection at a key, for writing. Announce what is done to it with [`Db::changed`].
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] if the key holds another type.
    pub fn get_mut<T: Value>(&mut self, key: Key) -> Result<Option<&mut T>> {
        self.opened.push((self.index, key));
        match self.entry_mut(key) {
            None => Ok(None),
            Some(entry) => entry.object_mut().and_then(T::from_object_mut).map(Some).ok_or(Error::WRONG_TYPE),
        }
    }

    /// The collection at a key, for writing, made empty if there is none. Announce what is done to it with
    /// [`Db::changed`], which also removes it if it is still empty.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] if the key holds another type.
    pub fn get_or_insert<T: Value + Default>(&mut self, key: Key) -> Result<&mut T> {
        let (clock, touch) = (self.settings.clock, self.touch);
        if touch {
            self.count_use(key.hash);
        }
        let (keys, name) = self.keys_to_write(key);
        let Some(place) = keys.table().locate(key.hash, name) else {
            self.insert(key, |name| Entry::opened(name, T::default().into_object(), NO_DEADLINE));
            return self.get_mut(key)?.ok_or(Error::WRONG_TYPE);
        };
        self.opened.push((self.index, key));
        let entry = self.database_mut(key.hash).keys.at_mut(place);
        if touch && let Some(entry) = &entry {
            entry.set_access(clock.touched(entry.access()));
        }
        entry.and_then(Entry::object_mut).and_then(T::from_object_mut).ok_or(Error::WRONG_TYPE)
    }

    /// Stores an entry under a key that is free.
    fn insert(&mut self, key: Key, make: impl FnOnce(&[u8]) -> Entry) {
        let entry = make(self.name(key));
        entry.set_access(self.settings.clock.fresh());
        self.insert_entry(key, entry, true);
    }

    /// `new` tells whether the key came into being: then there is an event of that name.
    fn insert_entry(&mut self, key: Key, entry: Entry, new: bool) {
        self.database_mut(key.hash).keys.insert(key.hash, entry);
        if new && self.settings.notify.has_any(EventClasses::NEW) {
            self.notify(key, "new");
        }
        // Somebody may be waiting for whatever appears here.
        self.signal_ready(key);
    }

    /// Stores a string, replacing whatever the key holds.
    pub fn set(&mut self, key: Key, value: impl AsRef<[u8]>, ttl: Ttl) {
        let value = value.as_ref();
        self.set_encoded(key, value, encoding_of(value), ttl);
    }

    /// As [`Db::set`], for a string whose encoding is known to the caller.
    pub fn set_encoded(&mut self, key: Key, value: &[u8], encoding: StrEncoding, ttl: Ttl) {
        let (clock, touch) = (self.settings.clock, self.touch);
        if touch {
            self.count_use(key.hash);
        }
        let (keys, name) = self.keys_to_write(key);
        let deadline = match keys.find_to_overwrite(key.hash, name) {
            Overwrite::Free => {
                return self.insert(key, |name| Entry::string(name, value, encoding, ttl.of_new_key()));
            }
            Overwrite::InPlace(entry) => {
                if touch {
                    entry.set_access(clock.touched(entry.access()));
                }
                entry.set_string(value, encoding);
                entry.expires_at()
            }
            Overwrite::Anew(deadline) => {
                self.remove(key);
                let entry = Entry::string(self.name(key), value, encoding, deadline);
                entry.set_access(clock.fresh());
                self.insert_entry(key, entry, false);
                deadline
            }
        };
        let wanted = match ttl {
            Ttl::Keep => deadline,
            Ttl::Clear => NO_DEADLINE,
            Ttl::At(wanted) => wanted.millis(),
        };
        // Most keys have no deadline and get none: then there is nothing to look up again.
        if wanted != deadline {
            let (keys, name) = self.keys_and_name(key);
            keys.set_deadline(key.hash, name, wanted);
        }
    }

    /// Stores a string that is an integer, as counting does: the deadline stays.
    #[inline]
    pub fn set_integer(&mut self, key: Key, value: i64) {
        self.set_encoded(key, itoa::Buffer::new().format(value).as_bytes(), StrEncoding::Int, Ttl::Keep);
    }

    /// Replaces the integer that a key holds, zero if there is no such key, with what `change` makes of it: the deadline stays.
    /// Returns the new one.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] if it holds no string, [`Error::NOT_INTEGER`] if the string is no integer, and those of `change`.
    #[inline]
    pub fn update_integer(&mut self, key: Key, change: impl FnOnce(i64) -> Result<i64>) -> Result<i64> {
        let Some(entry) = self.entry_mut(key) else {
            let value = change(0)?;
            self.set_integer(key, value);
            return Ok(value);
        };
        let text = entry.text().ok_or(Error::WRONG_TYPE)?;
        let value = change(text.to_i64().ok_or(Error::NOT_INTEGER)?)?;
        entry.set_string(itoa::Buffer::new().format(value).as_bytes(), StrEncoding::Int);
        Ok(value)
    }

    /// Stores an object, replacing whatever the key holds.
    pub fn set_object(&mut self, key: Key, object: Object, ttl: Ttl) {
        let kept = self.deadline(key);
        let new = !self.remove(key);
        let deadline = match (ttl, kept) {
            (Ttl::At(deadline), _) => deadline.millis(),
            (Ttl::Keep, Some(deadline)) => deadline.millis(),
            _ => NO_DEADLINE,
        };
        self.opened.push((self.index, key));
        let entry = Entry::of_object(self.name(key), object, deadline);
        entry.set_access(self.settings.clock.fresh());
        self.insert_entry(key, entry, new);
    }

    /// Makes the key's string `len` bytes long (cut, or filled with zeros; made if there is none) and lends its bytes.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] if the key holds another type.
    pub fn resize_string(&mut self, key: Key, len: usize) -> Result<&mut [u8]> {
        if self.entry_mut(key).is_none() {
            self.insert(key, |name| Entry::string(name, &[], StrEncoding::Raw, NO_DEADLINE));
        }
        match self.entry_mut(key) {
            Some(entry) if entry.kind() == Kind::Str => {
                entry.resize_string(len);
                Ok(entry.string_bytes_mut())
            }
            _ => Err(Error::WRONG_TYPE),
        }
    }

    /// Sets when the key expires ([`Deadline::NEVER`] for not at all). False if there is no such key.
    pub fn expire(&mut self, key: Key, deadline: Deadline) -> bool {
        if !self.exists(key) {
            return false;
        }
        let (keys, name) = self.keys_and_name(key);
        keys.set_deadline(key.hash, name, deadline.millis())
    }

    /// Removes a key and its value. False if there is none. A large value is freed in the background.
    pub fn remove(&mut self, key: Key) -> bool {
        let (keys, name) = self.keys_to_write(key);
        let removed = keys.remove(key.hash, name);
        let was_there = removed.is_some();
        if let Some(removed) = removed {
            self.free(removed);
        }
        was_there
    }

    /// Takes a key's entry out of the keyspace.
    pub fn take(&mut self, key: Key) -> Option<Entry> {
        let (keys, name) = self.keys_to_write(key);
        keys.take(key.hash, name)
    }

    /// Puts an entry under a key, whatever it was called before and with the deadline that it has, replacing what the
    /// key holds.
    pub fn put(&mut self, key: Key, entry: Entry) {
        self.remove(key);
        let entry = if entry.key() == self.name(key) { entry } else { entry.rename(self.name(key)) };
        self.opened.push((self.index, key));
        self.insert_entry(key, entry, true);
    }

    /// Frees what was removed: at once if that is cheap, in the background otherwise.
    fn free(&self, removed: Removed) {
        let Some(entry) = removed.entry else { return };
        let Some(object) = entry.open_object() else { return };
        if object.free_effort() > CHEAP {
            let bytes = object.memory();
            self.held.store().reclaim.free(entry, 1, bytes);
        }
    }

    /// Announces that the key has changed, was made or was removed. `event` is its name in keyspace notifications.
    ///
    /// This is the only way to mark a change; everything that follows from one happens here.
    #[inline]
    pub fn changed(&mut self, key: Key, event: &'static str) {
        self.changed_by(key, event, 1);
    }

    /// As [`Db::changed`], for a command whose single change counts as several (HSET of three fields).
    pub fn changed_by(&mut self, key: Key, event: &'static str, changes: u64) {
        self.changes.dirty += changes;
        let attended = self.database(key.hash).is_attended();
        if attended {
            self.touch_watched(key);
        }
        self.note_touched(key, true);
        self.notify(key, event);
        if let Some(place) = self.opened.iter().position(|opened| *opened == (self.index, key)) {
            self.opened.swap_remove(place);
            if self.settle(key) {
                self.notify(key, "del");
            }
        }
        if attended {
            self.signal_ready(key);
        }
    }

    /// As [`Db::changed`], for a change of which no event tells: not of what the value says, but of how it is kept.
    pub fn changed_quietly(&mut self, key: Key) {
        self.changes.dirty += 1;
        self.touch_watched(key);
    }

    /// Counts changes that are none to those who watch the key or wait for it, and whose event, if they have one, is told
    /// with [`Db::notify`]: what happens to a consumer group leaves the entries of the stream as they are.
    pub fn changed_aside(&mut self, changes: u64) {
        self.changes.dirty += changes;
    }

    /// Runs the commands again that wait for a key, although its data did not change.
    pub fn wake(&mut self, key: Key) {
        self.signal_ready(key);
    }

    /// Publishes an event about a key that is no change of its data.
    pub fn notify(&mut self, key: Key, event: &'static str) {
        if self.settings.notify.is_silent() {
            return;
        }
        let class = EventClasses::of(event, self.raw_kind(key));
        self.push_event(key, event, class);
    }

    /// As [`Db::notify`] for a key that is gone: the class of the event is that of the value which it held.
    pub fn notify_as(&mut self, key: Key, event: &'static str, kind: Kind) {
        if !self.settings.notify.is_silent() {
            self.push_event(key, event, EventClasses::of(event, Some(kind)));
        }
    }

    fn push_event(&mut self, key: Key, event: &'static str, class: EventClasses) {
        if self.settings.notify.has_any(class) {
            let event = Event { database: self.index, name: event, key: self.name(key).into() };
            self.changes.events.push(event);
        }
    }

    fn raw_kind(&self, key: Key) -> Option<Kind> {
        self.database(key.hash).keys.table().find(key.hash, self.name(key)).map(Entry::kind)
    }

    #[inline]
    fn touch_watched(&mut self, key: Key) {
        let (database, name) = self.database_and_name(key);
        if !database.watchers.is_empty() {
            database.touch_watched(key.hash, name);
        }
    }

    /// Remembers the name of a key that has changed, for those who keep copies.
    #[inline]
    fn note_touched(&mut self, key: Key, by_command: bool) {
        if self.held.store().names_wanted.load(Relaxed) {
            let name = self.name(key).into();
            self.changes.touched.push(Touched { name, by_command });
        }
    }

    /// Closes the entry of a collection that was lent for writing, and notes its members' deadlines. If it is empty it is
    /// removed: then the answer is true.
    fn settle(&mut self, key: Key) -> bool {
        let (keys, name) = self.keys_and_name(key);
        keys.settle(key.hash, name) && self.remove(key)
    }

    fn signal_ready(&mut self, key: Key) {
        let database = self.database(key.hash);
        if database.waiters.is_empty() || !database.waiters.contains_key(self.name(key)) {
            return;
        }
        let ready = (self.index, key.hash, self.name(key).into());
        if !self.changes.ready.contains(&ready) {
            self.changes.ready.push(ready);
        }
    }

    /// Removes a key whose time is over, with its event. False if it is not.
    pub(super) fn remove_if_expired(&mut self, key: Key) -> bool {
        let now = self.now;
        let (keys, name) = self.keys_and_name(key);
        let due = |entry: &Entry| Deadline::at(entry.expires_at()).has_passed(now);
        if !keys.table().find(key.hash, name).is_some_and(due) {
            return false;
        }
        let Some(removed) = keys.remove(key.hash, name) else { return false };
        self.vanish(key, removed, "expired");
        self.changes.expired += 1;
        true
    }

    /// Removes a key to make room, with its event. False if there is none.
    pub(super) fn remove_evicted(&mut self, key: Key) -> bool {
        let (keys, name) = self.keys_and_name(key);
        let Some(removed) = keys.remove(key.hash, name) else { return false };
        self.vanish(key, removed, "evicted");
        self.changes.evicted += 1;
        true
    }

    /// Frees an entry that is gone although no command asked for it, and tells everybody.
    fn vanish(&mut self, key: Key, removed: Removed, event: &'static str) {
        let kind = removed.kind;
        self.free(removed);
        let name = self.name(key).into();
        self.touch_watched(key);
        self.signal_ready(key);
        self.note_touched(key, false);
        self.notify(key, event);
        self.changes.vanished.push(Vanished { database: self.index, key: name, kind, members: Vec::new() });
    }

    /// Takes members that are due out of a key's collection, at most `limit`. Answers whether none is left.
    pub(super) fn expire_due_members(&mut self, key: Key, limit: usize) -> bool {
        let now = self.now;
        let (keys, name) = self.keys_and_name(key);
        // Looked at first, because what is lent for writing is copied while a snapshot is taken.
        let due = |entry: &Entry| entry.next_member_deadline() <= now;
        if !keys.table().find(key.hash, name).is_some_and(due) {
            return true;
        }
        let Some(object) = keys.find_mut(key.hash, name).and_then(Entry::object_mut) else { return true };
        let kind = object.kind();
        let mut members: Vec<Box<[u8]>> = Vec::new();
        object.reap(now, limit, &mut |member| members.push(member.into()));
        let done = object.next_deadline() > now;
        if !members.is_empty() {
            self.opened.push((self.index, key));
            self.members_expired(key, kind, members);
        }
        done
    }

    /// Takes all members that are due out of a key's collection, if it is of a kind that would show them.
    #[cold]
    pub(super) fn expire_shown_members(&mut self, key: Key) {
        /// How many members one effect names.
        const AT_ONCE: usize = 1024;

        let shows = |object: &Object| !object.hides_due_members();
        if self.settings.expire && self.peek(key).and_then(Entry::open_object).is_some_and(shows) {
            while !self.expire_due_members(key, AT_ONCE) {}
        }
    }

    /// Announces that members of a collection (for a hash: fields) were found expired and are gone: taken out, or
    /// overwritten. A collection that this has emptied is removed.
    pub fn members_expired(&mut self, key: Key, kind: Kind, members: Vec<Box<[u8]>>) {
        self.count_expired_members(kind, members.len());
        let vanished = Vanished { database: self.index, key: self.name(key).into(), kind, members };
        self.changes.vanished.push(vanished);
        let event = match kind {
            Kind::Hash => "hexpired",
            Kind::ZSet => "zexpired",
            _ => "sexpired",
        };
        self.changed_by(key, event, 0);
    }

    /// Counts members that the running command lets expire at once, because it gives them a deadline that has passed.
    /// Announcing the change is left to the command.
    pub fn count_expired_members(&mut self, kind: Kind, count: usize) {
        let counted = match kind {
            Kind::Hash => &mut self.changes.expired_fields,
            _ => &mut self.changes.expired_members,
        };
        *counted += count as u64;
    }

    fn see_to(&mut self, found: Found, matter: &Matter, paused: bool) {
        let key = match found {
            Found::Key(key) => key,
            Found::Name(name) => self.mint(name),
        };
        match matter {
            Matter::Expired if paused => {}
            Matter::Expired => drop(self.remove_if_expired(key)),
            Matter::Missed => self.notify(key, "keymiss"),
        }
    }

    /// What is left to do when the handler has returned: expired keys go, unless writes are `paused`; misses are told.
    #[inline]
    pub(crate) fn finish(&mut self, paused: impl FnOnce() -> bool) {
        if !self.noted.get_mut().is_empty() {
            self.see_to_all(paused());
        }
        if !self.opened.is_empty() {
            self.settle_all();
        }
        self.arena.clear();
        if !self.minted.is_empty() {
            self.minted.clear();
        }
    }

    /// What was lent for writing and has not changed is left as it was found.
    #[cold]
    fn settle_all(&mut self) {
        while let Some((database, key)) = self.opened.pop() {
            self.in_database(database, |db| db.settle(key));
        }
    }

    #[cold]
    fn see_to_all(&mut self, paused: bool) {
        for (database, found, matter) in self.noted.take() {
            self.in_database(database, |db| db.see_to(found, &matter, paused));
        }
    }
}

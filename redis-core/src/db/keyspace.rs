//! Everything at once: the handle of commands that touch any key, and of the dispatcher.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::shard::{Database, Waiter, Watcher};
use super::snapshot::{self, RecordEntry, Sweeper};
use super::stats::Totals;
use super::store::{ShardSet, Store};
use super::{DatabaseStats, Db, Deadline, Entry, Found, FrequencySketch, Held, Key, Lent, Settings};
use crate::args::Args;
use crate::hash::hash;
use crate::table::{NO_DEADLINE, Table};
use crate::value::Kind;

/// All keys of all databases. A handler that takes a `Keyspace` runs under all locks, so that nothing else happens
/// meanwhile: one that can do with a shard at a time takes a [`Walk`](super::Walk). The dispatcher uses the same handle to
/// hold some.
pub struct Keyspace {
    db: Db,
}

impl std::ops::Deref for Keyspace {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

impl std::ops::DerefMut for Keyspace {
    fn deref_mut(&mut self) -> &mut Db {
        &mut self.db
    }
}

impl Keyspace {
    pub(crate) fn new(store: Arc<Store>, settings: Settings) -> Self {
        Keyspace { db: Db::new(store, settings) }
    }

    /// The declared keys of the running command.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// The declared keys of the running command, for writing.
    #[must_use]
    pub fn db_mut(&mut self) -> &mut Db {
        &mut self.db
    }

    /// Counts uses of keys in `frequencies` from now on, or nowhere.
    pub(crate) fn count_uses(&mut self, frequencies: Option<Arc<FrequencySketch>>) {
        self.db.frequencies = frequencies;
    }

    /// The store behind all this.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        self.db.held.store()
    }

    /// A key of any name, for this call.
    pub fn key(&mut self, name: &[u8]) -> Key {
        self.db.mint(name.into())
    }

    /// The entry of that name in the selected database, leaving no trace.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<&Entry> {
        let hash = hash(name);
        let entry = self.db.database(hash).keys.table().find(hash, name)?;
        self.is_live(entry).then_some(entry)
    }

    /// The entry of that name in the selected database, for reading: counts as a hit or a miss and as an access.
    #[must_use]
    pub fn read_named(&self, name: &[u8]) -> Option<&Entry> {
        let hash = hash(name);
        let entry = self.db.database(hash).keys.table().find(hash, name);
        let live = entry.filter(|entry| self.is_live(entry));
        self.db.count_read(live.is_some());
        match (entry, live) {
            (_, Some(live)) => self.db.touch_hashed(hash, live),
            (expired, None) => {
                expired.into_iter().for_each(|expired| self.db.note_expired(expired));
                self.db.note_missed(|| Found::Name(name.into()));
            }
        }
        live
    }

    /// Whether an entry's time is not over.
    #[must_use]
    pub fn is_live(&self, entry: &Entry) -> bool {
        !self.db.settings.expire || !Deadline::at(entry.expires_at()).has_passed(self.db.now)
    }

    /// Number of keys in a database, expired ones that nobody has removed yet included.
    #[must_use]
    pub fn size(&self, database: usize) -> usize {
        self.shards().map(|shard| self.db.held.shard(shard).databases[database].keys.table().len()).sum()
    }

    /// What INFO says about a database.
    #[must_use]
    pub fn stats(&self, database: usize) -> DatabaseStats {
        let mut totals = Totals::default();
        self.shards().for_each(|shard| totals.add(&self.databases_of(shard)[database]));
        totals.stats(self.db.now)
    }

    /// Every entry of a database, expired ones included.
    pub fn entries_of(&self, database: usize) -> impl Iterator<Item = &Entry> {
        self.shards().flat_map(move |shard| self.db.held.shard(shard).databases[database].keys.table().iter())
    }

    /// Removes all keys of a database. `background` leaves the freeing to another thread.
    pub fn flush(&mut self, database: usize, background: bool) -> usize {
        let (mut removed, now) = (0, self.db.now);
        for shard in 0..self.db.held.store().shards() {
            let slot = &mut self.db.held.shard_mut(shard).databases[database];
            slot.touch_all_watched(None, now);
            let awaited = slot.awaited_keys();
            self.db.changes.ready.extend(awaited.map(|(hash, name)| (database, hash, name.into())));
            let keys = std::mem::take(&mut slot.keys);
            removed += keys.table().len();
            let Some(keys) = snapshot::take_over_all(keys) else { continue };
            if background && !keys.table().is_empty() {
                let objects = keys.table().len();
                let bytes = keys.table().memory();
                self.db.held.store().reclaim.free(keys.into_table(), objects, bytes);
            }
        }
        self.db.changes.dirty += removed as u64;
        self.db.changes.flushed = true;
        removed
    }

    /// Begins a copy of all keys as they are now; none if one is being made. `record` appends the record of a key,
    /// `compress` is whether its long strings shall be compressed.
    pub fn begin_snapshot(&mut self, record: RecordEntry, compress: bool) -> Option<Sweeper> {
        Sweeper::begin(self, record, compress)
    }

    /// Calls off the copy that is being made, if there is one.
    pub fn cancel_snapshot(&mut self) {
        Sweeper::cancel(self);
    }

    pub(super) fn held(&self) -> &Held {
        &self.db.held
    }

    pub(super) fn held_mut(&mut self) -> &mut Held {
        &mut self.db.held
    }

    /// Exchanges the keys of two databases.
    pub fn swap(&mut self, a: usize, b: usize) {
        if a == b {
            return;
        }
        let now = self.db.now;
        for shard in 0..self.db.held.store().shards() {
            let databases = &mut self.db.held.shard_mut(shard).databases;
            let (low, high) = databases.split_at_mut(a.max(b));
            let (low, high) = (&mut low[a.min(b)], &mut high[0]);
            low.touch_all_watched(Some(&high.keys), now);
            high.touch_all_watched(Some(&low.keys), now);
            // A key that comes to a database may be what somebody there waits for, and one that goes too.
            let mut ready = Vec::new();
            let mut note = |index: usize, database: &Database| {
                ready.extend(database.awaited_keys().map(|(hash, name)| (index, hash, Box::from(name))));
            };
            note(a.min(b), low);
            note(a.max(b), high);
            std::mem::swap(&mut low.keys, &mut high.keys);
            note(a.min(b), low);
            note(a.max(b), high);
            ready.sort_unstable();
            ready.dedup();
            self.db.changes.ready.append(&mut ready);
        }
        self.db.changes.dirty += 1;
    }

    /// Counts a change that concerns no single key.
    pub fn changed_all(&mut self) {
        self.db.changes.dirty += 1;
    }

    fn shards(&self) -> impl Iterator<Item = usize> + use<> {
        0..self.db.held.store().shards()
    }
}

/// For the dispatcher.
impl Keyspace {
    /// Begins a call: time, database and settings are those of the call from here on.
    #[inline]
    pub(crate) fn begin(&mut self, database: usize, now: u64, touch: bool) {
        self.db.index = database;
        self.db.now = now;
        self.db.touch = touch;
        self.db.settings.clock.seconds = now / 1000;
    }

    pub(crate) fn settings_mut(&mut self) -> &mut Settings {
        &mut self.db.settings
    }

    /// Runs `call` with the arguments lent to the handle.
    #[inline(always)]
    pub(crate) fn lend<R>(&mut self, args: Args<'_>, call: impl FnOnce(&mut Keyspace) -> R) -> R {
        Lent::during(self, |keyspace| &mut keyspace.db.lent, args, call)
    }

    #[inline]
    pub(crate) fn lock(&mut self, wanted: &ShardSet) {
        self.db.held.lock(wanted);
    }

    /// As [`Keyspace::lock`], unless it takes longer than `patience` to get one of the locks: then none is held.
    #[inline]
    pub(crate) fn try_lock(&mut self, wanted: &ShardSet, patience: Duration) -> bool {
        self.db.held.try_lock(wanted, patience)
    }

    #[inline]
    pub(crate) fn unlock(&mut self) {
        self.db.held.unlock();
    }

    /// As [`Keyspace::lock_all`], unless it takes longer than `patience` to get one of the locks: then none is held.
    pub(crate) fn try_lock_all(&mut self, patience: Duration) -> bool {
        self.db.held.try_lock_all(patience)
    }

    /// Holds the shards of the keys that reading has found to be seen to after the call.
    pub(crate) fn lock_noted(&mut self) {
        let mut wanted = ShardSet::default();
        for (_, found, _) in self.db.noted.get_mut() {
            let hash = match found {
                Found::Key(key) => key.hash,
                Found::Name(name) => hash(name),
            };
            wanted.insert(self.db.held.store().shard_of(hash));
        }
        self.db.held.lock(&wanted);
    }

    pub(crate) fn lock_all(&mut self) {
        let all = ShardSet::all(self.store().shards());
        self.db.held.lock(&all);
    }

    /// Asks the processor to fetch the buckets where these keys are searched.
    #[inline(always)]
    pub(crate) fn prefetch_buckets(&self, database: usize, keys: &[Key]) {
        self.glance(database, keys, Table::prefetch_bucket);
    }

    /// Asks the processor to fetch what the lookups of these keys will find, when the buckets have been asked for.
    #[inline(always)]
    pub(crate) fn prefetch_entries(&self, database: usize, keys: &[Key]) {
        self.glance(database, keys, Table::prefetch_entry);
    }

    #[inline(always)]
    fn glance(&self, database: usize, keys: &[Key], look: impl Fn(&Table<Entry>, u64)) {
        for key in keys {
            let shard = self.store().shard_of(key.hash);
            self.db.held.glance(shard, |shard| look(shard.databases[database].keys.table(), key.hash));
        }
    }

    /// Whether the shards of these keys are held.
    #[inline]
    pub(crate) fn holds(&self, keys: &[Key]) -> bool {
        keys.iter().all(|key| self.db.held.has(self.store().shard_of(key.hash)))
    }

    /// Registers a client as watching a key of the selected database.
    pub(crate) fn watch(&mut self, key: Key, client: u64, touched: &Arc<AtomicBool>) {
        let now = self.db.now;
        let name: Box<[u8]> = self.db.name(key).into();
        let database = self.db.database_mut(key.hash);
        let entry = database.keys.table().find(key.hash, &name);
        let expired = entry.is_some_and(|entry| Deadline::at(entry.expires_at()).has_passed(now));
        let watchers = database.watchers.entry(name).or_default();
        if !watchers.iter().any(|watcher| watcher.client == client) {
            watchers.push(Watcher { client, touched: touched.clone(), expired });
        }
    }

    /// Whether the time of a key came while a client watched it, and nobody has removed it yet.
    pub(crate) fn expired_under_watch(&self, database: usize, hash: u64, name: &[u8], client: u64) -> bool {
        let shard = self.store().shard_of(hash);
        let Database { keys, watchers, .. } = &self.db.held.shard(shard).databases[database];
        let watcher = watchers.get(name).and_then(|watchers| watchers.iter().find(|watcher| watcher.client == client));
        watcher.is_some_and(|watcher| !watcher.expired)
            && keys
                .table()
                .find(hash, name)
                .is_some_and(|entry| Deadline::at(entry.expires_at()).has_passed(self.db.now))
    }

    pub(crate) fn unwatch(&mut self, database: usize, hash: u64, name: &[u8], client: u64) {
        let shard = self.store().shard_of(hash);
        self.db.held.shard_mut(shard).databases[database].unwatch(name, client);
    }

    /// Puts a client at the end of the queue for a key of the selected database. It waits for a value of that kind, or
    /// for anything to happen.
    pub(crate) fn wait(&mut self, key: Key, client: u64, kind: Option<Kind>) {
        let name = self.db.name(key).into();
        self.db.database_mut(key.hash).wait(name, client, kind);
    }

    pub(crate) fn stop_waiting(&mut self, database: usize, hash: u64, name: &[u8], client: u64) {
        let shard = self.store().shard_of(hash);
        self.db.held.shard_mut(shard).databases[database].stop_waiting(name, client);
    }

    /// The first who waits for what a key of the selected database holds now, from a place in its queue on.
    pub(crate) fn next_waiter(&self, hash: u64, name: &[u8], from: u64) -> Option<Waiter> {
        let kind = self.find(name).map(Entry::kind);
        self.db.database(hash).next_waiter(name, from, kind)
    }

    pub(crate) fn databases_of(&self, shard: usize) -> &[Database] {
        &self.db.held.shard(shard).databases
    }

    /// Gives up a key if it is still there, and still expires if it must. Its shard is held.
    pub(crate) fn evict(&mut self, database: usize, hash: u64, name: Box<[u8]>, expiring_only: bool) -> bool {
        let shard = self.store().shard_of(hash);
        let entry = self.databases_of(shard)[database].keys.table().find(hash, &name);
        if !entry.is_some_and(|entry| !expiring_only || entry.expires_at() != NO_DEADLINE) {
            return false;
        }
        let key = self.db.mint(name);
        let evicted = self.db.in_database(database, |db| db.remove_evicted(key));
        self.db.minted.clear();
        evicted
    }

    /// Takes what is due out of the collections at the keys of a call, so that the call does not see it. Hashes see to that
    /// themselves. Reading is not what changes the data: this happens before it.
    #[inline]
    pub(crate) fn expire_members_of(&mut self, keys: &[Key]) {
        let now = self.db.now;
        for key in keys {
            let keys = &self.db.database(key.hash).keys;
            if keys.volatile > 0 && keys.table().deadline_near(key.hash) <= now {
                self.db.expire_shown_members(*key);
            }
        }
    }

    /// Removes what is due in one shard of one database: keys, and members of collections. At most `limit` entries are
    /// looked at; the next call goes on from there. Answers whether there may be more.
    pub(crate) fn expire_slice(&mut self, shard: usize, database: usize, limit: usize) -> bool {
        let (now, from) = (self.db.now, self.db.index);
        self.db.index = database;
        let keys = &mut self.db.held.shard_mut(shard).databases[database].keys;
        let mut position = keys.expiry_position;
        let mut due_keys: Vec<Box<[u8]>> = Vec::new();
        let mut all_done = true;
        keys.due(now.saturating_sub(1), &mut position, limit, &mut |entry| due_keys.push(entry.key().into()));
        keys.expiry_position = position;
        for name in due_keys {
            let key = self.key(&name);
            all_done &= self.expire_entry(key, limit);
        }
        self.db.minted.clear();
        self.db.index = from;
        position != 0 || !all_done
    }

    /// Removes an entry that is due, or what is due in it: if that is much, some of it, and then the answer is false.
    fn expire_entry(&mut self, key: Key, limit: usize) -> bool {
        self.db.remove_if_expired(key) || self.db.expire_due_members(key, limit)
    }
}

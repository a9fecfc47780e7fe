//! EXEC: running what MULTI queued, as one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::call::Call;
use super::def::Access;
use super::dispatch::{fail, run, shards_of};
use super::registry::Registry;
use super::worker::Runner;
use crate::db::{Key, Keyspace, ShardSet};
use crate::error::{Error, Result};
use crate::server::{Client, Queue, Queued, Watched};

impl Call<'_> {
    /// Begins a transaction.
    ///
    /// # Errors
    /// If one has begun.
    pub fn begin_transaction(&mut self) -> Result<()> {
        if self.client.transaction.is_some() {
            return Err(Error::new("ERR MULTI calls can not be nested"));
        }
        self.client.transaction = Some(self.worker.spare_transaction.take().unwrap_or_default());
        self.client.shared.queued.store(0, Ordering::Relaxed);
        self.client.shared.is.multi.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Gives up an open transaction, and all watches.
    ///
    /// # Errors
    /// If none is open.
    pub fn discard_transaction(&mut self) -> Result<()> {
        if self.client.transaction.is_none() {
            return Err(Error::new("ERR DISCARD without MULTI"));
        }
        close(self.client);
        unwatch(self.keyspace, self.worker, self.client);
        Ok(())
    }

    /// Runs what was queued, under the locks of all its keys, which are held, and writes the replies.
    ///
    /// # Errors
    /// If no transaction is open, or a command was refused while queueing.
    pub fn run_transaction(&mut self) -> Result<()> {
        let Some(mut transaction) = self.client.transaction.take() else {
            return Err(Error::new("ERR EXEC without MULTI"));
        };
        close(self.client);
        if transaction.aborted {
            unwatch(self.keyspace, self.worker, self.client);
            return Err(Error::EXEC_ABORT);
        }
        if self.watched_key_changed() {
            unwatch(self.keyspace, self.worker, self.client);
            self.reply.nil_array();
            return Ok(());
        }
        self.reply.array(transaction.queue.len());
        self.client.in_exec = true;
        for Queued { command, args, keys } in transaction.queue.iter() {
            let command = self.worker.registry.by_id(command);
            let done = run(self.keyspace, self.worker, self.client, command, args, keys, self.reply);
            if let Err(error) = done {
                fail(self.worker, command, &error, self.reply);
            }
            self.client.shared.last_command.store(command.id, Ordering::Relaxed);
        }
        self.client.in_exec = false;
        transaction.clear();
        self.worker.spare_transaction = Some(transaction);
        if self.worker.has_effects() {
            self.worker.log_effects();
            self.client.written = self.worker.server.changes.end();
        }
        unwatch(self.keyspace, self.worker, self.client);
        Ok(())
    }

    fn watched_key_changed(&self) -> bool {
        let vanished = |watched: &Watched| {
            self.keyspace.expired_under_watch(watched.database, watched.hash, &watched.name, self.client.id())
        };
        self.client.touched.load(Ordering::Acquire) || self.client.watched.iter().any(vanished)
    }

    /// Begins to watch a declared key.
    ///
    /// # Errors
    /// Inside MULTI.
    pub fn watch(&mut self, key: Key) -> Result<()> {
        if self.client.transaction.is_some() {
            return Err(Error::new("ERR WATCH inside MULTI is not allowed"));
        }
        let database = self.client.database;
        let name = self.keyspace.name(key);
        if self.client.watched.iter().any(|watched| watched.database == database && *watched.name == *name) {
            return Ok(());
        }
        let name = name.into();
        self.keyspace.watch(key, self.client.id(), &self.client.touched);
        let clients = &self.worker.server.clients;
        clients.watching.fetch_add(usize::from(self.client.watched.is_empty()), Ordering::Relaxed);
        clients.watched_keys.fetch_add(1, Ordering::Relaxed);
        let watched = Watched { database, hash: key.hash, name };
        self.client.shared.watched_memory.fetch_add(watched.memory(), Ordering::Relaxed);
        self.client.watched.push(watched);
        self.client.shared.watched.store(self.client.watched.len(), Ordering::Relaxed);
        Ok(())
    }

    /// Watches nothing any more.
    pub fn unwatch(&mut self) {
        unwatch(self.keyspace, self.worker, self.client);
    }
}

/// The shards of what a client has queued and of what it watches.
pub(crate) fn shards(keyspace: &Keyspace, registry: &Registry, client: &Client) -> ShardSet {
    let queue = client.transaction.as_ref().map(|open| &open.queue);
    let access = |command| registry.by_id(command).def.access;
    let mut queued = queue.into_iter().flat_map(Queue::iter);
    if queued.any(|queued| matches!(access(queued.command), Access::All | Access::Each)) {
        return ShardSet::all(keyspace.store().shards());
    }
    let queued = queue.into_iter().flat_map(|queue| queue.keys().iter().copied());
    let watched = client.watched.iter().map(|watched| Key { hash: watched.hash, index: 0 });
    shards_of(keyspace, queued.chain(watched))
}

/// Gives up the transaction of a client whose EXEC is refused. Answers what it is told.
pub(crate) fn abort(keyspace: &mut Keyspace, runner: &Runner, client: &mut Client, reason: &Error) -> Error {
    close(client);
    unwatch(keyspace, runner, client);
    let reason = reason.bytes().strip_prefix(b"ERR ").unwrap_or(reason.bytes());
    Error::from([b"EXECABORT Transaction discarded because of: ", reason].concat())
}

/// Closes the transaction of a client.
pub(crate) fn close(client: &mut Client) {
    client.transaction = None;
    client.shared.queued.store(-1, Ordering::Relaxed);
    client.shared.queued_bytes.store(0, Ordering::Relaxed);
    client.shared.is.multi.store(false, Ordering::Relaxed);
}

/// Ends all watches of a client. Locks what it needs.
pub(crate) fn unwatch(keyspace: &mut Keyspace, runner: &Runner, client: &mut Client) {
    if client.watched.is_empty() {
        return;
    }
    let keys: Vec<Key> = client.watched.iter().map(|watched| Key { hash: watched.hash, index: 0 }).collect();
    let wanted = shards_of(keyspace, &keys);
    keyspace.lock(&wanted);
    for watched in &client.watched {
        keyspace.unwatch(watched.database, watched.hash, &watched.name, client.id());
    }
    let clients = &runner.server.clients;
    clients.watching.fetch_sub(1, Ordering::Relaxed);
    clients.watched_keys.fetch_sub(client.watched.len(), Ordering::Relaxed);
    client.watched.clear();
    client.touched = Arc::new(AtomicBool::new(false));
    client.shared.watched.store(0, Ordering::Relaxed);
    client.shared.watched_memory.store(0, Ordering::Relaxed);
}

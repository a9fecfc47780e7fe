//! Commands that wait for keys, and how they are served.
//!
//! Whoever changes a key that clients wait for serves them at once, before its own reply is sent: in order of arrival,
//! each by running its command again under its own locks. There is no second implementation of a blocking command for
//! the moment when it is served.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;

use super::def::{Outcome, Waiting};
use super::dispatch::{call, fail, shards_of};
use super::registry::Command;
use super::worker::{Runner, Worker};
use crate::args::Args;
use crate::db::{Key, Keyspace};
use crate::error::Error;
use crate::resp::Reply;
use crate::server::{Blocked, Client, ClientShared, Server};

/// Makes a client wait for keys whose shards are held.
pub(crate) fn begin(
    keyspace: &mut Keyspace,
    runner: &Runner,
    client: &Client,
    command: &'static Command,
    args: Args<'_>,
    keys: &[Key],
    waiting: Waiting,
) -> Arc<Blocked> {
    for key in &waiting.keys {
        keyspace.wait(*key, client.id());
    }
    let now = runner.clock / 1000;
    let blocked = Arc::new(Blocked {
        command: command.id,
        args: args.to_owned(),
        keys: keys.into(),
        waits_for: waiting.keys.as_slice().into(),
        database: client.database,
        protocol: client.protocol,
        deadline: waiting.timeout.map(|timeout| now.saturating_add(timeout.as_millis() as u64)),
        on_timeout: waiting.on_timeout,
    });
    *client.shared.blocked.lock() = Some(blocked.clone());
    client.shared.is.blocked.store(true, Relaxed);
    let clients = &runner.server.clients;
    clients.blocked.fetch_add(1, Relaxed);
    clients.blocked_with_timeout.fetch_add(usize::from(blocked.deadline.is_some()), Relaxed);
    blocked
}

/// Ends a wait that somebody took out of its client: the owner, or whoever served it. The shards are locked anew.
pub(crate) fn forget(keyspace: &mut Keyspace, blocked: &Blocked, client: u64) {
    let wanted = shards_of(keyspace, &blocked.waits_for);
    keyspace.lock(&wanted);
    for key in &blocked.waits_for {
        let name = blocked.args.as_args().get(key.index as usize);
        keyspace.stop_waiting(blocked.database, key.hash, name, client);
    }
}

/// Ends a client's wait, if it waits. Only one party succeeds; it owes the client an answer.
pub fn take(server: &Server, shared: &ClientShared) -> Option<Arc<Blocked>> {
    let blocked = shared.blocked.lock().take()?;
    ended(server, shared, &blocked);
    Some(blocked)
}

fn ended(server: &Server, shared: &ClientShared, blocked: &Blocked) {
    shared.is.blocked.store(false, Relaxed);
    server.clients.blocked.fetch_sub(1, Relaxed);
    server.clients.blocked_with_timeout.fetch_sub(usize::from(blocked.deadline.is_some()), Relaxed);
}

/// Ends a client's wait from outside (CLIENT UNBLOCK): with an error, or as if its time were over. False if it does
/// not wait.
pub fn unblock(server: &Server, shared: &ClientShared, error: Option<&Error>) -> bool {
    let Some(blocked) = take(server, shared) else { return false };
    let mut reply = Reply::new(blocked.protocol);
    match error {
        Some(error) => reply.error(error.text()),
        None => (blocked.on_timeout)(&mut reply),
    }
    shared.mailbox.push(Bytes::from(reply.take()));
    true
}

/// What the owner of a connection does when its wait may be over: served, unblocked, or at its end.
///
/// Answers whether it is over; if it is `timed_out`, the answer to the timeout is written.
pub fn settle(
    worker: &mut Worker,
    client: &Client,
    blocked: &Arc<Blocked>,
    timed_out: bool,
    reply: &mut Reply,
) -> bool {
    if timed_out {
        if take(&worker.runner.server, &client.shared).is_some() {
            (blocked.on_timeout)(reply);
        }
    } else if client.shared.blocked.lock().is_some() {
        return false;
    }
    forget(&mut worker.keyspace, blocked, client.id());
    worker.keyspace.unlock();
    true
}

/// Serves the clients that wait for keys which have become ready, and those that their commands make ready in turn.
pub(crate) fn serve(worker: &mut Worker) {
    while let Some((database, hash, name)) = worker.runner.ready.pop_front() {
        let shard = worker.keyspace.store().shard_of(hash);
        if !worker.keyspace.held().has(shard) {
            let mut wanted = crate::db::ShardSet::default();
            wanted.insert(shard);
            worker.keyspace.lock(&wanted);
        }
        for id in worker.keyspace.waiting(database, hash, &name) {
            serve_one(worker, id);
        }
    }
}

/// Runs the command of one waiting client again.
fn serve_one(worker: &mut Worker, id: u64) {
    let Some(shared) = worker.runner.server.clients.get(id) else { return };
    let Some(blocked) = shared.blocked.lock().clone() else { return };
    let wanted = shards_of(&worker.keyspace, &blocked.keys);
    worker.keyspace.lock(&wanted);
    let mut current = shared.blocked.lock();
    // Between looking and locking the wait may have ended, and another one begun.
    if !current.as_ref().is_some_and(|now| Arc::ptr_eq(now, &blocked)) {
        return;
    }
    let (keyspace, runner) = (&mut worker.keyspace, &mut worker.runner);
    let command = runner.registry.by_id(blocked.command);
    let mut client = Client::new(shared.clone(), true);
    client.database = blocked.database;
    client.protocol = blocked.protocol;
    let mut reply = Reply::new(blocked.protocol);
    keyspace.begin(blocked.database, runner.clock / 1000, true);
    match call(keyspace, runner, &mut client, command, blocked.args.as_args(), &blocked.keys, &mut reply) {
        // Something else happened to the key, or an earlier client took what was there.
        Ok(Outcome::Wait(_)) => return,
        // A key that waits for a list and becomes a set has not become ready.
        Err(error) if error == Error::WRONG_TYPE => return,
        Ok(Outcome::Done) => {}
        Err(error) => {
            reply.clear();
            fail(runner, command, &error, &mut reply);
        }
    }
    *current = None;
    drop(current);
    ended(&worker.runner.server, &shared, &blocked);
    for key in &blocked.waits_for {
        let name = blocked.args.as_args().get(key.index as usize);
        worker.keyspace.stop_waiting(blocked.database, key.hash, name, id);
    }
    shared.mailbox.push(Bytes::from(reply.take()));
}

//! Commands that wait for keys, and how they are served.
//!
//! Whoever changes a key that clients wait for serves them at once, before its own reply is sent: in order of arrival,
//! each by running its command again under its own locks. There is no second implementation of a blocking command for
//! the moment when it is served.
//!
//! A wait ends once: whoever takes the [`Blocked`] out of the waiting connection (the one that serves it, its timeout,
//! CLIENT UNBLOCK, its end) has ended it and owes it the answer. The connection's queue places are cleared by that
//! party or, since the owner of the connection always does so too, a little later: a place without a wait is skipped.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;

use super::accounting::log_if_notable;
use super::def::{Outcome, Waiting};
use super::dispatch::{call, fail, shards_of};
use super::registry::Command;
use super::worker::{Runner, Worker};
use crate::args::{Args, OwnedArgs};
use crate::clock;
use crate::db::{Key, Keyspace, ShardSet};
use crate::error::Error;
use crate::resp::Reply;
use crate::server::{Blocked, Client, ClientShared, ReplyMode, Server};

/// Makes a client wait for keys whose shards are held.
pub(crate) fn begin(
    keyspace: &mut Keyspace,
    runner: &Runner,
    client: &Client,
    command: &'static Command,
    args: Args<'_>,
    keys: &[Key],
    waiting: &Waiting,
) -> Arc<Blocked> {
    for key in &waiting.keys {
        keyspace.wait(*key, client.id(), waiting.kind);
    }
    let now = runner.clock / 1000;
    let blocked = Arc::new(Blocked {
        command: command.id,
        args: remembering(args, &waiting.remembered),
        keys: keys.into(),
        waits_for: waiting.keys.as_slice().into(),
        database: client.database,
        protocol: client.protocol,
        deadline: waiting.timeout.map(|timeout| now.saturating_add(timeout.as_millis() as u64)),
        one_key: waiting.kind.is_some(),
        at_timeout: waiting.at_timeout,
        silent: matches!(client.reply_mode, ReplyMode::Off | ReplyMode::Skip),
    });
    let clients = &runner.server.clients;
    clients.blocked.fetch_add(1, Relaxed);
    clients.blocked_with_timeout.fetch_add(usize::from(blocked.deadline.is_some()), Relaxed);
    client.shared.is.blocked.store(true, Relaxed);
    *client.shared.blocked.lock() = Some(blocked.clone());
    blocked
}

/// The request as it is run again.
fn remembering(args: Args<'_>, remembered: &[(usize, Box<[u8]>)]) -> OwnedArgs {
    let text = |(index, arg)| match remembered.iter().find(|(place, _)| *place == index) {
        Some((_, text)) => &**text,
        None => arg,
    };
    OwnedArgs::new(args.iter().enumerate().map(text))
}

/// Takes a client out of the queues that it stands in. The shards are locked anew.
fn leave(keyspace: &mut Keyspace, blocked: &Blocked, client: u64) {
    let wanted = shards_of(keyspace, &*blocked.waits_for);
    keyspace.lock(&wanted);
    for key in &blocked.waits_for {
        let name = blocked.args.as_args().get(key.index as usize);
        keyspace.stop_waiting(blocked.database, key.hash, name, client);
    }
}

/// Ends a client's wait, if it waits. The answer is made by `answer` and in the mailbox before the owner can see that
/// the wait is over, since it goes on with its next request then. False if somebody else has ended the wait.
fn end(server: &Server, shared: &ClientShared, answer: impl FnOnce(&Blocked, &mut Reply)) -> bool {
    let mut current = shared.blocked.lock();
    let Some(blocked) = current.take() else { return false };
    ended(server, shared, &blocked);
    let mut reply = Reply::new(blocked.protocol);
    answer(&blocked, &mut reply);
    deliver(shared, &blocked, reply);
    true
}

fn deliver(shared: &ClientShared, blocked: &Blocked, mut reply: Reply) {
    if blocked.silent {
        shared.mailbox.wake();
    } else {
        shared.mailbox.push(&Bytes::from(reply.take()));
    }
}

fn ended(server: &Server, shared: &ClientShared, blocked: &Blocked) {
    shared.is.blocked.store(false, Relaxed);
    server.clients.blocked.fetch_sub(1, Relaxed);
    server.clients.blocked_with_timeout.fetch_sub(usize::from(blocked.deadline.is_some()), Relaxed);
}

/// Ends a client's wait from outside (CLIENT UNBLOCK): with an error, or as if its time were over. False if it does
/// not wait.
pub fn unblock(runner: &Runner, shared: &ClientShared, error: Option<&Error>) -> bool {
    end(&runner.server, shared, |blocked, reply| match error {
        Some(error) => fail(runner, runner.registry.by_id(blocked.command), error, reply),
        None => (blocked.at_timeout)(reply),
    })
}

/// What the owner of a connection does when its wait may be over: served, unblocked, or `timed_out`. Answers whether
/// it is over; the answer is in the mailbox then.
pub fn settle(worker: &mut Worker, client: &Client, blocked: &Arc<Blocked>, timed_out: bool) -> bool {
    if timed_out {
        end(&worker.runner.server, &client.shared, |blocked, reply| (blocked.at_timeout)(reply));
    } else if client.shared.blocked.lock().is_some() {
        return false;
    }
    leave(&mut worker.keyspace, blocked, client.id());
    worker.keyspace.unlock();
    true
}

/// Ends the wait of a connection that has gone.
pub(crate) fn abandon(worker: &mut Worker, client: &Client, blocked: &Blocked) {
    if let Some(blocked) = client.shared.blocked.lock().take() {
        ended(&worker.runner.server, &client.shared, &blocked);
    }
    leave(&mut worker.keyspace, blocked, client.id());
}

/// Serves the clients that wait for keys which have become ready, in the order in which these did, and then those that
/// wait for keys which were made ready by serving.
pub(crate) fn serve(worker: &mut Worker) {
    while let Some((database, hash, name)) = worker.runner.ready.pop_front() {
        let wanted = ShardSet::only(worker.keyspace.store().shard_of(hash));
        worker.keyspace.lock(&wanted);
        let mut place = 0;
        loop {
            worker.keyspace.begin(database, worker.runner.clock / 1000, true);
            let Some(waiter) = worker.keyspace.next_waiter(hash, &name, place) else { break };
            place = waiter.place + 1;
            serve_one(worker, waiter.client, hash, &name);
        }
    }
}

/// Runs the command of one waiting client again.
fn serve_one(worker: &mut Worker, id: u64, hash: u64, name: &[u8]) {
    let Some(shared) = worker.runner.server.clients.get(id) else { return };
    let Some(blocked) = shared.blocked.lock().clone() else { return };
    let wanted = shards_of(&worker.keyspace, &*blocked.keys);
    worker.keyspace.lock(&wanted);
    let mut current = shared.blocked.lock();
    // Between looking and locking the wait may have ended, and another one begun. A client that was told to close will
    // not read its answer, so it takes nothing.
    let still = current.as_ref().is_some_and(|now| Arc::ptr_eq(now, &blocked));
    if !still || shared.mailbox.close_requested().is_some() {
        return;
    }
    let (keyspace, runner) = (&mut worker.keyspace, &mut worker.runner);
    let command = runner.registry.by_id(blocked.command);
    let mut client = Client::new(shared.clone(), true);
    client.database = blocked.database;
    client.protocol = blocked.protocol;
    client.resumed = true;
    let mut reply = Reply::new(blocked.protocol);
    let narrowed = (blocked.one_key && blocked.waits_for.len() > 1).then(|| narrow(&blocked, hash, name));
    let (args, keys) = match &narrowed {
        Some((args, keys)) => (args.as_args(), &**keys),
        None => (blocked.args.as_args(), &*blocked.keys),
    };
    let started = clock::unix_micros();
    match call(keyspace, runner, &mut client, command, args, keys, &mut reply) {
        // Something else happened to the key, or an earlier client took what was there. (What waits for a key is no
        // `async` command.)
        Ok(Outcome::Wait(_) | Outcome::Later(_)) => return,
        // A key that waits for one kind of value and gets another has not become ready.
        Err(error) if error == Error::WRONG_TYPE && !blocked.one_key => return,
        Ok(Outcome::Done) => {}
        Err(error) => {
            reply.clear();
            fail(runner, command, &error, &mut reply);
        }
    }
    let times = (started, clock::unix_micros());
    log_if_notable(runner, &shared, command, blocked.args.as_args(), times, reply.len());
    *current = None;
    ended(&worker.runner.server, &shared, &blocked);
    deliver(&shared, &blocked, reply);
    drop(current);
    for key in &blocked.waits_for {
        let name = blocked.args.as_args().get(key.index as usize);
        worker.keyspace.stop_waiting(blocked.database, key.hash, name, id);
    }
}

/// The request with the ready key in the place of all keys that it waits for: `BLPOP a b 0` becomes `BLPOP b b 0`.
fn narrow(blocked: &Blocked, hash: u64, name: &[u8]) -> (OwnedArgs, Box<[Key]>) {
    let awaited = |index: usize| blocked.waits_for.iter().any(|key| key.index as usize == index);
    let args = blocked.args.as_args().iter().enumerate();
    let args = OwnedArgs::new(args.map(|(index, arg)| if awaited(index) { name } else { arg }));
    let narrowed = |key: &Key| if awaited(key.index as usize) { Key { hash, ..*key } } else { *key };
    (args, blocked.keys.iter().map(narrowed).collect())
}

//! The one door: every command of every caller comes through here.
//!
//! A socket, an in-process caller, EXEC and the service of blocked clients all run commands in the same order of
//! events, which is Redis's: find the command, check the number of arguments, find the keys, check what the connection
//! may do now, queue if MULTI is open, and only then lock the keys' shards and run. The reply is written under the
//! locks; changes are logged and told before they are released.

use std::borrow::Borrow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::accounting::{Returned, State};
use super::argument::{Secrets, wrong_arity};
use super::call::Call;
use super::caller::Task;
use super::def::{Access, Outcome, Run};
use super::flags::{Flags, KeyFlags};
use super::propagation::Propagation;
use super::registry::{Command, Registry};
use super::worker::{Runner, Worker};
use super::{accounting, blocking, keys, schema};
use crate::args::Args;
use crate::db::{Key, Keyspace, ShardSet};
use crate::error::{Error, Result};
use crate::hash::hash;
use crate::resp::Reply;
use crate::server::{Blocked, Choice, Client, PauseMode, ReplyMode};

/// What the connection does after a command.
#[derive(Debug)]
pub enum Flow {
    /// The next one.
    Next,
    /// It waits: until it is served, times out or is unblocked.
    Blocked(Arc<Blocked>),
    /// It comes back with the same command when the pause is over.
    Paused,
    /// Somebody else has held the locks of the command for long: the connection comes back with it a little later, so that
    /// those are served meanwhile that want other keys.
    Busy,
    /// It drives the command to its answer before it goes on.
    Later(Box<Task>),
}

/// A request whose command and keys are known: what can be found out before it is its turn.
#[derive(Clone, Copy, Debug)]
pub struct Recognised<'a> {
    /// The request.
    pub args: Args<'a>,
    /// Its command, subcommand included; none if it is unknown.
    pub command: Option<&'static Command>,
    /// Its keys.
    pub keys: &'a [Key],
}

/// Finds the command and the keys of a request. The keys are appended to `keys`.
#[inline(always)]
pub fn recognise(registry: &Registry, args: Args<'_>, keys: &mut Vec<Key>) -> Option<&'static Command> {
    let command = named(registry, args)?;
    if command.accepts(args.len()) {
        find_keys(command, args, keys);
    }
    Some(command)
}

/// Runs one request of a connection and writes its reply, if it has one now. Once the reply is where it goes, those who
/// keep copies are to be told: [`Runner::invalidate`].
pub fn execute(worker: &mut Worker, client: &mut Client, request: Recognised<'_>, reply: &mut Reply) -> Flow {
    worker.make_room();
    let (keyspace, runner) = (&mut worker.keyspace, &mut worker.runner);
    let mark = reply.len();
    let Recognised { args, keys, .. } = request;
    let flow = match prepare(runner, client, request) {
        Ok(Step::Pause) => return Flow::Paused,
        Err((command, error)) => {
            refuse(keyspace, runner, client, command, error, reply);
            Flow::Next
        }
        Ok(Step::Queue(command)) => {
            queue(client, command, args, keys);
            reply.simple("QUEUED");
            Flow::Next
        }
        Ok(Step::Run(command)) => {
            if !lock(keyspace, runner, client, command, keys) {
                return Flow::Busy;
            }
            if runner.server.lifecycle.is_stopping() {
                // The last save has been. What this would change is not in it, so nobody must hear that it is done.
                client.close = true;
                return Flow::Next;
            }
            match run(keyspace, runner, client, command, args, keys, reply) {
                Ok(flow) => flow,
                Err(error) => {
                    fail(runner, command, &error, reply);
                    Flow::Next
                }
            }
        }
    };
    if runner.replays {
        // Whoever waits for a key is served by the next one who changes it.
        runner.ready.clear();
        return flow;
    }
    runner.stats.counters.commands_processed.add(1);
    if !runner.ready.is_empty() {
        blocking::serve(worker);
    }
    if client.caching > 0 && client.transaction.is_none() {
        client.caching -= 1;
    }
    silence(client, reply, mark);
    flow
}

/// What is to be done with a request that may go on.
enum Step {
    Run(&'static Command),
    Queue(&'static Command),
    Pause,
}

type Refusal = (Option<&'static Command>, Error);

/// Everything before the locks: may this connection run this command now?
#[inline(always)]
fn prepare(runner: &Runner, client: &mut Client, request: Recognised<'_>) -> Result<Step, Refusal> {
    let args = request.args;
    let command = match request.command {
        Some(command) => command,
        None => return Err((None, unknown(runner.registry, args))),
    };
    client.shared.last_command.store(command.id, Relaxed);
    let refuse = |error| (Some(command), error);
    if !command.accepts(args.len()) {
        return Err(refuse(wrong_arity(command.def.full_name)));
    }
    let flags = command.flags;
    if !client.authenticated && !flags.has(Flags::NO_AUTH) && runner.server.config.requirepass.is_set() {
        return Err(refuse(Error::NO_AUTH));
    }
    if runner.eviction.has_failed() && takes_memory(client, command) {
        return Err(refuse(Error::OUT_OF_MEMORY));
    }
    if let Some(error) = &runner.write_refusal
        && (flags.has(Flags::HEALTH) || may_write(client, flags))
    {
        return Err(refuse(error.clone()));
    }
    // MULTI and WATCH have words of their own for this.
    if client.transaction.is_some() && flags.has(Flags::NO_MULTI) && !flags.has(Flags::IMMEDIATE) {
        return Err(refuse(Error::NOT_IN_MULTI));
    }
    if client.protocol == 2 && !flags.has(Flags::SUBSCRIBER) && !client.subscriptions.is_empty() {
        let text = format!(
            "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
            command.def.full_name
        );
        return Err(refuse(Error::from(text)));
    }
    if runner.server.loading.is_active() && !flags.has(Flags::LOADING) && !runner.replays {
        return Err(refuse(Error::LOADING));
    }
    if let Some((mode, _)) = runner.server.pause.current(runner.clock / 1000)
        && !runner.replays
        && !flags.has(Flags::UNPAUSED)
    {
        let writes = flags.has_any(Flags::WRITE.union(Flags::MAY_REPLICATE))
            || flags.has(Flags::IMMEDIATE) && client.transaction.as_ref().is_some_and(|open| open.writes);
        if mode == PauseMode::All || writes {
            return Ok(Step::Pause);
        }
    }
    if client.transaction.is_some() && !flags.has(Flags::IMMEDIATE) {
        return Ok(Step::Queue(command));
    }
    Ok(Step::Run(command))
}

/// Whether a request may change the data: itself, or by what MULTI has queued.
fn may_write(client: &Client, flags: Flags) -> bool {
    flags.has(Flags::WRITE)
        || flags.has(Flags::CLOSES_MULTI) && client.transaction.as_ref().is_some_and(|open| open.writes)
}

/// Whether a request must be refused when `maxmemory` is used up: one that may need more, now or in a transaction.
fn takes_memory(client: &Client, command: &Command) -> bool {
    match &client.transaction {
        None => command.flags.has(Flags::DENYOOM),
        Some(open) if command.flags.has(Flags::CLOSES_MULTI) => open.takes_memory,
        // The queue itself takes memory.
        Some(_) => !command.flags.has(Flags::IMMEDIATE),
    }
}

/// The command that a request names, subcommand included.
#[inline(always)]
fn named(registry: &Registry, args: Args<'_>) -> Option<&'static Command> {
    let command = registry.find(args.get(0))?;
    if command.subcommands.is_empty() || args.len() < 2 {
        return Some(command);
    }
    command.subcommand(args.get(1))
}

/// What is wrong with a request that names no command.
#[cold]
fn unknown(registry: &Registry, args: Args<'_>) -> Error {
    match registry.find(args.get(0)) {
        None => unknown_command(args),
        Some(container) => unknown_subcommand(container, args.get(1)),
    }
}

fn unknown_command(args: Args<'_>) -> Error {
    let name = shown(args.get(0), 128);
    let mut text = [b"ERR unknown command '", name, b"', with args beginning with: "].concat();
    let mut left: usize = 128;
    for arg in args.iter().skip(1) {
        if left == 0 {
            break;
        }
        let shown = shown(arg, left);
        left = left.saturating_sub(shown.len() + 3);
        text.extend_from_slice(&[b"'", shown, b"' "].concat());
    }
    Error::from(text)
}

fn unknown_subcommand(container: &Command, name: &[u8]) -> Error {
    let container = container.def.name.as_bytes();
    Error::quoting(&[b"ERR unknown subcommand '", shown(name, 128), b"'. Try ", container, b" HELP."])
}

/// The beginning of an argument as an error may show it.
fn shown(arg: &[u8], max: usize) -> &[u8] {
    let end = arg.iter().position(|byte| *byte == 0).unwrap_or(arg.len()).min(max);
    &arg[..end]
}

/// Walks the keys of a request. A request whose counts do not add up has none; its shape is refused later.
#[inline(always)]
pub(crate) fn find_keys(command: &Command, args: Args<'_>, found: &mut Vec<Key>) {
    match command.lone_key {
        Some(index) if usize::from(index) < args.len() => {
            found.push(Key { hash: hash(args.get(index.into())), index: index.into() });
        }
        Some(_) => {}
        None => walk_keys(command, args, found),
    }
}

fn walk_keys(command: &Command, args: Args<'_>, found: &mut Vec<Key>) {
    if command.def.keys.is_empty() {
        return;
    }
    // Where the walk has to end early, the shape pass is going to find out why, and must come that far.
    let _complete = keys::walk(command.def.keys, args, |index, flags| {
        if !flags.has(KeyFlags::NOT_KEY) {
            found.push(Key { hash: hash(args.get(index)), index: index as u32 });
        }
    });
}

/// Takes the locks that a command needs. False if somebody else has held them for long.
#[inline]
fn lock(keyspace: &mut Keyspace, runner: &Runner, client: &Client, command: &Command, found: &[Key]) -> bool {
    let shards = keyspace.store().shards();
    let wanted = match command.def.access {
        // Mostly those of the command before it suffice.
        Access::Keys if keyspace.holds(found) => return true,
        Access::Keys => shards_of(keyspace, found),
        Access::All => ShardSet::all(shards),
        // A walk locks what it looks at, and does not give back what was locked before: a single shard stays as it is
        // while it goes on.
        Access::Each if shards == 1 => ShardSet::all(shards),
        Access::None if command.flags.has(Flags::CLOSES_MULTI) => {
            super::transaction::shards(keyspace, runner.registry, client)
        }
        // Such a command may take its time, or other locks.
        Access::Each | Access::None => {
            keyspace.unlock();
            return true;
        }
    };
    runner.lock(keyspace, &wanted)
}

/// The shards of the given keys.
#[inline]
pub(crate) fn shards_of(keyspace: &Keyspace, keys: impl IntoIterator<Item = impl Borrow<Key>>) -> ShardSet {
    let mut wanted = ShardSet::default();
    keys.into_iter().for_each(|key| wanted.insert(keyspace.store().shard_of(key.borrow().hash)));
    wanted
}

/// Runs a command whose locks are held, and does all that follows from it. Answers how the client goes on.
#[inline(always)]
pub(crate) fn run(
    keyspace: &mut Keyspace,
    runner: &mut Runner,
    client: &mut Client,
    command: &'static Command,
    args: Args<'_>,
    found: &[Key],
    reply: &mut Reply,
) -> Result<Flow> {
    let (started, database, mark) = (runner.clock, client.database, reply.len());
    // What EXEC runs happens at one time.
    let now = if client.in_exec { keyspace.now() } else { started / 1000 };
    keyspace.begin(database, now, !client.no_touch);
    let outcome = call(keyspace, runner, client, command, args, found, reply);
    let state = match &outcome {
        Ok(Outcome::Later(_)) => State::Later,
        Ok(Outcome::Wait(_)) if !client.in_exec => State::Waits,
        _ => State::Done,
    };
    // An `async` command has read nothing yet.
    if state != State::Later
        && !runner.server.tracking.is_idle()
        && command.flags.has(Flags::READONLY)
        && remembers(client)
    {
        remember(runner, client.id(), args, found);
    }
    if outcome.is_err() {
        reply.truncate(mark);
    }
    if runner.replays {
        return outcome.map(|_| Flow::Next);
    }
    let ended = runner.watch.unix_micros();
    runner.clock = ended;
    let reply_len = reply.len() - mark;
    let returned = Returned { command, args, database, times: (started, ended), reply_len, state };
    accounting::note(runner, client, &returned);
    match outcome? {
        Outcome::Done => Ok(Flow::Next),
        Outcome::Wait(waiting) if client.in_exec => {
            (waiting.instead)(reply);
            Ok(Flow::Next)
        }
        Outcome::Wait(waiting) => {
            let blocked = keyspace
                .lend(args, |keyspace| blocking::begin(keyspace, runner, client, command, args, found, &waiting));
            Ok(Flow::Blocked(blocked))
        }
        // MULTI does not queue it, so this cannot be.
        Outcome::Later(_) if client.in_exec => Err(Error::NOT_IN_MULTI),
        Outcome::Later(task) => Ok(Flow::Later(task)),
    }
}

/// Whether a client wants to know when what it reads now changes.
#[cold]
pub(crate) fn remembers(client: &Client) -> bool {
    client.shared.tracking.read().as_ref().is_some_and(|tracking| {
        let chosen = client.caching > 0;
        !tracking.broadcast
            && match tracking.choice {
                Choice::Every => true,
                Choice::OptIn => chosen,
                Choice::OptOut => !chosen,
            }
    })
}

/// Remembers what a client has read.
#[cold]
pub(crate) fn remember(runner: &Runner, client: u64, args: Args<'_>, found: &[Key]) {
    let server = &runner.server;
    if !found.is_empty() {
        server.tracking.remember(client, found.iter().map(|key| args.get(key.index as usize)));
        server.tracking.shrink(&server.clients, server.pubsub.output_limits());
    }
}

/// The call itself, with what must happen while its locks are held.
#[inline(always)]
pub(crate) fn call(
    keyspace: &mut Keyspace,
    runner: &mut Runner,
    client: &mut Client,
    command: &'static Command,
    args: Args<'_>,
    found: &[Key],
    reply: &mut Reply,
) -> Result<Outcome> {
    let Run::Sync(handler) = command.def.run else { return Err(wrong_arity(command.def.full_name)) };
    let mut log = runner.begin_log();
    let mark = reply.len();
    let secrets = Secrets::default();
    let outcome = keyspace.lend(args, |keyspace| {
        if matches!(command.def.access, Access::Keys | Access::All) {
            keyspace.expire_members_of(found);
        }
        let (keyspace_again, log_again, client_again) = (&mut *keyspace, &mut log, &mut *client);
        let runner_again = &mut *runner;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut call = Call {
                command,
                args,
                secrets: &secrets,
                keys: found,
                keyspace: keyspace_again,
                client: client_again,
                reply,
                log: log_again,
                worker: runner_again,
            };
            let outcome = handler(&mut call);
            if cfg!(debug_assertions) && matches!(outcome, Ok(Outcome::Done)) {
                schema::check(command, call.reply, mark);
            }
            outcome
        }));
        let outcome = outcome.unwrap_or_else(|_| Err(panicked(command)));
        if command.def.access == Access::Each {
            keyspace.lock_noted();
        }
        keyspace.finish(|| runner.is_paused());
        if follow(keyspace, runner, args, &log, client.in_exec) {
            client.written = runner.server.changes.end();
        }
        runner.end_log(log);
        outcome
    });
    let mut secrets = secrets.into_inner();
    if !secrets.is_empty() {
        client.hidden.append(&mut secrets);
    }
    outcome
}

/// What a client is told whose command panicked. The panic itself has been reported.
#[cold]
pub(crate) fn panicked(command: &Command) -> Error {
    tracing::error!("command '{}' panicked; its client got an error", command.def.full_name);
    Error::new("ERR internal error: the command panicked")
}

/// Logs and tells what a call has changed. Answers whether there is something new in the log; what belongs to a
/// transaction only gathers.
#[inline]
pub(crate) fn follow(
    keyspace: &mut Keyspace,
    runner: &mut Runner,
    args: Args<'_>,
    log: &Propagation,
    in_transaction: bool,
) -> bool {
    let (hits, misses) = keyspace.take_hits_and_misses();
    if hits + misses > 0 {
        runner.stats.counters.keyspace_hits.add(hits);
        runner.stats.counters.keyspace_misses.add(misses);
    }
    if keyspace.is_unchanged() && !log.is_rewritten() {
        return false;
    }
    follow_changes(keyspace, runner, args, log, in_transaction)
}

fn follow_changes(
    keyspace: &mut Keyspace,
    runner: &mut Runner,
    args: Args<'_>,
    log: &Propagation,
    in_transaction: bool,
) -> bool {
    let database = keyspace.index();
    let dirty = keyspace.take_dirty();
    if dirty > 0 && !runner.replays {
        runner.server.changes.count(dirty);
    }
    // Mostly there is nothing to tell but that number.
    let changes = (!keyspace.is_unchanged()).then(|| keyspace.take_changes());
    let vanished = changes.as_ref().map_or(&[][..], |changes| &changes.vanished);
    let mut logged = false;
    if log.is_active() {
        if vanished.is_empty() && !log.is_rewritten() && !in_transaction {
            if dirty > 0 {
                runner.server.changes.append(database, args);
                logged = true;
            }
        } else {
            let effects = &mut runner.effects;
            vanished.iter().for_each(|gone| effects.push(gone.database, gone.effect().as_args()));
            if log.is_rewritten() {
                log.give(database, effects);
            } else if dirty > 0 {
                effects.push(database, args);
            }
            logged = !in_transaction && !effects.is_empty();
            if logged {
                runner.log_effects();
            }
        }
    }
    if let Some(changes) = changes {
        tell(runner, changes);
    }
    logged
}

/// Publishes events, counts what expired, and remembers the keys that clients wait for.
pub(crate) fn tell(runner: &mut Runner, changes: crate::db::Changes) {
    if changes.expired > 0 {
        runner.stats.counters.expired_keys.add(changes.expired);
    }
    if changes.evicted > 0 {
        runner.stats.counters.evicted_keys.add(changes.evicted);
    }
    if changes.expired_fields + changes.expired_members > 0 {
        runner.stats.counters.expired_fields.add(changes.expired_fields);
        runner.stats.counters.expired_members.add(changes.expired_members);
    }
    super::notify::publish(&runner.server, &changes.events);
    runner.ready.extend(changes.ready);
    if !changes.touched.is_empty() {
        runner.server.tracking.take_readers(changes.touched, &mut runner.stale);
    }
    runner.flushed |= changes.flushed;
}

/// Answers a request that was not run.
fn refuse(
    keyspace: &mut Keyspace,
    runner: &Runner,
    client: &mut Client,
    command: Option<&'static Command>,
    mut error: Error,
    reply: &mut Reply,
) {
    if command.is_some_and(|command| command.flags.has(Flags::CLOSES_MULTI)) {
        error = super::transaction::abort(keyspace, runner, client, &error);
    } else if let Some(open) = &mut client.transaction {
        open.aborted = true;
    }
    if let Some(command) = command {
        runner.stats.command(usize::from(command.id)).rejected();
    }
    runner.server.stats.errors.count(error.code(), false);
    reply.error(error.bytes());
}

/// Answers a request that ran and failed.
pub(crate) fn fail(runner: &Runner, command: &Command, error: &Error, reply: &mut Reply) {
    runner.stats.command(usize::from(command.id)).failed();
    runner.server.stats.errors.count(error.code(), false);
    reply.error(error.bytes());
}

fn queue(client: &mut Client, command: &'static Command, args: Args<'_>, keys: &[Key]) {
    let Some(open) = &mut client.transaction else { return };
    open.takes_memory |= command.flags.has(Flags::DENYOOM);
    open.writes |= command.flags.has_any(Flags::WRITE.union(Flags::MAY_REPLICATE));
    open.queue.push(command.id, args, keys);
    client.shared.queued_bytes.store(open.queue.memory(), Relaxed);
    client.shared.queued.store(open.queue.len() as i64, Relaxed);
}

/// Takes back the reply of a connection that wants none.
#[inline]
fn silence(client: &mut Client, reply: &mut Reply, mark: usize) {
    let pushes = std::mem::take(&mut client.reply_pushes);
    client.reply_mode = match client.reply_mode {
        ReplyMode::On => return,
        ReplyMode::Off => ReplyMode::Off,
        ReplyMode::SkipNext => ReplyMode::Skip,
        ReplyMode::Skip => ReplyMode::On,
    };
    if !pushes {
        reply.truncate(mark);
    }
}

/// Cleans up behind a connection that has gone.
pub fn disconnect(worker: &mut Worker, client: &mut Client, blocked: Option<Arc<Blocked>>) {
    let server = worker.runner.server.clone();
    if let Some(blocked) = blocked {
        blocking::abandon(worker, client, &blocked);
    }
    super::transaction::unwatch(&mut worker.keyspace, &worker.runner, client);
    worker.keyspace.unlock();
    server.pubsub.unsubscribe_all(&client.subscriber, &mut client.subscriptions);
    server.monitors.remove(client.id());
    server.stop_tracking(&client.shared);
    server.clients.left(&client.shared);
}

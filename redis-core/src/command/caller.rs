//! `async` commands: how one that waits for something outside is run, and how it reaches its keys meanwhile.
//!
//! A command that asks another server, or sleeps, must not hold a lock while it does. So an `async fn` gets no `Db`; it
//! takes a [`Caller`], and asks for the keys it declared when it needs them: what stands in
//! `caller.write(key, |db, key| ..)` runs at once, under the locks of the declared keys, as the body of a plain command
//! would, and everything that follows from a change follows from it too (events, watches, blocked clients, effects).
//! Between two such moments others may change the keys.
//!
//! The future is a [`Task`], and whoever asked for the command drives it: a connection polls it on its own thread
//! whenever it is woken, and runs none of its later requests before the answer is there. With the connection the task is
//! dropped, which cancels the command at the `.await` that it has reached. The driver also says how the task reaches a
//! [`Worker`] ([`LendWorker`]): there is one per thread, and it can only be lent for a moment.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use parking_lot::Mutex;

use super::accounting::{measure, without_secrets};
use super::blocking;
use super::call::Call;
use super::def::Outcome;
use super::dispatch::{fail, follow, panicked, remember, remembers, shards_of};
use super::flags::Flags;
use super::propagation::{CommandName, Propagation};
use super::registry::Command;
use super::schema;
use super::worker::Worker;
use crate::args::OwnedArgs;
use crate::clock;
use crate::db::{Db, Key, Keyspace};
use crate::error::Result;
use crate::rdb::{ValueRef, dump_payload};
use crate::resp::Reply;
use crate::server::{Client, PauseMode, ReplyMode, Server};
use crate::table::NO_DEADLINE;

/// How the driver of a task lends it a worker.
pub trait LendWorker: Send + Sync {
    /// Calls `body` with the worker, once.
    fn lend(&self, body: &mut dyn FnMut(&mut Worker));
}

impl LendWorker for Mutex<Worker> {
    fn lend(&self, body: &mut dyn FnMut(&mut Worker)) {
        body(&mut self.lock());
    }
}

/// What an `async` command asks for its keys: it can read and write them at any time, but not hold them.
///
/// ```
/// # use redis_core::prelude::*;
/// # family!("acme");
/// # async fn price_of(_: &str) -> Result<i64> { Ok(1) }
/// /// Asks for the price of a thing and stores it.
/// #[command("ACME.PRICE", since = "0.1.0", complexity = "O(1)")]
/// async fn price(caller: Caller, #[key(OW, UPDATE)] key: Key, thing: String) -> Result<i64> {
///     let price = price_of(&thing).await?;
///     caller.write(key, |db, key| {
///         db.set(key, price.to_string(), Ttl::Clear);
///         db.changed(key, "set");
///     }).await;
///     Ok(price)
/// }
/// ```
///
/// It belongs to the command and to tasks that the command spawns on its runtime; on other threads nothing can be lent.
#[derive(Clone)]
pub struct Caller(Arc<Request>);

/// What is known of a request that is under way.
struct Request {
    server: Arc<Server>,
    command: &'static Command,
    args: OwnedArgs,
    keys: Box<[Key]>,
    /// The connection that asks.
    client: u64,
    /// Whether the connection wants to know when what is read changes (CLIENT TRACKING).
    tracked: bool,
    database: usize,
    /// The offset in the change log behind what the connection has changed last.
    written: u64,
    /// Whether reads refresh the access clock.
    touch: bool,
    /// The protocol of the reply.
    protocol: u8,
    /// The connection wants no reply (CLIENT REPLY).
    silent: bool,
    /// Arguments that logs may not show.
    secrets: Vec<usize>,
    /// What the driver lends. It is there before the task is polled.
    worker: OnceLock<Arc<dyn LendWorker>>,
}

impl Caller {
    /// The caller of a command that begins. Part of what `#[command]` generates.
    #[doc(hidden)]
    #[must_use]
    pub fn new(call: &Call<'_>) -> Self {
        Caller(Arc::new(Request {
            server: call.server().clone(),
            command: call.command,
            args: call.args.to_owned(),
            keys: call.keys.into(),
            client: call.client.id(),
            tracked: call.command.flags.has(Flags::READONLY)
                && !call.server().tracking.is_idle()
                && remembers(call.client),
            database: call.client.database,
            written: call.client.written,
            touch: !call.client.no_touch,
            protocol: call.reply.protocol(),
            silent: matches!(call.client.reply_mode, ReplyMode::Off | ReplyMode::Skip),
            secrets: call.secrets.borrow().clone(),
            worker: OnceLock::new(),
        }))
    }

    /// The outcome of a command that answers when `future` is done. Part of what `#[command]` generates.
    #[doc(hidden)]
    pub fn answers_later<T: 'static>(
        self,
        future: impl Future<Output = T> + Send + 'static,
        write: fn(T, &mut Reply) -> Result<Outcome>,
    ) -> Outcome {
        let (command, protocol) = (self.0.command, self.0.protocol);
        let future = Box::pin(async move {
            let returned = future.await;
            let mut reply = Reply::new(protocol);
            // The macro refuses to return a `Wait`, unless it goes by another name.
            if let Outcome::Wait(waiting) = write(returned, &mut reply)? {
                (waiting.instead)(&mut reply);
            }
            if cfg!(debug_assertions) {
                schema::check(command, &reply, 0);
            }
            Ok(reply.take())
        });
        Outcome::Later(Box::new(Task { future, request: self.0, busy: 0 }))
    }

    /// Runs `body` with the declared keys, for reading.
    ///
    /// All keys that the command declared may be read; `key` is handed on for the sake of the closure's signature.
    ///
    /// # Panics
    /// Where nothing can be lent: on a thread that is not the command's.
    pub async fn read<R>(&self, key: Key, body: impl FnOnce(&Db, Key) -> R) -> R {
        self.0.run(|keyspace| body(keyspace.db(), key))
    }

    /// Runs `body` with the declared keys, for writing, once CLIENT PAUSE allows it. Announce what is done to a key with
    /// [`Db::changed`].
    ///
    /// # Panics
    /// If the command declares that it only reads its keys, and where nothing can be lent: on a thread that is not the
    /// command's.
    pub async fn write<R>(&self, key: Key, body: impl FnOnce(&mut Db, Key) -> R) -> R {
        let name = self.0.command.def.full_name;
        assert!(
            self.0.command.flags.has(Flags::WRITE),
            "'{name}' declares its keys as read: `caller.write` is not for it"
        );
        while self.0.server.pause.current(clock::unix_millis()).is_some_and(|(mode, _)| mode >= PauseMode::Write) {
            self.0.server.pause.wait().await;
        }
        self.0.run(|keyspace| body(keyspace.db_mut(), key))
    }

    /// The offset in the change log behind what the connection had changed when it asked.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.0.written
    }

    /// The name of a key.
    #[must_use]
    pub fn name(&self, key: Key) -> &[u8] {
        self.0.args.as_args().get(key.index as usize)
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        &self.0.server
    }
}

impl Request {
    /// Runs `body` with a lent worker under the locks of the declared keys.
    fn run<R>(&self, body: impl FnOnce(&mut Keyspace) -> R) -> R {
        let driver = self.worker.get().expect("who polls a task has said what it lends");
        let (mut body, mut done) = (Some(body), None);
        driver.lend(&mut |worker| done = body.take().map(|body| self.run_on(worker, body)));
        match done.expect("a worker is lent once") {
            Ok(result) => result,
            Err(panic) => resume_unwind(panic),
        }
    }

    fn run_on<R>(&self, worker: &mut Worker, body: impl FnOnce(&mut Keyspace) -> R) -> std::thread::Result<R> {
        worker.begin();
        let (keyspace, runner) = (&mut worker.keyspace, &mut worker.runner);
        let wanted = shards_of(keyspace, &*self.keys);
        keyspace.lock(&wanted);
        keyspace.begin(self.database, runner.clock / 1000, self.touch);
        let args = self.args.as_args();
        let result = keyspace.lend(args, |keyspace| {
            keyspace.expire_members_of(&self.keys);
            let result = catch_unwind(AssertUnwindSafe(|| body(keyspace)));
            keyspace.finish(|| runner.is_paused());
            let mut log = Propagation::new(runner.logs());
            if log.is_active() && keyspace.dirty() > 0 {
                let compress = self.server.config.rdbcompression.get();
                self.keys.iter().for_each(|key| log_state(keyspace, *key, compress, &mut log));
            }
            follow(keyspace, runner, args, &log, false);
            if self.tracked {
                remember(runner, self.client, args, &self.keys);
            }
            result
        });
        if !worker.runner.ready.is_empty() {
            blocking::serve(worker);
        }
        worker.runner.invalidate(Some(self.client));
        worker.end();
        result
    }
}

/// Logs what a key holds now. What an `async` command has found out elsewhere cannot be found out again by those who
/// follow, so its effect is the state that it leads to.
fn log_state(db: &Db, key: Key, compress: bool, log: &mut Propagation) {
    let Some(entry) = db.peek(key) else {
        return log.add(CommandName("DEL"), |effect| effect.key(db, key));
    };
    let deadline = Some(entry.expires_at()).filter(|deadline| *deadline != NO_DEADLINE);
    match entry.object() {
        None => log.add(CommandName("SET"), |effect| {
            effect.key(db, key).arg(entry.string_bytes());
            match deadline {
                Some(deadline) => effect.arg("PXAT").number(deadline),
                None => effect,
            }
        }),
        Some(object) => log.add(CommandName("RESTORE"), |effect| {
            let payload = dump_payload(&ValueRef::Object(object), db.now(), compress);
            effect.key(db, key).number(deadline.unwrap_or(0)).arg(payload).arg("REPLACE").arg("ABSTTL")
        }),
    }
}

/// What a task answers: the reply's bytes, or an error.
pub type Answer = Result<Vec<u8>>;

/// An `async` command on its way.
pub struct Task {
    future: Pin<Box<dyn Future<Output = Answer> + Send>>,
    request: Arc<Request>,
    /// How long it has kept its thread busy, in microseconds.
    busy: u64,
}

impl Task {
    /// Says what the driver lends. Comes before the first poll.
    pub fn lend(&self, worker: Arc<dyn LendWorker>) {
        // Said once only; a second time it would be the same.
        let _ = self.request.worker.set(worker);
    }

    /// Goes on with the command. One that panics answers with an error.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<Answer> {
        let began = clock::unix_micros();
        let polled = catch_unwind(AssertUnwindSafe(|| self.future.as_mut().poll(context)));
        self.busy += clock::unix_micros().saturating_sub(began);
        polled.unwrap_or_else(|_| Poll::Ready(Err(panicked(self.request.command))))
    }

    /// Counts the command and leaves its answer in the client's mailbox.
    ///
    /// SLOWLOG and LATENCY are about commands that keep others from being served, so the time that counts is the time
    /// for which the command did.
    pub fn finish(&mut self, worker: &Worker, client: &Client, answer: Answer) {
        let runner = &worker.runner;
        let command = self.request.command;
        let args = without_secrets(self.request.args.as_args(), &self.request.secrets);
        let bytes = answer.unwrap_or_else(|error| {
            let mut reply = Reply::new(self.request.protocol);
            fail(runner, command, &error, &mut reply);
            reply.take()
        });
        let ended = clock::unix_micros();
        measure(runner, &client.shared, command, args.as_args(), (ended.saturating_sub(self.busy), ended), bytes.len());
        if !self.request.silent {
            client.shared.mailbox.push(&Bytes::from(bytes));
        }
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task").field("command", &self.request.command.def.full_name).finish_non_exhaustive()
    }
}

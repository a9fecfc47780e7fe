//! One connection: bytes in, commands through the door, bytes out.
//!
//! A connection is one task on one worker thread and owns almost nothing while it is idle. Input is read into the
//! thread's buffer and run from there; only an incomplete request is kept, and what follows of it is then read to where
//! it is kept, so that a large argument is not copied once more with every read. Replies are written to the thread's
//! buffer and from there to the socket, without waiting, if need be when others have been served (`answer`); only what
//! the socket does not take is kept. A client that
//! sends and does not read is still read from, as a pipeline may be sent whole before its replies are fetched; the
//! output buffer limits bound what is kept for it.
//!
//! A connection that waits, for a key, for the answer of an `async` command or for the end of CLIENT PAUSE, is read from
//! as well: that is how it is noticed that the client has gone. An order to close ends it whatever it is doing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Sleep;

use super::batch::{Done, Stop};
use super::context::{ThisThread, Thread, with_thread};
use super::output::Output;
use super::stream::Stream;
use crate::clock;
use crate::command::{self, Task, settle};
use crate::pubsub::CloseReason;
use crate::resp::{Decoder, Reply};
use crate::server::{Blocked, Client, Server};

/// A reply buffer that has grown beyond this is not kept for the next connection.
const KEEP_REPLY: usize = 1 << 20;

/// A reply that is longer is not put off: its client has enough to do already.
const PUT_OFF: usize = 16 * 1024;

/// A message of this size is sent by itself, not copied behind others.
const LARGE_MESSAGE: usize = 16 * 1024;

/// When a command is tried again whose keys somebody else holds.
const AGAIN: Duration = Duration::from_millis(1);

/// What is read at once from a connection that waits.
const READ_WHILE_WAITING: usize = 16 * 1024;

/// A connection and its unfinished business.
pub(super) struct Connection {
    pub(super) stream: Stream,
    pub(super) server: Arc<Server>,
    pub(super) client: Client,
    pub(super) decoder: Decoder,
    /// Bytes of a request that is not whole yet, or that must wait for its turn.
    input: Vec<u8>,
    /// Whether `input` may hold whole requests.
    backlog: bool,
    output: Output,
    /// The output is a reply that is to be sent when others have been served.
    put_off: bool,
    wait: Wait,
}

/// Why requests that have come do not run.
enum Wait {
    /// They do.
    No,
    /// The last one waits for a key, perhaps not for ever.
    Blocked(Arc<Blocked>, Option<Pin<Box<Sleep>>>),
    /// The last one is `async`, and driven from here.
    Later(Box<Task>),
    /// CLIENT PAUSE holds them up.
    Held(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// Somebody else holds the keys of the next one.
    Busy(Pin<Box<Sleep>>),
}

/// The connection is over.
struct Closed;

impl Connection {
    pub(super) fn new(stream: Stream, server: Arc<Server>, client: Client) -> Self {
        Connection {
            stream,
            server,
            client,
            decoder: Decoder::default(),
            input: Vec::new(),
            backlog: false,
            output: Output::default(),
            put_off: false,
            wait: Wait::No,
        }
    }

    /// Serves the connection to its end.
    pub(super) async fn serve(mut self) {
        std::future::poll_fn(|context| {
            self.client.shared.mailbox.register(context.waker());
            Poll::Ready(())
        })
        .await;
        let Closed = std::future::poll_fn(|context| self.poll(context)).await;
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Closed> {
        loop {
            if let Some(reason) = self.client.shared.mailbox.close_requested() {
                self.last_words(reason);
                return Poll::Ready(Closed);
            }
            // Nothing leaves, and nothing more is read, before what was answered may be.
            if self.output.poll_held(&self.server, context).is_pending() {
                return Poll::Pending;
            }
            if self.write().is_err() {
                return Poll::Ready(Closed);
            }
            if self.output.is_held() {
                continue;
            }
            self.watch_output(context);
            if self.client.shared.mailbox.close_requested().is_some() {
                continue;
            }
            if !self.output.is_empty() {
                match self.stream.poll_write_ready(context) {
                    Poll::Ready(Ok(())) => continue,
                    Poll::Ready(Err(_)) => return Poll::Ready(Closed),
                    Poll::Pending => {}
                }
            }
            if self.client.close {
                return if self.output.is_empty() { Poll::Ready(Closed) } else { Poll::Pending };
            }
            self.poll_wait(context);
            if !self.waits() && self.must_wait_for_disk() {
                // To ask for more would fill the memory. Asked again when it has come, or can no longer.
                if self.server.aof.poll_acknowledged(self.client.written, context).is_pending() {
                    return Poll::Pending;
                }
            }
            if self.backlog && !self.waits() {
                self.run_input();
            } else if !matches!(ready!(self.poll_read(context)), Ok(1..)) {
                return Poll::Ready(Closed);
            }
            if self.put_off {
                // Behind all others that are to be polled now.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    fn waits(&self) -> bool {
        !matches!(self.wait, Wait::No)
    }

    /// Whether no further request may run for now: the disk is far behind, and not because of others alone.
    pub(super) fn must_wait_for_disk(&self) -> bool {
        let aof = &self.server.aof;
        aof.is_behind(self.server.changes.end()) && !aof.is_acknowledged(self.client.written)
    }

    /// Whether no further request may run: its last reply is written, or it was told to close.
    pub(super) fn is_over(&self) -> bool {
        self.client.close || self.client.shared.mailbox.close_requested().is_some()
    }

    /// Looks whether the connection need not wait any longer.
    fn poll_wait(&mut self, context: &mut Context<'_>) {
        match &mut self.wait {
            Wait::No => {}
            Wait::Held(end) => {
                if end.as_mut().poll(context).is_ready() {
                    self.wait = Wait::No;
                    self.backlog = true;
                    self.note_held(false);
                }
            }
            Wait::Busy(sleep) => {
                if sleep.as_mut().poll(context).is_ready() {
                    self.wait = Wait::No;
                    self.backlog = true;
                }
            }
            Wait::Later(task) => {
                if let Poll::Ready(answer) = task.poll(context) {
                    with_thread(|thread| task.finish(&thread.worker, &self.client, answer));
                    self.client.written = self.server.changes.end();
                    self.wait = Wait::No;
                    self.backlog = true;
                    self.note_held(false);
                }
            }
            Wait::Blocked(blocked, sleep) => {
                let timed_out = sleep.as_mut().is_some_and(|sleep| sleep.as_mut().poll(context).is_ready());
                if with_thread(|thread| settle(&mut thread.worker, &self.client, blocked, timed_out)) {
                    // Whoever has served it has changed the data for it.
                    self.client.written = self.server.changes.end();
                    self.wait = Wait::No;
                    // The answer is in the mailbox. To send it is the first thing that is done with the input.
                    self.backlog = true;
                }
            }
        }
    }

    /// Reads once, and runs what has come if it may. Answers how many bytes came; none at the end of the stream.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.input.is_empty() {
            return with_thread(|thread| {
                let mut buffer = std::mem::take(&mut thread.buffer);
                let mut read = ReadBuf::new(&mut buffer);
                let polled = Pin::new(&mut self.stream).poll_read(context, &mut read);
                let len = read.filled().len();
                if polled.is_ready() && len > 0 {
                    self.note_read(thread, len);
                    if self.waits() {
                        self.input.extend_from_slice(&buffer[..len]);
                        self.note_input();
                    } else {
                        let done = self.run_noted(thread, &buffer[..len]);
                        self.input = buffer[done.consumed..len].to_vec();
                        self.go_on(done.stop);
                    }
                }
                thread.buffer = buffer;
                polled.map_ok(|()| len)
            });
        }
        loop {
            ready!(self.stream.poll_read_ready(context))?;
            let waits = self.waits();
            if waits {
                self.input.reserve(READ_WHILE_WAITING);
            } else {
                self.decoder.make_room(&mut self.input);
            }
            match self.stream.try_read_buf(&mut self.input) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(len) => {
                    with_thread(|thread| self.note_read(thread, len));
                    self.note_input();
                    if !waits && self.decoder.wanted() <= self.input.len() {
                        self.run_input();
                    }
                    return Poll::Ready(Ok(len));
                }
            }
        }
    }

    /// Runs what is kept of the input, and keeps the rest.
    fn run_input(&mut self) {
        let mut input = std::mem::take(&mut self.input);
        let done = with_thread(|thread| self.run_noted(thread, &input));
        match done.consumed {
            // Nothing is moved while a request comes in pieces.
            0 => self.input = input,
            consumed if consumed == input.len() => {}
            consumed if consumed > input.len() / 2 => self.input = input[consumed..].to_vec(),
            consumed => {
                input.drain(..consumed);
                self.input = input;
            }
        }
        self.go_on(done.stop);
    }

    fn run_noted(&mut self, thread: &mut Thread, data: &[u8]) -> Done {
        // What CLIENT LIST shows of the connection that runs it.
        self.client.shared.input.store(data.len(), Relaxed);
        self.run(thread, data)
    }

    /// After requests have run: what the rest of the input waits for.
    fn go_on(&mut self, stop: Option<Stop>) {
        self.backlog = false;
        match stop {
            None => {}
            Some(Stop::Disk) => self.backlog = true,
            Some(Stop::Held) => {
                self.note_held(true);
                let server = self.server.clone();
                self.wait = Wait::Held(Box::pin(async move { server.pause.wait().await }));
            }
            Some(Stop::Busy) => self.wait = Wait::Busy(Box::pin(tokio::time::sleep(AGAIN))),
            Some(Stop::Later(task)) => {
                self.note_held(true);
                task.lend(Arc::new(ThisThread));
                self.wait = Wait::Later(task);
            }
            Some(Stop::Blocked(blocked)) => {
                let sleep = blocked.deadline.map(|deadline| {
                    let left = deadline.saturating_sub(clock::unix_millis());
                    Box::pin(tokio::time::sleep(Duration::from_millis(left)))
                });
                self.wait = Wait::Blocked(blocked, sleep);
            }
        }
        if self.client.close {
            self.input = Vec::new();
        }
        self.note_input();
    }

    /// Tells others that CLIENT PAUSE or an `async` command holds the connection up, which counts as being blocked.
    fn note_held(&self, held: bool) {
        self.client.shared.is.blocked.store(held, Relaxed);
        let blocked = &self.server.clients.blocked;
        if held {
            blocked.fetch_add(1, Relaxed)
        } else {
            blocked.fetch_sub(1, Relaxed)
        };
    }

    fn note_read(&self, thread: &Thread, bytes: usize) {
        let shared = &self.client.shared;
        let stats = &thread.worker.runner.stats.counters;
        stats.net_input_bytes.add(bytes as u64);
        stats.reads_processed.add(1);
        shared.bytes_in.store(shared.bytes_in.load(Relaxed) + bytes as u64, Relaxed);
        shared.last_active.store(clock::unix_millis(), Relaxed);
    }

    /// Tells others how much input is kept, and refuses to keep too much, be it as input or queued by MULTI.
    fn note_input(&mut self) {
        let shared = &self.client.shared;
        let decoded = self.decoder.decoded().min(self.input.len());
        shared.input.store(self.input.len() - decoded, Relaxed);
        shared.input_decoded.store(decoded, Relaxed);
        shared.input_memory.store(self.input.capacity(), Relaxed);
        let kept = self.input.len() + shared.queued_bytes.load(Relaxed);
        if kept > self.server.config.client_query_buffer_limit.get_usize() {
            shared.mailbox.request_close(CloseReason::QueryBufferLimit);
            self.input = Vec::new();
        }
        self.watch_memory();
    }

    /// Has connections closed, perhaps this one, if all together occupy too much.
    pub(super) fn watch_memory(&self) {
        if self.server.clients.note_memory(&self.client.shared) {
            self.server.evict_clients();
        }
    }

    /// Sends the reply to what has run, or puts it off until the others are served that are to be served now.
    ///
    /// A client that waits is woken up by the first reply that comes, and finds those that come before it has looked at
    /// it without being woken again. So where many are to be served, it is cheaper for both sides to answer them in one
    /// go; it is what Redis does.
    pub(super) fn answer(&mut self, thread: &mut Thread) {
        thread.served += 1;
        let len = thread.reply.len();
        let puts_off = thread.crowded
            && (1..=PUT_OFF).contains(&len)
            && self.output.is_empty()
            && !self.server.aof.holds_replies()
            && !self.exceeds_limit(len)
            && self.client.shared.mailbox.close_requested().is_none();
        if puts_off {
            let spare = thread.spare.pop().unwrap_or_default();
            self.output.put_off(thread.reply.exchange(spare));
            self.put_off = true;
        } else {
            self.send(thread);
        }
    }

    /// Sends what the thread's buffer holds for this connection.
    pub(super) fn send(&mut self, thread: &mut Thread) {
        let reply = &mut thread.reply;
        // A reply that is too large is not sent in part.
        if self.exceeds_limit(reply.len()) {
            self.client.shared.mailbox.request_close(CloseReason::OutputBufferLimit);
        }
        // A connection that is told to close while its requests run is not answered any more, unless the server stops.
        let told = self.client.shared.mailbox.close_requested();
        if !reply.is_empty() && matches!(told, None | Some(CloseReason::Shutdown)) {
            match self.emit(reply.as_bytes()) {
                Ok(taken) => self.note_sent(thread, taken),
                // Nobody will read the rest.
                Err(_) => self.client.close = true,
            }
        }
        let reply = &mut thread.reply;
        // It may have been longer: an error takes back what was written before it.
        if reply.capacity() > 2 * KEEP_REPLY && !self.server.keep_reply_buffers.load(Relaxed) {
            *reply = Reply::new(reply.protocol());
        } else {
            reply.clear();
        }
    }

    /// Sends bytes, or keeps them until what they may tell of is on the disk. Answers how many the socket has taken.
    fn emit(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.server.aof.holds_replies() {
            // Whatever is in the data by now, somebody may have read.
            let end = self.server.changes.end();
            if !self.server.aof.is_acknowledged(end) {
                self.output.hold(bytes, end);
                return Ok(0);
            }
        }
        self.output.write(&self.stream, bytes)
    }

    /// Whether more would wait than may, with `unsent` bytes that are about to.
    pub(super) fn exceeds_limit(&self, unsent: usize) -> bool {
        self.output.exceeds_limit(&self.server, &self.client, unsent)
    }

    /// The largest reply that may still be sent; zero for any.
    pub(super) fn reply_limit(&self) -> usize {
        self.output.room(&self.server, &self.client)
    }

    /// Has the connection closed when more waits to be sent than may, or for too long.
    fn watch_output(&mut self, context: &mut Context<'_>) {
        self.output.watch_soft_limit(&self.server, &self.client);
        if self.exceeds_limit(0) || self.output.poll_soft_limit(context).is_ready() {
            self.client.shared.mailbox.request_close(CloseReason::OutputBufferLimit);
        }
    }

    /// Writes what waits, and then what others have sent: as long as the socket takes it.
    fn write(&mut self) -> io::Result<()> {
        if !self.output.is_empty() {
            // What was put off was answered just now, and its client has been active just now.
            if !std::mem::take(&mut self.put_off) {
                self.client.shared.last_active.store(clock::unix_millis(), Relaxed);
            }
            with_thread(|thread| {
                let taken = self.output.flush(&self.stream, |buffer| thread.recycle(buffer))?;
                self.note_sent(thread, taken);
                io::Result::Ok(())
            })?;
            self.watch_memory();
        }
        if self.output.is_empty() && !self.client.shared.mailbox.is_empty() && !self.client.close {
            with_thread(|thread| self.deliver(thread))?;
            self.watch_memory();
        }
        Ok(())
    }

    /// Sends the mail, small messages together.
    fn deliver(&mut self, thread: &mut Thread) -> io::Result<()> {
        let mail = self.client.shared.mailbox.take();
        for piece in mail.pieces() {
            if piece.len() < LARGE_MESSAGE {
                thread.reply.raw(piece);
            }
            if piece.len() >= LARGE_MESSAGE || thread.reply.len() >= LARGE_MESSAGE {
                self.send(thread);
            }
            if piece.len() >= LARGE_MESSAGE {
                let taken = self.emit(piece)?;
                self.note_sent(thread, taken);
            }
        }
        self.send(thread);
        Ok(())
    }

    fn note_sent(&self, thread: &Thread, bytes: usize) {
        let shared = &self.client.shared;
        let stats = &thread.worker.runner.stats.counters;
        shared.bytes_out.store(shared.bytes_out.load(Relaxed) + bytes as u64, Relaxed);
        shared.output.store(self.output.len(), Relaxed);
        shared.output_memory.store(self.output.memory(), Relaxed);
        shared.mailbox.note_backlog(self.output.len());
        stats.net_output_bytes.add(bytes as u64);
        stats.writes_processed.add(1);
    }

    /// A connection that is told to close says why in the log, and sends what it can at once if the server stops.
    fn last_words(&mut self, reason: CloseReason) {
        let shared = &self.client.shared;
        let (id, stats) = (shared.id, &self.server.stats.shared);
        match reason {
            // The other side may have gone before.
            CloseReason::Shutdown => drop(self.write()),
            CloseReason::OutputBufferLimit => {
                let waiting = self.output.waiting(&shared.mailbox);
                tracing::warn!(
                    "closing client {id}: {waiting} bytes wait to be sent, more than its output limits allow"
                );
                stats.output_buffer_limit_disconnections.add_shared(1);
            }
            CloseReason::QueryBufferLimit => {
                tracing::warn!("closing client {id}: its requests are larger than the query buffer limit");
                stats.query_buffer_limit_disconnections.add_shared(1);
            }
            CloseReason::CrossProtocol => {
                tracing::warn!(
                    "Possible SECURITY ATTACK detected: client {id} ({}) sends an HTTP request, perhaps made \
                    by a web page through a visitor's browser. The connection is closed.",
                    shared.origin.address
                );
            }
            other => tracing::debug!("closing client {id}: {other:?}"),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let blocked = match std::mem::replace(&mut self.wait, Wait::No) {
            Wait::No | Wait::Busy(_) => None,
            Wait::Blocked(blocked, _) => Some(blocked),
            Wait::Held(_) | Wait::Later(_) => {
                self.note_held(false);
                None
            }
        };
        with_thread(|thread| command::disconnect(&mut thread.worker, &mut self.client, blocked));
        self.server.clients.connected.fetch_sub(1, Relaxed);
    }
}

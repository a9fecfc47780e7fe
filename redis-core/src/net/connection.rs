//! One connection: bytes in, commands through the door, bytes out.
//!
//! A connection is one task on one worker thread and owns almost nothing while it is idle. Input is read into the
//! thread's buffer and run from there; only an incomplete request is kept. Replies are written to the thread's buffer
//! and from there to the socket, without waiting; only what the socket does not take is kept. A client that sends and
//! does not read is still read from, as a pipeline may be sent whole before its replies are fetched; the output
//! buffer limits bound what is kept for it.
//!
//! Requests are taken in batches: all that the read has brought are decoded and recognised first, so that the memory
//! they will touch is on its way to the processor before the first one runs.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Sleep;

use super::context::{Thread, with_thread};
use super::stream::Stream;
use crate::args::{Args, OwnedArgs};
use crate::command::{self, Command, Flow, Recognised, recognise, settle};
use crate::config::ClientClass;
use crate::pubsub::CloseReason;
use crate::resp::{Decoder, Limits, ProtocolError, Reply, Request, Span};
use crate::server::{Blocked, Client, Server};

/// How many requests are recognised before the first of them runs.
const BATCH: usize = 32;

/// An output buffer that has grown beyond this is not kept for the next connection.
const KEEP_REPLY: usize = 1 << 20;

/// A connection and its unfinished business.
pub(super) struct Connection {
    stream: Stream,
    server: Arc<Server>,
    client: Client,
    decoder: Decoder,
    /// Bytes of a request that is not whole yet, or that must wait for its turn.
    input: Vec<u8>,
    /// Whether `input` may hold whole requests.
    backlog: bool,
    /// Bytes that the socket did not take, from `sent` on.
    output: Vec<u8>,
    sent: usize,
    blocked: Option<(Arc<Blocked>, Option<Pin<Box<Sleep>>>)>,
    /// Since when the output is above the soft limit, in milliseconds since 1970.
    over_soft_limit: Option<u64>,
}

/// Why [`Connection::poll`] ends.
enum Pause {
    /// The connection is over.
    Closed,
    /// CLIENT PAUSE holds it up.
    Held,
}

/// A request of the batch at hand.
pub(super) struct Item {
    bytes: Range<usize>,
    spans: Range<usize>,
    keys: Range<usize>,
    command: Option<&'static Command>,
    /// An inline request owns its arguments.
    inline: Option<OwnedArgs>,
}

impl Item {
    fn args<'a>(&'a self, data: &'a [u8], spans: &'a [Span]) -> Args<'a> {
        match &self.inline {
            Some(args) => args.as_args(),
            None => Args::new(&data[self.bytes.clone()], &spans[self.spans.clone()]),
        }
    }
}

impl Connection {
    pub(super) fn new(stream: Stream, server: Arc<Server>, client: Client) -> Self {
        server.clients.connected.fetch_add(1, Relaxed);
        Connection {
            stream,
            server,
            client,
            decoder: Decoder::default(),
            input: Vec::new(),
            backlog: false,
            output: Vec::new(),
            sent: 0,
            blocked: None,
            over_soft_limit: None,
        }
    }

    /// Serves the connection to its end.
    pub(super) async fn serve(mut self) {
        std::future::poll_fn(|context| {
            self.client.shared.mailbox.register(context.waker());
            Poll::Ready(())
        })
        .await;
        loop {
            match std::future::poll_fn(|context| self.poll(context)).await {
                Pause::Closed => return,
                Pause::Held => self.server.pause.wait().await,
            }
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Pause> {
        loop {
            if self.client.shared.mailbox.close_requested().is_some() {
                self.last_words();
                return Poll::Ready(Pause::Closed);
            }
            self.collect_mail();
            if self.flush().is_err() || self.exceeds_output_limit() {
                return Poll::Ready(Pause::Closed);
            }
            let all_sent = self.sent == self.output.len();
            if !all_sent && let Poll::Ready(ready) = self.stream.poll_write_ready(context) {
                match ready {
                    Ok(()) => continue,
                    Err(_) => return Poll::Ready(Pause::Closed),
                }
            }
            if self.client.close {
                return if all_sent { Poll::Ready(Pause::Closed) } else { Poll::Pending };
            }
            if self.blocked.is_some() && self.poll_blocked(context) {
                continue;
            }
            if self.blocked.is_none() && self.backlog {
                let held = with_thread(|thread| {
                    let input = std::mem::take(&mut self.input);
                    let held = self.process(thread, &input);
                    self.send(thread);
                    held
                });
                if held {
                    return Poll::Ready(Pause::Held);
                }
                continue;
            }
            match ready!(self.poll_read(context)) {
                Ok(Read::Data) => {}
                Ok(Read::Held) => return Poll::Ready(Pause::Held),
                Ok(Read::End) | Err(_) => return Poll::Ready(Pause::Closed),
            }
        }
    }

    /// Whether the wait of a blocked client is over; its answer is then in the output.
    fn poll_blocked(&mut self, context: &mut Context<'_>) -> bool {
        let Some((blocked, sleep)) = &mut self.blocked else { return true };
        let timed_out = sleep.as_mut().is_some_and(|sleep| sleep.as_mut().poll(context).is_ready());
        let over = with_thread(|thread| settle(&mut thread.worker, &self.client, blocked, timed_out));
        if over {
            self.blocked = None;
            self.collect_mail();
        }
        over
    }

    /// Reads once and runs what has come.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Read>> {
        with_thread(|thread| {
            let mut buffer = std::mem::take(&mut thread.buffer);
            let mut read = ReadBuf::new(&mut buffer);
            let polled = Pin::new(&mut self.stream).poll_read(context, &mut read);
            let len = read.filled().len();
            let result = match polled {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) if len == 0 => Poll::Ready(Ok(Read::End)),
                Poll::Ready(Ok(())) => {
                    let held = self.received(thread, &buffer[..len]);
                    self.send(thread);
                    Poll::Ready(Ok(if held { Read::Held } else { Read::Data }))
                }
            };
            thread.buffer = buffer;
            result
        })
    }

    /// Takes in what a read has brought. True if CLIENT PAUSE holds the connection up.
    fn received(&mut self, thread: &mut Thread, data: &[u8]) -> bool {
        let shared = &self.client.shared;
        let stats = &thread.worker.runner.stats.counters;
        stats.net_input_bytes.add(data.len() as u64);
        stats.reads_processed.add(1);
        shared.bytes_in.store(shared.bytes_in.load(Relaxed) + data.len() as u64, Relaxed);
        shared.last_active.store(crate::clock::unix_millis(), Relaxed);
        if self.input.is_empty() && self.blocked.is_none() {
            return self.process(thread, data);
        }
        self.input.extend_from_slice(data);
        if self.input.len() > self.server.config.client_query_buffer_limit.get_usize() {
            tracing::warn!("closing client {}: its query buffer limit is reached", shared.id);
            self.server.stats.shared.query_buffer_limit_disconnections.add_shared(1);
            self.client.close = true;
            return false;
        }
        if self.blocked.is_some() {
            // Requests wait for their turn; a blocked client may send more, but not without bound.
            self.backlog = true;
            shared.input.store(self.input.len(), Relaxed);
            return false;
        }
        let input = std::mem::take(&mut self.input);
        self.process(thread, &input)
    }

    /// Runs the requests in `data` and keeps what is left. True if CLIENT PAUSE holds the connection up.
    fn process(&mut self, thread: &mut Thread, data: &[u8]) -> bool {
        self.backlog = false;
        thread.reply.set_protocol(self.client.protocol);
        let (mut at, mut stop) = (0, None);
        let mut failed: Option<ProtocolError> = None;
        while stop.is_none() && failed.is_none() && !self.client.close {
            let more = self.decode(thread, data, &mut at, &mut failed);
            stop = self.run_batch(thread, data);
            if !more {
                break;
            }
        }
        if let Some(error) = failed
            && stop.is_none()
            && !self.client.close
        {
            tracing::debug!("protocol error from client {}: {error}", self.client.shared.id);
            self.server.stats.errors.count(b"ERR", false);
            thread.reply.error(error.to_string());
            self.client.close = true;
        }
        if let Some((at, _)) = stop {
            // What comes behind is decoded anew when it is its turn.
            self.decoder = Decoder::default();
            self.backlog = at < data.len();
            self.keep(&data[at..]);
            return matches!(stop, Some((_, Stop::Held)));
        }
        self.keep(&data[at..]);
        false
    }

    fn keep(&mut self, rest: &[u8]) {
        self.input = if self.client.close { Vec::new() } else { rest.to_vec() };
        self.client.shared.input.store(self.input.len(), Relaxed);
    }

    /// Decodes and recognises requests until the batch is full or the data are used up. Answers whether there may be
    /// more.
    fn decode(&mut self, thread: &mut Thread, data: &[u8], at: &mut usize, failed: &mut Option<ProtocolError>) -> bool {
        let Thread { worker, spans, keys, batch, .. } = thread;
        spans.clear();
        keys.clear();
        batch.clear();
        let config = &self.server.config;
        let authenticated = self.client.authenticated;
        let limits = Limits { bulk_len: config.proto_max_bulk_len.get_usize(), authenticated, ..Limits::default() };
        let registry = worker.runner.registry;
        // The request that authenticates lifts the limits for the next one.
        let most = if authenticated { BATCH } else { 1 };
        while batch.len() < most {
            let first_span = spans.len();
            let (consumed, inline) = match self.decoder.next(&data[*at..], &limits, spans) {
                Ok(None) => return false,
                Ok(Some(Request::Multibulk { consumed })) => (consumed, None),
                Ok(Some(Request::Inline { consumed, args })) => {
                    (consumed, Some(OwnedArgs::new(args.iter().map(Vec::as_slice))))
                }
                Err(error) => {
                    *failed = Some(error);
                    return false;
                }
            };
            let mut item = Item {
                bytes: *at..*at + consumed,
                spans: first_span..spans.len(),
                keys: keys.len()..keys.len(),
                command: None,
                inline,
            };
            *at += consumed;
            let args = item.args(data, spans);
            if args.is_empty() {
                continue;
            }
            item.command = recognise(registry, args, keys);
            item.keys.end = keys.len();
            batch.push(item);
        }
        true
    }

    /// Runs the batch. Answers where it stopped, if it did before its end.
    fn run_batch(&mut self, thread: &mut Thread, data: &[u8]) -> Option<(usize, Stop)> {
        let Thread { worker, spans, keys, batch, reply, .. } = thread;
        if batch.is_empty() {
            return None;
        }
        worker.begin();
        if batch.len() > 1 {
            command::prefetch(worker, self.client.database, keys);
        }
        let mut stopped = None;
        for item in batch.iter() {
            let request =
                Recognised { args: item.args(data, spans), command: item.command, keys: &keys[item.keys.clone()] };
            match command::execute(worker, &mut self.client, request, reply) {
                Flow::Next => {}
                Flow::Blocked(blocked) => {
                    let sleep = blocked.deadline.map(|deadline| {
                        let left = deadline.saturating_sub(crate::clock::unix_millis());
                        Box::pin(tokio::time::sleep(Duration::from_millis(left)))
                    });
                    self.blocked = Some((blocked, sleep));
                    stopped = Some((item.bytes.end, Stop::Blocked));
                }
                Flow::Paused => stopped = Some((item.bytes.start, Stop::Held)),
            }
            // A client that is subscribed sees its own messages right behind the reply that they follow.
            let mailbox = &self.client.shared.mailbox;
            if !mailbox.is_empty() && self.blocked.is_none() {
                let mut mail = Vec::new();
                mailbox.drain_into(&mut mail);
                mail.iter().for_each(|message| reply.raw(message));
            }
            if stopped.is_some() || self.client.close || mailbox.close_requested().is_some() {
                break;
            }
        }
        worker.end();
        let done = batch.len() as u64;
        let shared = &self.client.shared;
        shared.commands.store(shared.commands.load(Relaxed) + done, Relaxed);
        stopped
    }

    /// Sends what the thread's buffer holds for this connection.
    fn send(&mut self, thread: &mut Thread) {
        let reply = &mut thread.reply;
        let bytes = reply.as_bytes();
        if !bytes.is_empty() {
            let taken = if self.sent == self.output.len() {
                match self.stream.try_write(bytes) {
                    Ok(taken) => taken,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                    Err(_) => {
                        self.client.close = true;
                        bytes.len()
                    }
                }
            } else {
                0
            };
            self.count_sent(thread.worker.runner.stats.as_ref(), taken);
            self.output.extend_from_slice(&bytes[taken..]);
            self.client.shared.output.store(self.output.len() - self.sent, Relaxed);
        }
        if reply.len() > KEEP_REPLY {
            *reply = Reply::new(2);
        } else {
            reply.clear();
        }
    }

    fn count_sent(&self, stats: &crate::observe::WorkerStats, bytes: usize) {
        let shared = &self.client.shared;
        shared.bytes_out.store(shared.bytes_out.load(Relaxed) + bytes as u64, Relaxed);
        stats.counters.net_output_bytes.add(bytes as u64);
        stats.counters.writes_processed.add(1);
    }

    /// Moves what others have sent to the output.
    fn collect_mail(&mut self) {
        let mailbox = &self.client.shared.mailbox;
        if !mailbox.is_empty() {
            let mut mail = Vec::new();
            mailbox.drain_into(&mut mail);
            mail.iter().for_each(|message| self.output.extend_from_slice(message));
        }
    }

    /// Writes what the socket takes of the output.
    fn flush(&mut self) -> io::Result<()> {
        while self.sent < self.output.len() {
            match self.stream.try_write(&self.output[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => {
                    self.sent += taken;
                    with_thread(|thread| self.count_sent(&thread.worker.runner.stats, taken));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        if self.sent == self.output.len() {
            self.output = Vec::new();
            self.sent = 0;
        } else if self.sent > self.output.len() / 2 {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
        self.client.shared.output.store(self.output.len() - self.sent, Relaxed);
        Ok(())
    }

    /// Whether the connection holds more output than `client-output-buffer-limit` allows.
    fn exceeds_output_limit(&mut self) -> bool {
        let pending = self.output.len() - self.sent;
        if pending == 0 {
            self.over_soft_limit = None;
            return false;
        }
        let class = if self.client.subscriptions.is_empty() { ClientClass::Normal } else { ClientClass::Pubsub };
        let limit = self.server.config.client_output_buffer_limit.get(class);
        let now = crate::clock::unix_millis();
        let soft = limit.soft > 0 && pending as u64 > limit.soft;
        let since = soft.then(|| *self.over_soft_limit.get_or_insert(now));
        self.over_soft_limit = since;
        let exceeded = limit.hard > 0 && pending as u64 > limit.hard
            || since.is_some_and(|since| now - since > limit.soft_seconds * 1000);
        if exceeded {
            let id = self.client.shared.id;
            tracing::warn!("closing client {id}: its output buffer limits are overcome with {pending} bytes");
            self.server.stats.shared.output_buffer_limit_disconnections.add_shared(1);
        }
        exceeded
    }

    /// A connection that is asked to close sends what it can at once, if the reason is no fault of its own.
    fn last_words(&mut self) {
        if self.client.shared.mailbox.close_requested() == Some(CloseReason::Shutdown) {
            self.collect_mail();
            let _ = self.flush();
        }
    }
}

/// What a read brought.
enum Read {
    Data,
    Held,
    End,
}

/// Why a batch stopped before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Blocked,
    Held,
}

impl Drop for Connection {
    fn drop(&mut self) {
        with_thread(|thread| {
            command::disconnect(&mut thread.worker, &mut self.client, self.blocked.take().map(|(b, _)| b))
        });
        self.server.clients.connected.fetch_sub(1, Relaxed);
    }
}

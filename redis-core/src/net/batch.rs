//! Running requests in batches.
//!
//! All requests that a read has brought are decoded and recognised before the first of them runs, so that the memory
//! they will touch is on its way to the processor by then.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::connection::Connection;
use super::context::Thread;
use crate::args::{Args, OwnedArgs};
use crate::command::{self, Command, Flags, Flow, Recognised, Task, Worker, recognise};
use crate::db::Key;
use crate::pubsub::CloseReason;
use crate::resp::{Decoder, Limits, ProtocolError, Reply, Request, Span};
use crate::server::{Blocked, ReplyMode};

/// How many requests are recognised before the first of them runs.
const BATCH: usize = 32;

/// The most arguments of a request.
const MAX_ARGUMENTS: usize = i32::MAX as usize;

/// Lists of arguments and keys that have grown beyond this many are not kept for the next connection.
const KEEP_SPANS: usize = 64 * 1024;

/// Replies are sent before the batch is done when there are more bytes than this.
const MUCH: usize = 256 * 1024;

/// A request of the batch at hand.
pub(super) struct Item {
    bytes: Range<usize>,
    /// Where its arguments and its keys stand in the lists of the batch.
    spans: Range<u32>,
    keys: Range<u32>,
    command: Option<&'static Command>,
    /// An inline request owns its arguments.
    inline: Option<Box<OwnedArgs>>,
}

impl Item {
    #[inline]
    fn request<'a>(&'a self, data: &'a [u8], spans: &'a [Span], keys: &'a [Key]) -> Recognised<'a> {
        let args = match &self.inline {
            Some(args) => args.as_args(),
            None => Args::new(&data[self.bytes.clone()], &spans[self.spans.start as usize..self.spans.end as usize]),
        };
        let keys = &keys[self.keys.start as usize..self.keys.end as usize];
        Recognised { args, command: self.command, keys }
    }
}

/// Why requests wait although they are whole.
pub(super) enum Stop {
    /// The one before them waits for a key.
    Blocked(Arc<Blocked>),
    /// The one before them is `async` and has not answered.
    Later(Box<Task>),
    /// CLIENT PAUSE holds up the first of them.
    Held,
    /// Somebody else holds the keys of the first of them.
    Busy,
    /// The disk is far behind what those before them have changed.
    Disk,
}

/// What has become of the requests in some input.
pub(super) struct Done {
    /// How many bytes are done with.
    pub(super) consumed: usize,
    /// Why it ended before the end, if it did.
    pub(super) stop: Option<Stop>,
}

/// Whether this is the beginning of an HTTP request, or a line of its header.
///
/// A web page can have its visitors' browsers send such requests to servers that only they can reach; with commands in
/// the body.
#[cold]
fn is_http(args: Args<'_>) -> bool {
    [&b"post"[..], b"host:"].iter().any(|word| args.get(0).eq_ignore_ascii_case(word))
}

impl Connection {
    /// Runs the requests in `data`, as far as they are whole and may run.
    pub(super) fn run(&mut self, thread: &mut Thread, data: &[u8]) -> Done {
        thread.reply.set_protocol(self.client.protocol);
        thread.reply.set_limit(self.reply_limit());
        self.take_mail(&mut thread.reply);
        let (mut consumed, mut stop) = (0, None);
        let mut failed: Option<ProtocolError> = None;
        while stop.is_none() && failed.is_none() && !self.is_over() {
            thread.worker.begin();
            let more = self.decode(thread, data, &mut consumed, &mut failed);
            if let Some((at, reason)) = self.run_batch(thread, data) {
                consumed = at;
                stop = Some(reason);
                // What comes behind is decoded anew when it is its turn.
                self.decoder = Decoder::default();
            }
            thread.worker.end();
            if !more {
                break;
            }
            if stop.is_none() && failed.is_none() && self.must_wait_for_disk() {
                stop = Some(Stop::Disk);
            }
        }
        if let Some(error) = failed
            && stop.is_none()
            && !self.is_over()
        {
            tracing::debug!("protocol error from client {}: {error}", self.client.shared.id);
            self.server.stats.errors.count(b"ERR", false);
            if self.client.reply_mode == ReplyMode::On {
                error.write_to(&mut thread.reply);
            }
            self.client.close_after_reply();
        }
        self.answer(thread);
        if thread.spans.capacity() > KEEP_SPANS {
            (thread.spans, thread.keys) = Default::default();
        }
        Done { consumed, stop }
    }

    /// Decodes and recognises requests until the batch is full or the data are used up. Answers whether there may be
    /// more.
    fn decode(&mut self, thread: &mut Thread, data: &[u8], at: &mut usize, failed: &mut Option<ProtocolError>) -> bool {
        let Thread { worker, spans, keys, batch, .. } = thread;
        spans.clear();
        keys.clear();
        batch.clear();
        let config = &self.server.config;
        let authenticated = self.client.authenticated || !config.requirepass.is_set();
        let bulk_len = config.proto_max_bulk_len.get_usize();
        let limits = Limits { bulk_len, authenticated, args: MAX_ARGUMENTS };
        // The request that authenticates lifts the limits for the next one.
        let most = if authenticated { BATCH } else { 1 };
        while batch.len() < most {
            let (first_span, first_key) = (spans.len(), keys.len());
            let (consumed, inline) = match self.decoder.next(&data[*at..], &limits, spans) {
                Ok(None) => return false,
                Ok(Some(Request::Multibulk { consumed })) => (consumed, None),
                Ok(Some(Request::Inline { consumed, args })) => {
                    (consumed, Some(Box::new(OwnedArgs::new(args.iter().map(Vec::as_slice)))))
                }
                Err(error) => {
                    *failed = Some(error);
                    return false;
                }
            };
            let bytes = *at..*at + consumed;
            *at += consumed;
            let args = match &inline {
                Some(args) => args.as_args(),
                None => Args::new(&data[bytes.clone()], &spans[first_span..]),
            };
            if args.is_empty() {
                continue;
            }
            let command = recognise(worker.runner.registry, args, keys);
            worker.keyspace.prefetch_buckets(self.client.database, &keys[first_key..]);
            // More than 32 bits can count would not fit into any buffer.
            let (spans, keys) = (first_span as u32..spans.len() as u32, first_key as u32..keys.len() as u32);
            batch.push(Item { bytes, spans, keys, command, inline });
        }
        true
    }

    /// Runs the batch. If it stops before its end: where, and why.
    fn run_batch(&mut self, thread: &mut Thread, data: &[u8]) -> Option<(usize, Stop)> {
        if thread.batch.is_empty() {
            return None;
        }
        if thread.batch.len() > 1 {
            thread.worker.keyspace.prefetch_entries(self.client.database, &thread.keys);
        }
        let mut stopped = None;
        for at in 0..thread.batch.len() {
            let Thread { worker, spans, keys, batch, reply, .. } = thread;
            let item = &batch[at];
            let request = item.request(data, spans, keys);
            if item.command.is_none() && is_http(request.args) {
                self.client.shared.mailbox.request_close(CloseReason::CrossProtocol);
                break;
            }
            let mark = reply.len();
            match command::execute(worker, &mut self.client, request, reply) {
                Flow::Next => {}
                Flow::Blocked(blocked) => stopped = Some((item.bytes.end, Stop::Blocked(blocked))),
                Flow::Later(task) => stopped = Some((item.bytes.end, Stop::Later(task))),
                Flow::Paused => {
                    stopped = Some((item.bytes.start, Stop::Held));
                    break;
                }
                Flow::Busy => {
                    stopped = Some((item.bytes.start, Stop::Busy));
                    break;
                }
            }
            let commands = &self.client.shared.commands;
            commands.store(commands.load(Relaxed) + 1, Relaxed);
            if stopped.is_some() {
                worker.runner.invalidate(Some(self.client.id()));
                break;
            }
            if !self.client.shared.mailbox.is_empty() || worker.runner.has_invalidations() {
                self.take_mail_around(worker, request.command, reply, mark);
            }
            if reply.is_too_large() {
                // What the client will not read need not run.
                self.client.shared.mailbox.request_close(CloseReason::OutputBufferLimit);
            } else if reply.len() > MUCH {
                worker.end();
                self.send(thread);
                self.watch_memory();
                thread.reply.set_limit(self.reply_limit());
            }
            if self.is_over() {
                break;
            }
        }
        stopped
    }

    /// Writes what has been sent to the connection into the reply that begins at `mark`.
    #[cold]
    fn take_mail_around(
        &mut self,
        worker: &mut Worker,
        command: Option<&'static Command>,
        reply: &mut Reply,
        mark: usize,
    ) {
        // What the request has sent to the connection itself stands before its reply; where the reply is one of
        // several, or consists of messages, behind it.
        let behind = command.is_some_and(|command| command.flags.has_any(Flags::IMMEDIATE.union(Flags::SUBSCRIBER)));
        let end = reply.len();
        self.take_mail(reply);
        if !behind {
            reply.move_end(end, mark);
        }
        // What it invalidates itself comes behind in any case.
        worker.runner.invalidate(Some(self.client.id()));
        self.take_mail(reply);
    }

    /// Writes what others have sent behind the reply.
    #[inline]
    fn take_mail(&mut self, reply: &mut Reply) {
        let mailbox = &self.client.shared.mailbox;
        if !mailbox.is_empty() {
            mailbox.take().pieces().for_each(|piece| reply.raw(piece));
        }
    }
}

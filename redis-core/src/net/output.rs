//! What a connection has to send and its socket has not taken yet.
//!
//! Replies go to the socket without waiting; here is only what it did not take, and a reply that is put off until others
//! are served. Together with what others have
//! left in the mailbox, that is what `client-output-buffer-limit` bounds. Mail stays in the mailbox while something is
//! waiting here: it is shared by all its receivers, a copy would not be.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Sleep;

use super::stream::Stream;
use crate::config::ClientClass;
use crate::pubsub::{Mailbox, OutputLimits};
use crate::server::{Client, Server};

/// The most that may wait for a client that has yet to authenticate.
const UNAUTHENTICATED: usize = 1024;

/// Bytes on their way to a socket.
#[derive(Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    /// How many of them were sent.
    sent: usize,
    /// What has to be on the disk before any of them is sent: an offset of the change log.
    held_until: Option<u64>,
    /// Since when there is more than the soft limit allows: ready when it has been so for too long.
    over_soft_limit: Option<Pin<Box<Sleep>>>,
}

impl Output {
    /// How many bytes wait.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory that they occupy.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// Keeps a whole reply for later, where nothing waits.
    pub(super) fn put_off(&mut self, reply: Vec<u8>) {
        debug_assert!(self.is_empty());
        self.bytes = reply;
    }

    /// Keeps bytes back, with all that wait, until the changes up to an offset may be told of.
    pub(super) fn hold(&mut self, bytes: &[u8], until: u64) {
        self.bytes.extend_from_slice(bytes);
        self.held_until = Some(until);
    }

    /// Whether what waits must not be sent yet.
    pub(super) fn is_held(&self) -> bool {
        self.held_until.is_some()
    }

    /// Whether what waits must not be sent yet, as it is for its task to see to.
    pub(super) fn poll_held(&mut self, server: &Server, context: &Context<'_>) -> Poll<()> {
        if let Some(until) = self.held_until {
            ready!(server.aof.poll_acknowledged(until, context));
            self.held_until = None;
        }
        Poll::Ready(())
    }

    /// Sends bytes behind those that wait. Answers how many the socket has taken.
    pub(super) fn write(&mut self, stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
        let taken = if self.is_empty() { try_write(stream, bytes)? } else { 0 };
        self.bytes.extend_from_slice(&bytes[taken..]);
        Ok(taken)
    }

    /// Sends what the socket takes now of what waits, and answers how much that was. `recycle` gets the buffer when it is
    /// empty.
    pub(super) fn flush(&mut self, stream: &Stream, recycle: impl FnOnce(Vec<u8>)) -> io::Result<usize> {
        let mut taken = 0;
        while !self.is_empty() && self.held_until.is_none() {
            match try_write(stream, &self.bytes[self.sent..])? {
                0 => break,
                n => {
                    self.sent += n;
                    taken += n;
                }
            }
        }
        if self.is_empty() {
            // An idle connection holds no buffer.
            recycle(std::mem::take(&mut self.bytes));
            self.sent = 0;
        } else if self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        Ok(taken)
    }

    /// Whether more waits than the hard limit allows, with `unsent` bytes that are about to.
    pub(super) fn exceeds_limit(&self, server: &Server, client: &Client, unsent: usize) -> bool {
        let waiting = self.waiting(&client.shared.mailbox);
        let OutputLimits { hard, .. } = limits_of(server, client);
        hard != 0 && waiting + unsent > hard
            || waiting > UNAUTHENTICATED && !client.authenticated && server.config.requirepass.is_set()
    }

    /// The largest reply that the hard limit still allows; zero for any.
    pub(super) fn room(&self, server: &Server, client: &Client) -> usize {
        match limits_of(server, client).hard {
            0 => 0,
            hard => hard.saturating_sub(self.waiting(&client.shared.mailbox)).max(1),
        }
    }

    /// Looks at the clock if more waits than the soft limit allows.
    pub(super) fn watch_soft_limit(&mut self, server: &Server, client: &Client) {
        let OutputLimits { soft, .. } = limits_of(server, client);
        if soft == 0 || self.waiting(&client.shared.mailbox) <= soft {
            self.over_soft_limit = None;
        } else if self.over_soft_limit.is_none() {
            let seconds = server.config.client_output_buffer_limit.get(class_of(client)).soft_seconds;
            self.over_soft_limit = Some(Box::pin(tokio::time::sleep(Duration::from_secs(seconds))));
        }
    }

    /// Ready when the soft limit has been exceeded for too long.
    pub(super) fn poll_soft_limit(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.over_soft_limit {
            Some(sleep) => sleep.as_mut().poll(context),
            None => Poll::Pending,
        }
    }

    /// All that waits, mail included.
    pub(super) fn waiting(&self, mailbox: &Mailbox) -> usize {
        self.len() + mailbox.pending()
    }
}

fn class_of(client: &Client) -> ClientClass {
    if client.subscriptions.is_empty() { ClientClass::Normal } else { ClientClass::Pubsub }
}

/// The limits of the connection's class, from where the senders of messages find them: this is asked often.
fn limits_of(server: &Server, client: &Client) -> OutputLimits {
    match class_of(client) {
        ClientClass::Pubsub => server.pubsub.output_limits(),
        _ => server.monitors.output_limits(),
    }
}

/// Writes what the socket takes now; 0 if that is nothing.
fn try_write(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    if bytes.is_empty() {
        return Ok(0);
    }
    match stream.try_write(bytes) {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

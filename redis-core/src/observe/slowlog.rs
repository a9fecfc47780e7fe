//! The logs of notable commands: slow ones (`SLOWLOG`), and those with a large request or a large reply
//! (`COMMANDLOG`).
//!
//! The three logs are kept alike. The caller compares the [`Thresholds`], a copy of what the directives say,
//! and hands in the rare command that passes one; only then are its arguments copied. A log must not hold on to
//! large values or to endless argument lists, so both are cut.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

/// Arguments kept of a command, the note about the missing ones included.
const MAX_ARGUMENTS: usize = 32;

/// Bytes kept of an argument, before the note about the missing ones.
const MAX_ARGUMENT_BYTES: usize = 128;

/// Which log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandLog {
    /// Long execution; the value is microseconds. This is what `SLOWLOG` shows.
    Slow,
    /// Large request; the value is bytes.
    LargeRequest,
    /// Large reply; the value is bytes.
    LargeReply,
}

impl CommandLog {
    /// The log by the name `COMMANDLOG` uses, in any case.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        [Self::Slow, Self::LargeRequest, Self::LargeReply]
            .into_iter()
            .find(|log| log.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The name `COMMANDLOG` uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::LargeRequest => "large-request",
            Self::LargeReply => "large-reply",
        }
    }
}

/// One command in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Number of the entry; never used twice, a reset does not start again.
    pub id: u64,
    /// Unix time in seconds.
    pub time: u64,
    /// Microseconds or bytes, by log.
    pub value: u64,
    /// The command's words, shortened.
    pub arguments: Vec<Box<[u8]>>,
    /// Address of the client.
    pub client_address: String,
    /// Name of the client, or nothing.
    pub client_name: Box<[u8]>,
}

/// A command that is about to enter a log, borrowed from the client that sent it.
#[derive(Clone, Debug)]
pub struct Notable<'a, A> {
    /// Unix time in seconds.
    pub time: u64,
    /// Microseconds or bytes, by log.
    pub value: u64,
    /// The command's words as they were sent.
    pub arguments: A,
    /// Address of the client.
    pub client_address: &'a str,
    /// Name of the client, or nothing.
    pub client_name: &'a [u8],
}

/// What is recorded of a command that has run, and from where on it is written into each log: what the directives say, ready
/// to be looked at after every command.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// Microseconds that it took.
    pub micros: u64,
    /// Bytes of its reply.
    pub reply: u64,
    /// Bytes of its arguments.
    pub request: u64,
    /// Whether the latency of every command is recorded.
    pub tracks_latency: bool,
}

impl Thresholds {
    /// As the directives say it, in which a negative number switches a log off.
    #[must_use]
    pub fn new(micros: i64, reply: i64, request: i64, tracks_latency: bool) -> Self {
        let from = |threshold: i64| u64::try_from(threshold).unwrap_or(u64::MAX);
        Thresholds { micros: from(micros), reply: from(reply), request: from(request), tracks_latency }
    }
}

/// The three logs of a server.
#[derive(Debug, Default)]
pub struct CommandLogs([Mutex<Log>; 3]);

#[derive(Debug, Default)]
struct Log {
    /// Newest first. Shared, so that a reader copies pointers under the lock and not the arguments.
    entries: VecDeque<Arc<LogEntry>>,
    next_id: u64,
}

impl CommandLogs {
    /// Empty logs.
    pub fn new() -> Self {
        Self::default()
    }

    fn log(&self, log: CommandLog) -> &Mutex<Log> {
        &self.0[log as usize]
    }

    /// Adds a command and drops the oldest entries beyond `max_len`. A `max_len` of zero switches the log off.
    pub fn record<'a>(
        &self,
        log: CommandLog,
        max_len: usize,
        command: Notable<'a, impl ExactSizeIterator<Item = &'a [u8]>>,
    ) {
        if max_len == 0 {
            return;
        }
        let mut entry = LogEntry {
            id: 0,
            time: command.time,
            value: command.value,
            arguments: shorten(command.arguments),
            client_address: command.client_address.to_owned(),
            client_name: command.client_name.into(),
        };
        let mut log = self.log(log).lock();
        entry.id = log.next_id;
        log.next_id += 1;
        log.entries.push_front(Arc::new(entry));
        log.entries.truncate(max_len);
    }

    /// The newest `count` entries, newest first.
    pub fn get(&self, log: CommandLog, count: usize) -> Vec<Arc<LogEntry>> {
        let log = self.log(log).lock();
        log.entries.iter().take(count).cloned().collect()
    }

    /// Number of entries.
    pub fn len(&self, log: CommandLog) -> usize {
        self.log(log).lock().entries.len()
    }

    /// Whether the log has no entries.
    pub fn is_empty(&self, log: CommandLog) -> bool {
        self.len(log) == 0
    }

    /// Drops all entries.
    pub fn reset(&self, log: CommandLog) {
        let dropped = std::mem::take(&mut self.log(log).lock().entries);
        drop(dropped);
    }
}

/// Copies the arguments, at most 32 of at most 128 bytes; notes at the cut places say how much is missing.
fn shorten<'a>(arguments: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<Box<[u8]>> {
    let count = arguments.len();
    let kept = if count > MAX_ARGUMENTS { MAX_ARGUMENTS - 1 } else { count };
    let mut words: Vec<Box<[u8]>> = arguments.take(kept).map(shorten_one).collect();
    if kept < count {
        let note = format!("... ({} more arguments)", count - kept);
        words.push(note.into_bytes().into());
    }
    words
}

fn shorten_one(argument: &[u8]) -> Box<[u8]> {
    let Some(missing) = argument.len().checked_sub(MAX_ARGUMENT_BYTES + 1) else {
        return argument.into();
    };
    let mut kept = argument[..MAX_ARGUMENT_BYTES].to_vec();
    kept.extend_from_slice(format!("... ({} more bytes)", missing + 1).as_bytes());
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(logs: &CommandLogs, max_len: usize, words: &[&[u8]]) {
        let command = Notable {
            time: 1_700_000_000,
            value: 15_000,
            arguments: words.iter().copied(),
            client_address: "127.0.0.1:5000",
            client_name: b"me",
        };
        logs.record(CommandLog::Slow, max_len, command);
    }

    #[test]
    fn newest_first_and_bounded() {
        let logs = CommandLogs::new();
        for n in 0..5u8 {
            record(&logs, 3, &[b"get", &[b'0' + n]]);
        }
        let entries = logs.get(CommandLog::Slow, usize::MAX);
        let ids: Vec<_> = entries.iter().map(|entry| entry.id).collect();
        assert_eq!(ids, [4, 3, 2]);
        assert_eq!(&*entries[0].arguments[1], b"4");
        assert_eq!(&*entries[0].client_name, b"me");
        assert_eq!(logs.get(CommandLog::Slow, 1).len(), 1);
        assert!(logs.is_empty(CommandLog::LargeReply));
        logs.reset(CommandLog::Slow);
        assert_eq!(logs.len(CommandLog::Slow), 0);
        record(&logs, 0, &[b"ignored"]);
        record(&logs, 2, &[b"ping"]);
        assert_eq!(logs.get(CommandLog::Slow, 9)[0].id, 5);
    }

    #[test]
    fn long_arguments_are_cut() {
        assert_eq!(&*shorten_one(&[b'x'; 128]), [b'x'; 128]);
        assert!(shorten_one(&[b'x'; 129]).ends_with(b"x... (1 more bytes)"));
        let cut = shorten_one(&[b'x'; 1_000]);
        assert_eq!(cut.len(), 128 + "... (872 more bytes)".len());
    }

    #[test]
    fn many_arguments_are_cut() {
        let words = |n| std::iter::repeat_n(b"k".as_slice(), n);
        assert_eq!(shorten(words(32)).len(), 32);
        assert_eq!(&*shorten(words(32))[31], b"k");
        assert_eq!(shorten(words(33)).len(), 32);
        assert_eq!(&*shorten(words(33))[31], b"... (2 more arguments)");
        assert_eq!(&*shorten(words(41))[31], b"... (10 more arguments)");
    }

    #[test]
    fn names() {
        assert_eq!(CommandLog::from_name(b"Large-Reply"), Some(CommandLog::LargeReply));
        assert_eq!(CommandLog::from_name(b"fast"), None);
    }
}

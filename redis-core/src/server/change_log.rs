//! The change log: one ordered stream of effects.
//!
//! An effect is a command, written as a client would send it, that does to a copy of the data what has been done to the
//! data. Effects are appended while the locks of the change are still held, so the order of the log is the order of the
//! changes to each key. What happened at one time (the effects of a transaction, or of a command that had several)
//! is appended at once and stands between MULTI and EXEC. SELECT is put in where the database changes.
//!
//! Every byte of the stream has an offset, counted from the start of the server: what a client waits for (until it is on
//! the disk) is an offset. Each reader has a [`Feed`]: a buffer that gathers what the reader has not taken
//! yet. While there is none, nothing is built.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;

use parking_lot::Mutex;

use crate::args::Args;
use crate::resp::{append_command, append_command_header};

/// The stream of effects of a server.
#[derive(Debug, Default)]
pub struct ChangeLog {
    active: AtomicBool,
    dirty: AtomicU64,
    /// The offset behind the last effect, for those who only look.
    end: AtomicU64,
    stream: Arc<Mutex<Stream>>,
}

#[derive(Debug, Default)]
struct Stream {
    /// The database of the last effect; none if the next one must say which it is about.
    selected: Option<usize>,
    end: u64,
    parts: Vec<Part>,
    /// The next reader's number.
    next: u64,
}

/// What a reader has not taken yet.
#[derive(Debug)]
struct Part {
    reader: u64,
    bytes: Vec<u8>,
    /// Where the reader asked for a cut, if it has not learned yet that it is made.
    cut: Option<u64>,
    /// The reader sleeps until something comes.
    asleep: bool,
    thread: Thread,
}

impl ChangeLog {
    /// A reader of all effects from now on. The effects that it gets begin with a SELECT. `thread` is woken when
    /// something comes after [`Feed::sleep`].
    #[must_use]
    pub fn follow(&self, thread: Thread) -> Feed {
        let mut stream = self.stream.lock();
        let reader = stream.next;
        stream.next += 1;
        stream.selected = None;
        stream.parts.push(Part { reader, bytes: Vec::new(), cut: None, asleep: false, thread });
        self.active.store(true, Ordering::Release);
        Feed { stream: self.stream.clone(), reader }
    }

    /// Ends the part of a reader. What it has not taken is lost.
    pub fn unfollow(&self, feed: &Feed) {
        let mut stream = self.stream.lock();
        stream.parts.retain(|part| part.reader != feed.reader);
        self.active.store(!stream.parts.is_empty(), Ordering::Release);
    }

    /// Whether anybody follows.
    #[inline]
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// The offset behind the last effect.
    #[inline]
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Appends one effect.
    #[inline]
    pub fn append(&self, database: usize, effect: Args<'_>) {
        self.extend(database, database, |bytes| append_command(bytes, effect.iter()));
    }

    /// Appends what belongs together, and leaves `effects` empty.
    pub fn append_all(&self, effects: &mut Effects) {
        if effects.count == 0 {
            return;
        }
        let (first, last, alone) = (effects.first, effects.last, effects.count == 1);
        self.extend(first, last, |bytes| {
            if !alone {
                append_command(bytes, [&b"MULTI"[..]].into_iter());
            }
            bytes.extend_from_slice(&effects.bytes);
            if !alone {
                append_command(bytes, [&b"EXEC"[..]].into_iter());
            }
        });
        effects.clear();
    }

    /// Appends what `write` writes: effects that begin with the database `first` selected, and end with `last`.
    #[inline]
    fn extend(&self, first: usize, last: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let mut stream = self.stream.lock();
        let selected = stream.selected.replace(last) == Some(first);
        let Some((part, others)) = stream.parts.split_first_mut() else { return };
        let begin = part.bytes.len();
        if !selected {
            append_select(&mut part.bytes, first);
        }
        write(&mut part.bytes);
        let added = &part.bytes[begin..];
        let len = added.len() as u64;
        others.iter_mut().for_each(|other| other.bytes.extend_from_slice(added));
        for part in stream.parts.iter_mut().filter(|part| part.asleep) {
            part.asleep = false;
            part.thread.unpark();
        }
        stream.end += len;
        self.end.store(stream.end, Ordering::Release);
    }

    /// Counts changes, whether or not anybody follows.
    #[inline]
    pub fn count(&self, changes: u64) {
        self.dirty.fetch_add(changes, Ordering::Relaxed);
    }

    /// Takes back what a save has made safe: so many changes.
    pub fn saved(&self, changes: u64) {
        let less = |dirty: u64| Some(dirty.saturating_sub(changes));
        // Never an error: there is always a new number.
        let _ = self.dirty.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Changes since the last save.
    #[must_use]
    pub fn dirty(&self) -> u64 {
        self.dirty.load(Ordering::Relaxed)
    }
}

fn append_select(bytes: &mut Vec<u8>, database: usize) {
    append_command(bytes, [b"SELECT", itoa::Buffer::new().format(database).as_bytes()].into_iter());
}

/// A reader's end of the log.
#[derive(Debug)]
pub struct Feed {
    stream: Arc<Mutex<Stream>>,
    reader: u64,
}

/// What a reader has taken out of its feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The offset behind the last byte.
    pub end: u64,
    /// The offset of the [cut](Feed::cut) that was made since the last time, which may lie in these bytes, or at either
    /// of their ends.
    pub cut: Option<u64>,
}

impl Feed {
    /// Takes what has come: `bytes`, which must be empty, changes places with the feed's buffer, so that two buffers
    /// serve for good. What is taken begins and ends between effects.
    pub fn take(&self, bytes: &mut Vec<u8>) -> Taken {
        let mut stream = self.stream.lock();
        let end = stream.end;
        let Some(part) = stream.part(self.reader) else { return Taken { end, cut: None } };
        std::mem::swap(&mut part.bytes, bytes);
        Taken { end, cut: part.cut.take() }
    }

    /// Goes to sleep unless something has come: answers whether the reader may park its thread. It will be unparked when
    /// something comes, and may be for other reasons.
    #[must_use]
    pub fn sleep(&self) -> bool {
        let mut stream = self.stream.lock();
        let Some(part) = stream.part(self.reader) else { return true };
        part.asleep = part.bytes.is_empty() && part.cut.is_none();
        part.asleep
    }

    /// Marks the present end of the log, and answers its offset: what comes behind it begins with a SELECT, so that it
    /// can stand by itself. Who wants a cut between states of the data holds all locks.
    pub fn cut(&self) -> u64 {
        let mut stream = self.stream.lock();
        stream.selected = None;
        let end = stream.end;
        if let Some(part) = stream.part(self.reader) {
            part.cut = Some(end);
        }
        end
    }

    /// How many bytes wait to be taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stream.lock().part(self.reader).map_or(0, |part| part.bytes.len())
    }

    /// Whether none do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Stream {
    fn part(&mut self, reader: u64) -> Option<&mut Part> {
        self.parts.iter_mut().find(|part| part.reader == reader)
    }
}

/// Effects that happened at one time, on their way to the log.
#[derive(Debug, Default)]
pub struct Effects {
    /// Commands, SELECT among them where the database changes.
    bytes: Vec<u8>,
    /// How many, without SELECT.
    count: usize,
    first: usize,
    last: usize,
}

/// A buffer that has grown beyond this is not kept.
const KEEP: usize = 1 << 20;

impl Effects {
    /// Adds an effect.
    pub fn push(&mut self, database: usize, effect: Args<'_>) {
        self.begin(database);
        append_command(&mut self.bytes, effect.iter());
    }

    /// Adds an effect of `len` arguments that are written as bulk strings already.
    pub fn push_written(&mut self, database: usize, len: usize, args: &[u8]) {
        self.begin(database);
        append_command_header(&mut self.bytes, len);
        self.bytes.extend_from_slice(args);
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn begin(&mut self, database: usize) {
        if self.count == 0 {
            self.first = database;
        } else if self.last != database {
            append_select(&mut self.bytes, database);
        }
        self.last = database;
        self.count += 1;
    }

    fn clear(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > KEEP {
            self.bytes = Vec::new();
        }
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::OwnedArgs;

    fn effect(text: &str) -> OwnedArgs {
        OwnedArgs::new(text.split(' ').map(str::as_bytes))
    }

    fn taken(feed: &Feed) -> String {
        let mut bytes = Vec::new();
        feed.take(&mut bytes);
        // Words only: what remains of the wire format is its own business.
        let text = String::from_utf8(bytes).expect("text");
        text.split("\r\n").filter(|word| !word.starts_with(['*', '$'])).collect::<Vec<_>>().join(" ").trim().to_owned()
    }

    #[test]
    fn nothing_is_built_for_nobody() {
        let log = ChangeLog::default();
        assert!(!log.is_active());
        log.append(0, effect("SET a 1").as_args());
        assert_eq!(log.end(), 0);
        let feed = log.follow(std::thread::current());
        assert!(log.is_active() && feed.is_empty());
        log.unfollow(&feed);
        assert!(!log.is_active());
    }

    #[test]
    fn databases_are_selected_where_they_change() {
        let log = ChangeLog::default();
        let feed = log.follow(std::thread::current());
        for (database, text) in [(0, "A"), (0, "B"), (3, "C"), (0, "D")] {
            log.append(database, effect(text).as_args());
        }
        assert_eq!(taken(&feed), "SELECT 0 A B SELECT 3 C SELECT 0 D");
        log.append(0, effect("E").as_args());
        feed.cut();
        log.append(0, effect("F").as_args());
        assert_eq!(taken(&feed), "E SELECT 0 F");
    }

    #[test]
    fn what_belongs_together_is_wrapped() {
        let log = ChangeLog::default();
        let feed = log.follow(std::thread::current());
        let mut effects = Effects::default();
        log.append_all(&mut effects);
        effects.push(1, effect("A").as_args());
        log.append_all(&mut effects);
        effects.push(1, effect("B").as_args());
        effects.push(2, effect("C").as_args());
        log.append_all(&mut effects);
        log.append(2, effect("D").as_args());
        assert_eq!(taken(&feed), "SELECT 1 A MULTI B SELECT 2 C EXEC D");
    }

    #[test]
    fn offsets_count_the_bytes_that_every_reader_gets() {
        let log = ChangeLog::default();
        let (one, other) = (log.follow(std::thread::current()), log.follow(std::thread::current()));
        log.append(0, effect("A").as_args());
        let mut bytes = Vec::new();
        let cut = other.cut();
        assert_eq!(one.take(&mut bytes), Taken { end: cut, cut: None });
        assert_eq!((bytes.len() as u64, log.end()), (cut, cut));
        log.append(0, effect("B").as_args());
        let mut others = Vec::new();
        assert_eq!(other.take(&mut others), Taken { end: log.end(), cut: Some(cut) });
        assert_eq!(&others[..bytes.len()], bytes);
        assert!(others.len() > bytes.len() && others.len() as u64 == log.end());
        assert!(!one.sleep() && other.sleep());
    }
}

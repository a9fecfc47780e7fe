//! From a file into the store.
//!
//! Two threads share the work: one reads the file, compares its checksum, and makes entries of it; the other, that of
//! the caller, puts them into the store, where nearly all of its time is waiting for memory. What goes from one to the
//! other are batches of entries of one database, and only a few of them are on the way at a time.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use crate::clock;
use crate::db::{AccessClock, Duplicate, Entry, Keyspace};
use crate::hash::hash;
use crate::num;
use crate::persistence::progress::Progress;
use crate::rdb::file::{FileError, FileReader, Item, KeyItem, ReadOptions, Reason, ValueItem};
use crate::rdb::{Loaded, module_name};
use crate::server::Server;
use crate::value::StrEncoding;

/// Entries that go to the store together.
const BATCH: usize = 512;

/// Batches that are on the way.
const ON_THE_WAY: usize = 16;

/// Empty collections that the log tells of.
const EMPTY_TOLD: u64 = 10;

/// Why a file could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be opened.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// What is in it is not what it should be.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        error: FileError,
    },
    /// The server has been asked to stop.
    #[error("the server is stopping")]
    Stopped,
}

/// How a file is loaded.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// What becomes of keys that are there already.
    pub duplicate: Duplicate,
    /// Whether keys whose time is over are left out. They must not be where effects follow that were logged before they
    /// expired.
    pub drop_expired: bool,
    /// Whether the locks are kept between batches, as a command must that has taken them.
    pub keep_locks: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadSummary {
    /// Keys that were loaded.
    pub keys: u64,
    /// Keys that had expired.
    pub expired: u64,
    /// Collections without elements, which are left out.
    pub empty: u64,
    /// How many bytes of the file were read: there may be more behind a snapshot.
    pub bytes: u64,
}

/// Loads a snapshot into the store, beside what is there. The caller has begun [`Server::loading`], where it is seen how far
/// this comes.
///
/// # Errors
/// If the file is not in order; the keys before the mistake are in the store then.
pub fn load(
    keyspace: &mut Keyspace,
    server: &Server,
    path: &Path,
    options: LoadOptions,
) -> Result<LoadSummary, LoadError> {
    let open = |source| LoadError::Open { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(open)?;
    let summary = load_from(keyspace, server, file, options).map_err(|failure| match failure {
        Failure::File(error) => LoadError::File { path: path.to_owned(), error },
        Failure::Stopped => LoadError::Stopped,
    })?;
    server.loading.keys_loaded.store(summary.keys, Relaxed);
    server.loading.keys_expired.store(summary.expired, Relaxed);
    let LoadSummary { keys, expired, empty, .. } = summary;
    if empty > 0 {
        tracing::info!("Done loading RDB, keys loaded: {keys}, keys expired: {expired}, empty keys skipped: {empty}.");
    } else {
        tracing::info!("Done loading RDB, keys loaded: {keys}, keys expired: {expired}.");
    }
    Ok(summary)
}

enum Failure {
    File(FileError),
    Stopped,
}

/// Entries on their way to the store.
struct Batch {
    database: usize,
    entries: Vec<(u64, Entry)>,
    /// Where in the file the last of them ends.
    position: u64,
}

fn load_from(
    keyspace: &mut Keyspace,
    server: &Server,
    input: impl Read + Send,
    options: LoadOptions,
) -> Result<LoadSummary, Failure> {
    let (sender, receiver) = sync_channel::<Batch>(ON_THE_WAY);
    std::thread::scope(|scope| {
        let decoder = scope.spawn(move || Decoder::new(server, options, sender).run(input));
        let mut failure = None;
        let mut progress = Progress::new();
        let before = server.loading.loaded_bytes.load(Relaxed);
        for batch in &receiver {
            delay(server, batch.entries.len());
            if server.lifecycle.is_stopping() {
                failure = Some(Failure::Stopped);
                break;
            }
            let Batch { database, entries, position } = batch;
            if let Err(entry) = keyspace.load(database, entries, options.duplicate, options.keep_locks) {
                let reason = Reason::Refused("the key is there twice".into());
                let key = Some((database, entry.key().to_vec()));
                failure = Some(Failure::File(FileError { reason, offset: position, key }));
                break;
            }
            server.loading.loaded_bytes.store(before + position, Relaxed);
            progress.report(server);
        }
        // If this side gives up, the other one finds nobody to send to and ends, too.
        drop(receiver);
        let decoded = decoder.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match failure {
            Some(failure) => Err(failure),
            None => decoded.map_err(Failure::File),
        }
    })
}

/// `key-load-delay`: microseconds for each key or, negative, keys for each microsecond.
fn delay(server: &Server, keys: usize) {
    let delay = server.config.key_load_delay.get();
    if delay == 0 {
        return;
    }
    let keys = keys as u64;
    let micros = if delay > 0 { delay.unsigned_abs() * keys } else { keys / delay.unsigned_abs() };
    let mut left = Duration::from_micros(micros);
    while !left.is_zero() && !server.lifecycle.is_stopping() {
        let some = left.min(DELAY_SLICE);
        std::thread::sleep(some);
        left -= some;
    }
}

/// A long delay must not keep the server from stopping.
const DELAY_SLICE: Duration = Duration::from_millis(10);

/// The thread that makes entries.
struct Decoder<'s> {
    server: &'s Server,
    options: LoadOptions,
    sender: SyncSender<Batch>,
    clock: AccessClock,
    now: u64,
    databases: usize,
    batch: Batch,
    /// How many entries make a batch.
    size: usize,
    summary: LoadSummary,
    libraries: Vec<Box<[u8]>>,
}

/// The other side has given up, and knows why.
const GIVEN_UP: &str = "nobody takes the keys";

impl<'s> Decoder<'s> {
    fn new(server: &'s Server, options: LoadOptions, sender: SyncSender<Batch>) -> Self {
        let now = clock::unix_millis();
        let mut clock = server.settings().clock;
        clock.seconds = now / 1000;
        let databases = server.store.databases();
        // Who waits at each key wants to see the waiting.
        let size = if server.config.key_load_delay.get() == 0 { BATCH } else { 1 };
        let batch = Batch { database: 0, entries: Vec::with_capacity(size), position: 0 };
        let (summary, libraries) = (LoadSummary::default(), Vec::new());
        Self { server, options, sender, clock, now, databases, batch, size, summary, libraries }
    }

    fn run(mut self, input: impl Read) -> Result<LoadSummary, FileError> {
        let config = &self.server.config;
        let options = ReadOptions {
            limits: config.limits(),
            now: if self.options.drop_expired { self.now } else { 0 },
            checksum: config.rdbchecksum.get() && !self.server.skip_checksums.load(Relaxed),
            any_version: config.rdb_version_check.get() == "relaxed",
        };
        let mut reader = FileReader::new(input, options)?;
        reader.read(|item, position| self.take(item, position))?;
        self.summary.bytes = reader.position();
        self.server.libraries.replace(std::mem::take(&mut self.libraries));
        // The other side may have given up with the last batches, and then knows why.
        let _ = self.send(0);
        Ok(self.summary)
    }

    fn take(&mut self, item: Item<'_>, position: u64) -> Result<(), String> {
        match item {
            Item::Aux(name, value) => self.fact(&name, &value),
            Item::Function(library) => self.libraries.push(library.into()),
            Item::Size(..) => {}
            Item::ModuleAux(id) => {
                return Err(format!("the file has data of module '{}', which is not there", module_name(id)));
            }
            Item::Database(number) if number >= self.databases => {
                return Err(format!("the file has a database {number}, but there are {} only", self.databases));
            }
            Item::Database(number) => self.send(number)?,
            Item::Key(key) => {
                self.key(key);
                self.batch.position = position;
                if self.batch.entries.len() >= self.size {
                    self.send(self.batch.database)?;
                }
            }
        }
        Ok(())
    }

    /// Sends what there is; what comes next is for that database.
    fn send(&mut self, database: usize) -> Result<(), String> {
        let next = Batch { database, entries: Vec::with_capacity(self.size), position: 0 };
        let batch = std::mem::replace(&mut self.batch, next);
        if batch.entries.is_empty() {
            return Ok(());
        }
        self.sender.send(batch).map_err(|_| GIVEN_UP.to_owned())
    }

    fn key(&mut self, item: KeyItem<'_>) {
        let KeyItem { key, value, expires_at, usage, .. } = item;
        if self.options.drop_expired && expires_at < self.now {
            self.summary.expired += 1;
            return;
        }
        let entry = match value {
            ValueItem::Str(text) => Entry::string(&key, &text, StrEncoding::of(&text), expires_at),
            ValueItem::Object(Loaded::Str(text)) => Entry::string(&key, &text, StrEncoding::of(&text), expires_at),
            ValueItem::Object(Loaded::Object(object)) => Entry::of_object(&key, object, expires_at),
            ValueItem::Expired => {
                self.summary.expired += 1;
                return;
            }
            ValueItem::Empty => {
                self.summary.empty += 1;
                if self.summary.empty <= EMPTY_TOLD {
                    tracing::info!("Loading: skipping empty key: {}", key.escape_ascii());
                }
                return;
            }
        };
        entry.set_access(self.clock.restored(usage));
        self.summary.keys += 1;
        self.batch.entries.push((hash(&key), entry));
    }

    fn fact(&self, name: &[u8], value: &[u8]) {
        let text = String::from_utf8_lossy(value);
        let number = || num::parse_i64(value).and_then(|number| u64::try_from(number).ok());
        match name {
            b"redis-ver" | b"valkey-ver" => tracing::info!("Loading RDB produced by version {text}"),
            b"ctime" => {
                let age = (self.now / 1000).saturating_sub(number().unwrap_or(0));
                tracing::info!("RDB age {age} seconds");
            }
            b"used-mem" => {
                let bytes = number().unwrap_or(0);
                self.server.loading.used_memory.store(bytes, Relaxed);
                tracing::info!("RDB memory usage when created {:.2} Mb", bytes as f64 / (1 << 20) as f64);
            }
            _ => {}
        }
    }
}

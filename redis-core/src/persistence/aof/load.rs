//! From the files into the store: the base, and then every effect again.
//!
//! Effects run through the same door as the requests of a client, as one that is allowed everything; nothing expires
//! meanwhile, and nothing is logged again. A file that just ends, as one does when the machine loses its power, is cut
//! behind its last whole command or transaction and counts as loaded, if `aof-load-truncated` allows it and it is the
//! last one. Anything else that is wrong keeps the server from starting: to go on would be to lose data silently.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::manifest::{Manifest, ManifestError, Part};
use super::paths::Paths;
use crate::args::Args;
use crate::clock;
use crate::command::{Command, Recognised, Registry, Worker, disconnect, execute, recognise};
use crate::db::{Duplicate, Key};
use crate::persistence::progress::Progress;
use crate::persistence::rdb::{self, LoadOptions};
use crate::resp::{Reply, Span, parse_command};
use crate::server::{Client, Origin, Server};

/// Bytes that are read at once.
const PORTION: usize = 1 << 20;

/// Commands that are recognised before the first of them runs.
const BATCH: usize = 32;

/// Why the data set cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The list of the files is not in order.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A file of earlier versions cannot be moved to where it belongs now.
    #[error("cannot move the old append only file {} into {}: {source}", file.display(), directory.display())]
    Upgrade {
        /// The file.
        file: PathBuf,
        /// Its new directory.
        directory: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be read, or not be cut.
    #[error("can't open the append log file {} for reading: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The snapshot that the data begin with is not in order.
    #[error("Error reading the RDB base of the append only file: {0}")]
    Base(#[from] rdb::LoadError),
    /// There is something that is no command.
    #[error("Bad file format reading the append only file {}, at offset {offset}: make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where the command before it ends.
        offset: u64,
    },
    /// There is a command that this program does not have.
    #[error("Unknown command '{name}' reading the append only file {}, at offset {offset}", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// Where the command begins.
        offset: u64,
        /// What it is called.
        name: String,
    },
    /// The file ends in the middle of a command or transaction.
    #[error("Unexpected end of file reading the append only file {}, behind offset {offset}. You can: 1) Make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server.", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Where what is whole ends.
        offset: u64,
    },
    /// A file ends too early, and others follow.
    #[error("the truncated file {} is not the last file", path.display())]
    TruncatedWithin {
        /// The file.
        path: PathBuf,
    },
    /// The server has been asked to stop.
    #[error("the server is stopping")]
    Stopped,
}

/// What has been loaded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loaded {
    /// Bytes of all files.
    pub size: u64,
    /// Bytes of the base.
    pub base_size: u64,
}

/// Loads all files of the data set. None if there is none. The caller sees to [`Server::loading`].
///
/// # Errors
/// If something is wrong with them. Some of the data is in the store then.
pub(super) fn load(server: &Arc<Server>, registry: &'static Registry) -> Result<Option<Loaded>, LoadError> {
    let paths = Paths::of(server);
    let manifest = Manifest::load(&paths.directory, &paths.filename)?;
    let manifest = match upgrade(&paths, manifest.as_ref())? {
        Some(upgraded) => upgraded,
        None => manifest.unwrap_or_default(),
    };
    if manifest.is_empty() {
        return Ok(None);
    }
    let mut loaded = Loaded::default();
    for part in manifest.parts() {
        loaded.size += size(&paths.part(part))?;
    }
    server.loading.begin(loaded.size);
    loaded.base_size = manifest.base.as_ref().map_or(Ok(0), |base| size(&paths.part(base)))?;
    let last = manifest.parts().last();
    let mut replay = Replay::new(server, registry);
    for part in manifest.parts() {
        let kind = if Some(part) == manifest.base.as_ref() { "base file" } else { "incr file" };
        let began = Instant::now();
        let lost = replay.file(&paths.part(part), Some(part) == last)?;
        loaded.size -= lost;
        tracing::info!("DB loaded from {kind} {}: {:.3} seconds", part.name, began.elapsed().as_secs_f64());
    }
    Ok(Some(loaded))
}

fn size(path: &Path) -> Result<u64, LoadError> {
    let size = path.metadata().map(|metadata| metadata.len());
    size.map_err(|source| LoadError::File { path: path.to_owned(), source })
}

/// Has a single file, as versions before 7.0 keep it, become the base of a data set. Answers the list of files if there
/// was such a file.
fn upgrade(paths: &Paths, manifest: Option<&Manifest>) -> Result<Option<Manifest>, LoadError> {
    let old = paths.parent.join(&paths.filename);
    if !old.is_file() {
        return Ok(None);
    }
    // Whoever got so far and no further has left the list without the file.
    let half_done = manifest.is_some_and(|manifest| {
        manifest.increments.is_empty()
            && manifest.base.as_ref().is_some_and(|base| base.name == paths.filename && !paths.part(base).exists())
    });
    if !half_done && manifest.is_some_and(|manifest| !manifest.is_empty()) {
        return Ok(None);
    }
    let base = Part { name: paths.filename.clone(), sequence: 1 };
    let manifest = Manifest { base: Some(base), base_sequence: 1, ..Manifest::default() };
    let moved = (|| {
        paths.make_directory()?;
        manifest.store(&paths.directory, &paths.filename)?;
        std::fs::rename(&old, paths.directory.join(&paths.filename))?;
        crate::persistence::sync_directory(&paths.directory.join(&paths.filename))
    })();
    let directory = &paths.directory;
    moved.map_err(|source| LoadError::Upgrade { file: old, directory: directory.clone(), source })?;
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    tracing::info!("Successfully migrated an old-style AOF file ({}) into the AOF directory ({name}).", paths.filename);
    Ok(Some(manifest))
}

/// Runs again what files tell.
struct Replay {
    server: Arc<Server>,
    registry: &'static Registry,
    worker: Worker,
    client: Client,
    progress: Progress,
}

/// A command of the batch at hand.
struct Item {
    /// Where it stands in the buffer.
    begin: usize,
    end: usize,
    spans: (usize, usize),
    keys: (usize, usize),
    command: Option<&'static Command>,
}

/// What stands at a place in a file.
enum Next {
    Command { len: usize },
    Annotation { len: usize },
    Incomplete,
}

impl Replay {
    fn new(server: &Arc<Server>, registry: &'static Registry) -> Self {
        let worker = Worker::replaying(server.clone(), registry);
        let client = Client::new(server.clients.add(Origin::in_process(), clock::unix_millis()), true);
        Replay { server: server.clone(), registry, worker, client, progress: Progress::new() }
    }

    /// Loads a file. Answers by how many bytes it was cut at its end.
    fn file(&mut self, path: &Path, is_last: bool) -> Result<u64, LoadError> {
        let failed = |source| LoadError::File { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        let before = self.server.loading.loaded_bytes.load(Relaxed);
        let mut offset = 0;
        if is_snapshot(&mut file).map_err(failed)? {
            tracing::info!("Reading RDB base file on AOF loading...");
            let options = LoadOptions { duplicate: Duplicate::Replace, drop_expired: false, keep_locks: false };
            offset = rdb::load(&mut self.worker.keyspace, &self.server, path, options)?.bytes;
            self.server.loading.loaded_bytes.store(before + offset, Relaxed);
        }
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        self.client.select(0);
        let end = self.commands(path, &mut file, offset)?;
        let size = size(path)?;
        if end == size {
            return Ok(0);
        }
        if !is_last {
            return Err(LoadError::TruncatedWithin { path: path.to_owned() });
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !self.server.config.aof_load_truncated.get() {
            return Err(LoadError::Truncated { path: path.to_owned(), offset: end });
        }
        tracing::warn!("!!! Warning: short read while loading the AOF file {name}!!!");
        tracing::warn!("!!! Truncating the AOF {name} at offset {end} !!!");
        let cut = OpenOptions::new().write(true).open(path).and_then(|file| {
            file.set_len(end)?;
            file.sync_all()
        });
        cut.map_err(failed)?;
        tracing::warn!("AOF {name} loaded anyway because aof-load-truncated is enabled");
        Ok(size - end)
    }

    /// Runs the commands of a file from `offset` on. Answers where what is whole ends: the end of the file, if it is in
    /// order.
    fn commands(&mut self, path: &Path, file: &mut File, mut offset: u64) -> Result<u64, LoadError> {
        let failed = |source| LoadError::File { path: path.to_owned(), source };
        let (mut buffer, mut filled) = (vec![0; PORTION], 0);
        let (mut spans, mut keys, mut items) = (Vec::<Span>::new(), Vec::<Key>::new(), Vec::<Item>::new());
        let mut reply = Reply::new(2);
        // Where the open transaction begins.
        let mut transaction = None;
        loop {
            let read = file.read(&mut buffer[filled..]).map_err(failed)?;
            filled += read;
            let mut at = 0;
            loop {
                spans.clear();
                keys.clear();
                items.clear();
                let mut more = true;
                while more && items.len() < BATCH {
                    let begin = at;
                    let first = (spans.len(), keys.len());
                    match next(&buffer[at..filled], &mut spans) {
                        Ok(Next::Command { len }) => {
                            at += len;
                            let args = Args::new(&buffer[begin..at], &spans[first.0..]);
                            let command = recognise(self.registry, args, &mut keys);
                            let (spans, keys) = ((first.0, spans.len()), (first.1, keys.len()));
                            items.push(Item { begin, end: at, spans, keys, command });
                        }
                        Ok(Next::Annotation { len }) => at += len,
                        Ok(Next::Incomplete) => more = false,
                        Err(()) => {
                            return Err(LoadError::Malformed { path: path.to_owned(), offset: offset + at as u64 });
                        }
                    }
                }
                self.worker.begin();
                self.worker.keyspace.prefetch_buckets(self.client.database, &keys);
                self.worker.keyspace.prefetch_entries(self.client.database, &keys);
                for item in &items {
                    let args = Args::new(&buffer[item.begin..item.end], &spans[item.spans.0..item.spans.1]);
                    if item.command.is_none() {
                        let name = String::from_utf8_lossy(args.get(0)).into_owned();
                        let offset = offset + item.begin as u64;
                        return Err(LoadError::Unknown { path: path.to_owned(), offset, name });
                    }
                    let was_open = self.client.transaction.is_some();
                    let keys = &keys[item.keys.0..item.keys.1];
                    execute(
                        &mut self.worker,
                        &mut self.client,
                        Recognised { args, command: item.command, keys },
                        &mut reply,
                    );
                    reply.clear();
                    match (was_open, self.client.transaction.is_some()) {
                        (false, true) => transaction = Some(offset + item.begin as u64),
                        (true, false) => transaction = None,
                        _ => {}
                    }
                }
                self.worker.end();
                if !more {
                    break;
                }
            }
            offset += at as u64;
            buffer.copy_within(at..filled, 0);
            filled -= at;
            self.server.loading.loaded_bytes.fetch_add(at as u64, Relaxed);
            self.progress.report(&self.server);
            if self.server.lifecycle.is_stopping() {
                return Err(LoadError::Stopped);
            }
            if filled == buffer.len() {
                buffer.resize(filled * 2, 0);
            } else if read == 0 {
                break;
            }
        }
        if let Some(begin) = transaction {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            tracing::warn!("Revert incomplete MULTI/EXEC transaction in AOF file {name}");
            self.client.transaction = None;
            return Ok(begin);
        }
        Ok(offset)
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        disconnect(&mut self.worker, &mut self.client, None);
    }
}

/// What stands at the beginning of `input`: a command, or a line that is none (`#TS:1700000000`).
fn next(input: &[u8], spans: &mut Vec<Span>) -> Result<Next, ()> {
    if input.first() == Some(&b'#') {
        return Ok(match input.iter().position(|byte| *byte == b'\n') {
            Some(end) => Next::Annotation { len: end + 1 },
            None => Next::Incomplete,
        });
    }
    match parse_command(input, spans) {
        Ok(Some(len)) => Ok(Next::Command { len }),
        Ok(None) => Ok(Next::Incomplete),
        Err(_) => Err(()),
    }
}

/// Whether a file begins as a snapshot does.
pub(super) fn is_snapshot(file: &mut File) -> io::Result<bool> {
    let mut magic = [0; 6];
    let mut filled = 0;
    while filled < magic.len() {
        match file.read(&mut magic[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(magic.starts_with(b"REDIS") || magic.starts_with(b"VALKEY"))
}

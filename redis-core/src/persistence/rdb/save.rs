//! A snapshot written at once: nobody is served meanwhile.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock;
use crate::db::{AccessClock, Keyspace};
use crate::persistence::Replacement;
use crate::rdb::file::FileWriter;
use crate::server::Server;

/// Why a snapshot could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct SaveError {
    /// The file that should have come of it.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// Writes all keys to a file. The caller holds all locks.
///
/// A file that was there is replaced when the new one is complete and on the disk.
///
/// # Errors
/// If the file could not be written; the former one is still there then.
pub fn save(keyspace: &Keyspace, server: &Server, path: &Path) -> Result<(), SaveError> {
    write(keyspace, server, path).map_err(|source| SaveError { path: path.to_owned(), source })
}

/// What a file is called until it is complete.
#[must_use]
pub fn temporary_name() -> String {
    format!("temp-{}.rdb", std::process::id())
}

fn write(keyspace: &Keyspace, server: &Server, path: &Path) -> io::Result<()> {
    let file = Replacement::create(path, &temporary_name())?;
    let mut writer = FileWriter::new(file, server.config.rdbcompression.get(), server.config.rdbchecksum.get())?;
    facts(&mut writer, server, false)?;
    let usage = usage_kept(server);
    for database in 0..keyspace.databases() {
        let stats = keyspace.stats(database);
        if stats.keys == 0 {
            continue;
        }
        writer.database(database, stats.keys, stats.expiring)?;
        for entry in keyspace.entries_of(database) {
            writer.record(&entry.record(usage.as_ref()))?;
            // For tests.
            if let Ok(micros @ 1..) = u64::try_from(server.config.rdb_key_save_delay.get()) {
                std::thread::sleep(Duration::from_micros(micros));
            }
        }
    }
    writer.finish()?.commit()
}

/// Writes what stands in a file besides keys: what it says about itself, and the libraries of functions. `aof_base` is
/// whether it is the base of an append only file.
///
/// # Errors
/// If it cannot be written.
pub fn facts<W: Write>(writer: &mut FileWriter<W>, server: &Server, aof_base: bool) -> io::Result<()> {
    let now = clock::unix_millis();
    writer.aux("redis-ver", crate::VERSION)?;
    writer.aux("redis-bits", usize::BITS)?;
    writer.aux("ctime", now / 1000)?;
    writer.aux("used-mem", server.memory.refresh_used(now / 1000))?;
    writer.aux("aof-base", u8::from(aof_base))?;
    server.libraries.get().iter().try_for_each(|library| writer.function(library))
}

/// How the use of keys is to be told, if the eviction policy asks for it.
#[must_use]
pub fn usage_kept(server: &Server) -> Option<AccessClock> {
    let policy = server.config.maxmemory_policy.get();
    (policy.is_lru() || policy.is_lfu()).then(|| {
        let mut clock = server.settings().clock;
        clock.seconds = clock::unix_millis() / 1000;
        clock
    })
}

//! Where a snapshot goes.

use std::io;
use std::path::Path;

use crate::persistence::Replacement;
use crate::persistence::rdb::facts;
use crate::rdb::Writer;
use crate::rdb::file::FileWriter;
use crate::server::Server;

/// What takes in the records of a snapshot. If it is dropped before it is finished, nothing shall remain of it.
pub trait Sink: Send {
    /// The records that follow are of this database, which had so many keys, `expiring` of them with a deadline. A
    /// database may come several times.
    ///
    /// # Errors
    /// If it cannot be written; that is the end of the snapshot, here as everywhere.
    fn database(&mut self, number: usize, keys: usize, expiring: usize) -> io::Result<()>;

    /// Records, one behind the other.
    ///
    /// # Errors
    /// If they cannot be written.
    fn records(&mut self, records: &Writer) -> io::Result<()>;

    /// All records are there. Afterwards they are on the disk.
    ///
    /// # Errors
    /// If that is not certain.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A snapshot file.
pub struct RdbFile(FileWriter<Replacement>);

impl RdbFile {
    /// A file that gets to `path` when it is complete, and is called `temporary` until then, in the same directory.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create(server: &Server, path: &Path, temporary: &str, aof_base: bool) -> io::Result<Self> {
        let file = Replacement::create(path, temporary)?;
        // Strings come compressed.
        let mut writer = FileWriter::new(file, false, server.config.rdbchecksum.get())?;
        facts(&mut writer, server, aof_base)?;
        Ok(RdbFile(writer))
    }
}

impl Sink for RdbFile {
    fn database(&mut self, number: usize, keys: usize, expiring: usize) -> io::Result<()> {
        self.0.database(number, keys, expiring)
    }

    fn records(&mut self, records: &Writer) -> io::Result<()> {
        self.0.records(records)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.0.finish()?.commit()
    }
}

//! A base in the form of commands, for those who want no snapshot in their files (`aof-use-rdb-preamble no`).
//!
//! A string is a SET, any other value a RESTORE of its dump: that is exact for every type, custom ones included.

use std::io::{self, Write};
use std::path::Path;

use crate::clock;
use crate::db::Entry;
use crate::persistence::Replacement;
use crate::persistence::snapshot::Sink;
use crate::rdb::{ValueRef, Writer, dump_payload};
use crate::resp::append_command;
use crate::table::NO_DEADLINE;

/// A base on its way to its name.
pub(super) struct CommandFile(Replacement);

impl CommandFile {
    /// A file that gets to `path` when it is complete, and is called `temporary` until then, in the same directory. It
    /// begins with when it is, if that is wanted.
    pub(super) fn create(path: &Path, temporary: &str, timestamp: bool) -> io::Result<Self> {
        let mut file = Replacement::create(path, temporary)?;
        if timestamp {
            file.write_all(timestamp_line(clock::unix_millis() / 1000).as_bytes())?;
        }
        Ok(CommandFile(file))
    }
}

impl Sink for CommandFile {
    fn database(&mut self, number: usize, _: usize, _: usize) -> io::Result<()> {
        let mut bytes = Vec::new();
        append_command(&mut bytes, [b"SELECT", itoa::Buffer::new().format(number).as_bytes()].into_iter());
        self.0.write_all(&bytes)
    }

    fn records(&mut self, records: &Writer) -> io::Result<()> {
        self.0.write_all(records.as_bytes())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.0.commit()
    }
}

/// The line that tells when what follows was written, in seconds since 1970.
pub(super) fn timestamp_line(seconds: u64) -> String {
    format!("#TS:{seconds}\r\n")
}

/// Appends the command that makes a key.
pub(super) fn append_entry(writer: &mut Writer, entry: &Entry, compress: bool) {
    let mut buffer = itoa::Buffer::new();
    let deadline = Some(entry.expires_at()).filter(|deadline| *deadline != NO_DEADLINE);
    let mut bytes = Vec::new();
    match (entry.object(), deadline) {
        (None, None) => append_command(&mut bytes, [&b"SET"[..], entry.key(), entry.string_bytes()].into_iter()),
        (None, Some(deadline)) => {
            let deadline = buffer.format(deadline).as_bytes();
            let set = [&b"SET"[..], entry.key(), entry.string_bytes(), b"PXAT", deadline];
            append_command(&mut bytes, set.into_iter());
        }
        (Some(object), deadline) => {
            // Members whose time is over are kept, as keys are: what follows in the log may speak of them.
            let payload = dump_payload(&ValueRef::Object(object), 0, compress);
            let deadline = buffer.format(deadline.unwrap_or(0)).as_bytes();
            let restore = [&b"RESTORE"[..], entry.key(), deadline, &payload, b"REPLACE", b"ABSTTL"];
            append_command(&mut bytes, restore.into_iter());
        }
    }
    writer.raw(&bytes);
}

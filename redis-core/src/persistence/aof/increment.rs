//! The file that changes are being written to.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;

/// An increment that is open for writing.
#[derive(Debug)]
pub(super) struct Increment {
    file: File,
    /// How long it is.
    len: u64,
    /// Something has been written that may not be on the disk.
    unsynced: bool,
}

/// Why bytes were not written, and how many were before.
#[derive(Debug)]
pub(super) struct WriteError {
    /// How many of the bytes stand in the file.
    pub(super) written: usize,
    /// What the system says.
    pub(super) source: io::Error,
    /// What it says to cutting off the half that was written, if it could not be.
    pub(super) cut: Option<io::Error>,
}

impl Increment {
    /// Opens a file to go on at its end, or makes it. It is locked: two servers that append to it destroy it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(io::Error::other("another server writes it"));
        }
        let len = file.metadata()?.len();
        Ok(Increment { file, len, unsynced: false })
    }

    /// Writes bytes. If not all can be written, none shall stand in the file: a file that ends in the middle of a command
    /// is read as one that was damaged.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let mut written = 0;
        while written < bytes.len() {
            match self.file.write(&bytes[written..]) {
                Ok(0) => return Err(self.undo(written, io::ErrorKind::WriteZero.into())),
                Ok(len) => written += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.undo(written, error)),
            }
        }
        self.unsynced |= written > 0;
        self.len += written as u64;
        Ok(())
    }

    fn undo(&mut self, written: usize, source: io::Error) -> WriteError {
        if written == 0 {
            return WriteError { written, source, cut: None };
        }
        match self.file.set_len(self.len) {
            Ok(()) => WriteError { written: 0, source, cut: None },
            Err(cut) => {
                self.len += written as u64;
                self.unsynced = true;
                WriteError { written, source, cut: Some(cut) }
            }
        }
    }

    /// Whether something may not be on the disk.
    pub(super) fn is_unsynced(&self) -> bool {
        self.unsynced
    }

    /// Flushes what was written to the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.unsynced = false;
        Ok(())
    }
}

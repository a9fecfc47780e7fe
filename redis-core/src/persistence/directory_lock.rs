//! A directory that is one server's.
//!
//! Two servers that write the same files in the same directory destroy each other's data. So a server locks the directory
//! itself: no file is made for that, and the lock goes with the process, however it ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// The lock of a directory, which is given back when it is dropped.
#[derive(Debug)]
pub struct DirectoryLock {
    _directory: File,
}

impl DirectoryLock {
    /// Locks a directory; `None` if another server has it.
    ///
    /// # Errors
    /// If it cannot be opened, or if its file system has no locks.
    pub fn take(directory: &Path) -> io::Result<Option<Self>> {
        let file = File::open(directory)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _directory: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn one_at_a_time() {
        let directory = std::env::temp_dir().join(format!("redis-core-lock-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let first = DirectoryLock::take(&directory).unwrap();
        assert!(first.is_some());
        assert!(DirectoryLock::take(&directory).unwrap().is_none());
        drop(first);
        assert!(DirectoryLock::take(&directory).unwrap().is_some());
        std::fs::remove_dir(&directory).unwrap();
        assert!(DirectoryLock::take(&directory).is_err());
    }
}

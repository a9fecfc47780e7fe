//! Where the files are.

use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;

use super::manifest::{Manifest, Part};
use super::thread::plain;
use crate::server::Server;

/// Why a server may not write files in a directory.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClaimError {
    /// There cannot be one.
    #[error("Can't open or create append-only dir {}: {}", directory.display(), plain(source))]
    Directory {
        /// What should be there.
        directory: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Two servers would write into the same file.
    #[error("Another server writes its append only files in {}: give one of them another 'dir' or 'appendfilename'", directory.display())]
    Taken {
        /// The directory.
        directory: PathBuf,
    },
}

/// The places of a data set.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    /// The directory of the server: `dir`.
    pub(super) parent: PathBuf,
    /// The directory of the files: `appenddirname` in it.
    pub(super) directory: PathBuf,
    /// What the files are called after: `appendfilename`.
    pub(super) filename: String,
}

impl Paths {
    /// As configured now.
    pub(super) fn of(server: &Server) -> Self {
        let parent = server.config.dir.get().to_path_buf();
        let directory = parent.join(&*server.config.appenddirname.get());
        Paths { parent, directory, filename: server.config.appendfilename.get().to_string() }
    }

    /// The path of one of the files.
    pub(super) fn part(&self, part: &Part) -> PathBuf {
        self.directory.join(&part.name)
    }

    /// Makes the directory, if it is not there, and looks whether another server writes these files: it has a lock on
    /// its increment.
    ///
    /// # Errors
    /// If there can be no directory, or if the files are another server's.
    pub(super) fn claim(&self) -> Result<(), ClaimError> {
        let directory = || self.directory.clone();
        self.make_directory().map_err(|source| ClaimError::Directory { directory: directory(), source })?;
        // What is wrong with the list of files is told by who loads them.
        let manifest = Manifest::load(&self.directory, &self.filename).ok().flatten().unwrap_or_default();
        let taken = manifest.increments.last().is_some_and(|part| {
            let lock = File::open(self.part(part)).map(|file| file.try_lock());
            matches!(lock, Ok(Err(TryLockError::WouldBlock)))
        });
        if taken { Err(ClaimError::Taken { directory: directory() }) } else { Ok(()) }
    }

    /// Makes the directory, if it is not there.
    pub(super) fn make_directory(&self) -> io::Result<()> {
        match std::fs::create_dir(&self.directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            Err(_) if !self.directory.is_dir() => Err(rustix::io::Errno::NOTDIR.into()),
            _ => Ok(()),
        }
    }
}

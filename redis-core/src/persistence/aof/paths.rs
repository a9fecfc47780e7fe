//! Where the files are.

use std::io;
use std::path::PathBuf;

use super::manifest::Part;
use super::thread::plain;
use crate::persistence::DirectoryLock;
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
    #[error("Another server writes its append only files in {}: give one of them another 'dir' or 'appenddirname'", directory.display())]
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

    /// Takes the directory for this server, and makes it if it is not there. No lock where the file system has none.
    ///
    /// # Errors
    /// If it cannot be made, or if it is another server's.
    pub(super) fn claim(&self) -> Result<Option<DirectoryLock>, ClaimError> {
        let directory = || self.directory.clone();
        self.make_directory().map_err(|source| ClaimError::Directory { directory: directory(), source })?;
        match DirectoryLock::take(&self.directory) {
            Ok(None) => Err(ClaimError::Taken { directory: directory() }),
            lock => Ok(lock.ok().flatten()),
        }
    }

    /// Makes the directory, if it is not there.
    pub(super) fn make_directory(&self) -> io::Result<()> {
        match std::fs::create_dir(&self.directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            Err(_) if !self.directory.is_dir() => Err(io::Error::from(io::ErrorKind::NotADirectory)),
            _ => Ok(()),
        }
    }
}

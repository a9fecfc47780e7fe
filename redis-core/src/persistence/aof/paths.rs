//! Where the files are.

use std::io;
use std::path::PathBuf;

use super::manifest::Part;
use crate::server::Server;

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

    /// Makes the directory, if it is not there.
    pub(super) fn make_directory(&self) -> io::Result<()> {
        match std::fs::create_dir(&self.directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            Err(_) if !self.directory.is_dir() => Err(io::Error::from(io::ErrorKind::NotADirectory)),
            _ => Ok(()),
        }
    }
}

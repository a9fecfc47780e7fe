//! A file that takes the place of another when it is complete.
//!
//! Whatever happens, under the name there is either the old file or the whole new one: the new one is written under
//! another name in the same directory, flushed to the disk, and renamed; and the directory is flushed, because the new
//! name is in it.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// A file on its way to its name. If it is dropped before it got there, it is removed.
#[derive(Debug)]
pub struct Replacement {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    in_place: bool,
}

impl Replacement {
    /// Makes the file `temporary`, a name in the directory of `target`, the path to get to. One that has been left there
    /// is overwritten.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create(target: &Path, temporary: &str) -> io::Result<Self> {
        let temporary = target.with_file_name(temporary);
        let file = File::create(&temporary)?;
        Ok(Self { file, temporary, target: target.to_owned(), in_place: false })
    }

    /// Flushes the file to the disk and gives it its name.
    ///
    /// # Errors
    /// If that is not certain to have been done. The old file is still there if the new one is not.
    pub fn commit(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.temporary, &self.target)?;
        self.in_place = true;
        sync_directory(&self.target)
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }
}

/// A name for a file that is not complete, such as `temp-bg-1-4711.rdb`. No two are the same: what is called off removes its
/// file when it notices, and by then the next one may be writing.
#[must_use]
pub(crate) fn unique_name(what: &str, extension: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Relaxed) + 1;
    format!("temp-{what}-{number}-{}.{extension}", std::process::id())
}

/// Flushes the directory in which a file is, and with it the file's name.
///
/// # Errors
/// If the system refuses.
pub(crate) fn sync_directory(file: &Path) -> io::Result<()> {
    let directory = match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Replacement {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.in_place {
            // What cannot be removed is in nobody's way: the next one overwrites it.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn directory(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("redis-core-replacement-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir(&directory).unwrap();
        directory
    }

    #[test]
    fn the_old_file_stays_until_the_new_one_is_complete() {
        let directory = directory("commit");
        let target = directory.join("dump.rdb");
        std::fs::write(&target, "old").unwrap();
        let mut replacement = Replacement::create(&target, "temp-1.rdb").unwrap();
        replacement.write_all(b"new").unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"old");
        replacement.commit().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn what_is_given_up_leaves_nothing() {
        let directory = directory("drop");
        let target = directory.join("dump.rdb");
        let mut replacement = Replacement::create(&target, "temp-1.rdb").unwrap();
        replacement.write_all(b"new").unwrap();
        drop(replacement);
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
        // The target is a directory, so nothing can take its place.
        std::fs::create_dir(&target).unwrap();
        std::fs::write(target.join("file"), "").unwrap();
        assert!(Replacement::create(&target, "temp-1.rdb").unwrap().commit().is_err());
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
        assert!(Replacement::create(&directory.join("none/dump.rdb"), "temp-1.rdb").is_err());
        std::fs::remove_dir_all(directory).unwrap();
    }
}

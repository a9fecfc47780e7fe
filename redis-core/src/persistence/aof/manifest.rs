//! The list of the files that together are the data set, as Redis 7 keeps it.
//!
//! A line for each file: `file appendonly.aof.2.base.rdb seq 2 type b`. First the base (`b`), if there is one, then what
//! is history and can be deleted (`h`), then the increments (`i`), whose numbers only grow. The list is replaced as a
//! whole, so that there is always either the old or the new one.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::num;
use crate::persistence::Replacement;
use crate::resp::{quote, split_args};

/// The longest line.
const MAX_LINE: usize = 1024;

/// A file of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name, without a directory.
    pub name: String,
    /// Its number.
    pub sequence: u64,
}

/// The files of a data set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The data of the beginning.
    pub base: Option<Part>,
    /// The changes since, in order.
    pub increments: Vec<Part>,
    /// What is not needed any more.
    pub history: Vec<Part>,
    /// The greatest number of a base so far.
    pub base_sequence: u64,
    /// The greatest number of an increment so far.
    pub increment_sequence: u64,
}

/// What is wrong with a list.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It cannot be read.
    #[error("can't open the AOF manifest file {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line is not what it should be.
    #[error("{}, at line {line}: {reason}: '{text}'", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1 on.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
        /// What stands there.
        text: String,
    },
}

impl Manifest {
    /// The name of the list of files that are called after `filename` (`appendfilename`).
    #[must_use]
    pub fn name(filename: &str) -> String {
        format!("{filename}.manifest")
    }

    /// Reads the list of a directory. None if there is no such file.
    ///
    /// # Errors
    /// If it cannot be read, or is not in order.
    pub fn load(directory: &Path, filename: &str) -> Result<Option<Self>, ManifestError> {
        let path = directory.join(Self::name(filename));
        match std::fs::read(&path) {
            Ok(bytes) => Self::parse(&bytes).map(Some).map_err(|(line, reason, text)| ManifestError::Line {
                path,
                line,
                reason,
                text,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ManifestError::Open { path, source }),
        }
    }

    /// Reads a list. An error is a line's number, what is wrong, and the line.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, (usize, &'static str, String)> {
        let mut manifest = Manifest::default();
        let mut last = (0, String::new());
        for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let text = String::from_utf8_lossy(line).trim().to_owned();
            last = (index + 1, text.clone());
            manifest.read_line(line).map_err(|reason| (index + 1, reason, text))?;
        }
        if manifest == Manifest::default() {
            return Err((last.0, "Found an empty AOF manifest", last.1));
        }
        Ok(manifest)
    }

    fn read_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        const MALFORMED: &str = "Invalid AOF manifest file format";
        if line.len() > MAX_LINE {
            return Err("The AOF manifest file contains too long line");
        }
        let text = line.strip_suffix(b"\n").ok_or(MALFORMED)?.trim_ascii();
        if text.first() == Some(&b'#') {
            return Ok(());
        }
        if text.is_empty() {
            return Err(MALFORMED);
        }
        let words = split_args(text).map_err(|_| MALFORMED)?;
        if words.len() < 6 || words.len() % 2 != 0 {
            return Err(MALFORMED);
        }
        let (mut name, mut sequence, mut kind) = (None, None, None);
        for pair in words.chunks_exact(2) {
            match pair[0].to_ascii_lowercase().as_slice() {
                b"file" => name = Some(String::from_utf8(pair[1].clone()).map_err(|_| MALFORMED)?),
                b"seq" => sequence = num::parse_i64(&pair[1]).and_then(|number| u64::try_from(number).ok()),
                b"type" => kind = pair[1].first().copied(),
                // What a later version adds.
                _ => {}
            }
        }
        let name = name.ok_or(MALFORMED)?;
        if name.contains('/') {
            return Err("File can't be a path, just a filename");
        }
        let sequence = sequence.filter(|sequence| *sequence > 0).ok_or(MALFORMED)?;
        let part = Part { name, sequence };
        match kind.ok_or(MALFORMED)? {
            b'b' if self.base.is_some() => return Err("Found duplicate base file information"),
            b'b' => {
                self.base_sequence = sequence;
                self.base = Some(part);
            }
            b'h' => self.history.push(part),
            b'i' if sequence <= self.increment_sequence => return Err("Found a non-monotonic sequence number"),
            b'i' => {
                self.increment_sequence = sequence;
                self.increments.push(part);
            }
            _ => return Err("Unknown AOF file type"),
        }
        Ok(())
    }

    /// The list as text.
    #[must_use]
    pub fn text(&self) -> String {
        let bases = self.base.iter().map(|part| (part, 'b'));
        let history = self.history.iter().map(|part| (part, 'h'));
        let increments = self.increments.iter().map(|part| (part, 'i'));
        let line = |(part, kind): (&Part, char)| {
            let plain = part.name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\'));
            let mut name = part.name.clone().into_bytes();
            if !plain {
                name.clear();
                quote(part.name.as_bytes(), &mut name);
            }
            format!("file {} seq {} type {kind}\n", String::from_utf8_lossy(&name), part.sequence)
        };
        bases.chain(history).chain(increments).map(line).collect()
    }

    /// Puts the list into its directory, in place of the former one.
    ///
    /// # Errors
    /// If that is not certain to have been done; what is there is the old list or the new one.
    pub fn store(&self, directory: &Path, filename: &str) -> io::Result<()> {
        let name = Self::name(filename);
        let mut file = Replacement::create(&directory.join(&name), &format!("temp-{name}"))?;
        file.write_all(self.text().as_bytes())?;
        file.commit()
    }

    /// All files that hold data, in the order in which they are loaded.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.base.iter().chain(&self.increments)
    }

    /// Whether there is no data.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.increments.is_empty()
    }

    /// Adds an increment.
    pub fn add_increment(&mut self, filename: &str) -> &Part {
        self.increment_sequence += 1;
        let sequence = self.increment_sequence;
        let at = self.increments.len();
        self.increments.push(Part { name: format!("{filename}.{sequence}.incr.aof"), sequence });
        &self.increments[at]
    }

    /// Has a new base, in the form of a snapshot or of commands, take the place of the former one and of the first
    /// increments, as many as are in it.
    pub fn replace_base(&mut self, filename: &str, snapshot: bool, increments: usize) -> &Part {
        self.history.extend(self.base.take());
        self.history.extend(self.increments.drain(..increments));
        self.base_sequence += 1;
        let sequence = self.base_sequence;
        let form = if snapshot { "rdb" } else { "aof" };
        self.base.insert(Part { name: format!("{filename}.{sequence}.base.{form}"), sequence })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parse(text: &str) -> Result<Manifest, &'static str> {
        Manifest::parse(text.as_bytes()).map_err(|(_, reason, _)| reason)
    }

    #[test]
    fn what_is_written_is_read() {
        let mut manifest = Manifest::default();
        manifest.add_increment("a.aof");
        manifest.replace_base("a.aof", true, 1);
        manifest.add_increment("a.aof");
        manifest.add_increment("a.aof");
        let text = "file a.aof.1.base.rdb seq 1 type b\nfile a.aof.1.incr.aof seq 1 type h\n\
                    file a.aof.2.incr.aof seq 2 type i\nfile a.aof.3.incr.aof seq 3 type i\n";
        assert_eq!(manifest.text(), text);
        assert_eq!(parse(text).unwrap(), manifest);
        manifest.replace_base("a.aof", false, 1);
        assert!(manifest.text().starts_with("file a.aof.2.base.aof seq 2 type b\n"));
        assert_eq!(manifest.increments.len(), 1);
    }

    #[test]
    fn names_with_blanks_are_quoted() {
        let mut manifest = Manifest::default();
        manifest.add_increment("a \"b");
        assert_eq!(manifest.text(), "file \"a \\\"b.1.incr.aof\" seq 1 type i\n");
        assert_eq!(parse(&manifest.text()).unwrap(), manifest);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let malformed = "Invalid AOF manifest file format";
        for (text, reason) in [
            ("", "Found an empty AOF manifest"),
            ("# nothing\n", "Found an empty AOF manifest"),
            ("\n", malformed),
            ("file a seq 1 type b", malformed),
            ("file a seq 1\n", malformed),
            ("file a seq 1 type\n", malformed),
            ("file a seq x type b\n", malformed),
            ("file a/b seq 1 type b\n", "File can't be a path, just a filename"),
            ("file a seq 1 type x\n", "Unknown AOF file type"),
            ("file a seq 1 type b\nfile b seq 2 type b\n", "Found duplicate base file information"),
            ("file a seq 2 type i\nfile b seq 1 type i\n", "Found a non-monotonic sequence number"),
        ] {
            assert_eq!(parse(text), Err(reason), "{text:?}");
        }
        assert_eq!(parse(&format!("#{}\n", "x".repeat(1100))), Err("The AOF manifest file contains too long line"));
        assert!(parse("file a seq 1 type b later 7\n").is_ok());
    }
}

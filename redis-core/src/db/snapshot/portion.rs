//! `Portion`: some of the records of a snapshot.

use super::RecordEntry;
use crate::db::Entry;
use crate::rdb::{Progress, Writer};

/// Records, one behind the other, in runs of the same database.
pub struct Portion {
    writer: Writer,
    /// The database of each run, and where it ends.
    runs: Vec<(usize, usize)>,
    keys: u64,
}

impl Portion {
    /// Nothing yet. `compress` is whether long strings are to be compressed, which is left to [`Portion::finish`].
    #[must_use]
    pub fn new(compress: bool) -> Self {
        Self { writer: Writer::compressing_later(compress), runs: Vec::new(), keys: 0 }
    }

    /// How many records end in it.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// How many bytes they have, uncompressed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.writer.as_bytes().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.writer.clear();
        self.runs.clear();
        self.keys = 0;
    }

    /// Appends a record, or a part of it. Answers whether it is complete.
    pub(super) fn append(
        &mut self,
        database: usize,
        record: &RecordEntry,
        entry: &Entry,
        progress: &mut Progress,
    ) -> bool {
        let complete = record(&mut self.writer, entry, progress);
        self.keys += u64::from(complete);
        let end = self.writer.as_bytes().len();
        match self.runs.last_mut() {
            Some((last, last_end)) if *last == database => *last_end = end,
            _ => self.runs.push((database, end)),
        }
        complete
    }

    /// Calls `visit` with each run of records, its database first. Long strings are compressed on the way, if they are
    /// to be; `scratch`, a writer that compresses at once, is where that is done.
    ///
    /// # Errors
    /// That of `visit`, which ends it.
    pub fn finish<E>(
        &self,
        scratch: &mut Writer,
        mut visit: impl FnMut(usize, &Writer) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut start = 0;
        for (database, end) in &self.runs {
            scratch.clear();
            self.writer.compress_into(start..*end, scratch);
            visit(*database, scratch)?;
            start = *end;
        }
        Ok(())
    }
}

//! `FileWriter`: a whole file, from the header to the checksum.

use std::io::{self, Seek, SeekFrom, Write};

use super::Record;
use crate::rdb::{Crc64, VERSION, VERSION_VALKEY, Writer, opcode};

/// Bytes that are gathered before they are written.
const PORTION: usize = 256 * 1024;

/// What a file begins with: nine bytes.
pub(super) fn header(version: u16) -> String {
    if version >= VERSION_VALKEY { format!("VALKEY{version:03}") } else { format!("REDIS{version:04}") }
}

/// Writes a file.
///
/// Which version it is becomes known when all keys are written: it is [`VERSION`] unless some value has a form that came
/// later. So the header is put right at the end, and what is written to must be able to go back.
pub struct FileWriter<W> {
    out: W,
    buffer: Writer,
    checksum: bool,
    /// That of everything behind the header.
    body: Crc64,
    body_len: u64,
    version: u16,
}

/// From the beginning on.
impl<W: Write> FileWriter<W> {
    /// Begins a file. `compress` is whether long strings are compressed, `checksum` whether there is a checksum at the
    /// end.
    ///
    /// # Errors
    /// If it cannot be written; as for everything else here.
    pub fn new(mut out: W, compress: bool, checksum: bool) -> io::Result<Self> {
        out.write_all(header(VERSION).as_bytes())?;
        let buffer = Writer::new(compress);
        Ok(Self { out, buffer, checksum, body: Crc64::new(), body_len: 0, version: VERSION })
    }

    /// A fact about the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn aux(&mut self, name: &str, value: impl ToString) -> io::Result<()> {
        self.buffer.byte(opcode::AUX);
        self.buffer.string(name.as_bytes());
        self.buffer.string(value.to_string().as_bytes());
        self.flush_portion()
    }

    /// A library of functions, whose source text it is.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn function(&mut self, library: &[u8]) -> io::Result<()> {
        self.buffer.byte(opcode::FUNCTION2);
        self.buffer.string(library);
        self.flush_portion()
    }

    /// The keys that follow are in this database. How many keys it has, and how many of them expire, may be somewhat
    /// wrong.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn database(&mut self, number: usize, keys: usize, expiring: usize) -> io::Result<()> {
        self.buffer.byte(opcode::SELECT_DB);
        self.buffer.count(number);
        self.buffer.byte(opcode::RESIZE_DB);
        self.buffer.count(keys);
        self.buffer.count(expiring);
        self.flush_portion()
    }

    /// A key.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn record(&mut self, record: &Record<'_>) -> io::Result<()> {
        record.write(&mut self.buffer);
        self.flush_portion()
    }

    /// Keys that have been made bytes of before.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn records(&mut self, records: &Writer) -> io::Result<()> {
        self.version = self.version.max(records.version());
        let bytes = records.as_bytes();
        if bytes.len() < PORTION {
            self.buffer.raw(bytes);
            return self.flush_portion();
        }
        self.flush()?;
        self.write(bytes)
    }

    /// How many bytes the file has so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        (header(self.version).len() + self.buffer.as_bytes().len()) as u64 + self.body_len
    }

    /// What is written to.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    fn flush_portion(&mut self) -> io::Result<()> {
        if self.buffer.as_bytes().len() >= PORTION { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.version = self.version.max(self.buffer.version());
        let mut buffer = std::mem::replace(&mut self.buffer, Writer::new(false));
        let result = self.write(buffer.as_bytes());
        buffer.clear();
        self.buffer = buffer;
        result
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.checksum {
            self.body.update(bytes);
        }
        self.body_len += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

/// To the end.
impl<W: Write + Seek> FileWriter<W> {
    /// Writes the end, and gives back what was written to. It has not been flushed to any disk.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.buffer.byte(opcode::EOF);
        self.flush()?;
        let header = header(self.version);
        let checksum = if self.checksum {
            Crc64::combine(Crc64::of(header.as_bytes()), self.body.finish(), self.body_len)
        } else {
            0
        };
        self.out.write_all(&checksum.to_le_bytes())?;
        if self.version != VERSION {
            self.out.seek(SeekFrom::Start(0))?;
            self.out.write_all(header.as_bytes())?;
            self.out.seek(SeekFrom::End(0))?;
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Cursor;

    use super::*;
    use crate::rdb::ValueRef;
    use crate::table::NO_DEADLINE;
    use crate::value::{Hash, Limits, Object, Str};

    fn file(checksum: bool, fill: impl FnOnce(&mut FileWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
        let mut writer = FileWriter::new(Cursor::new(Vec::new()), true, checksum).unwrap();
        fill(&mut writer);
        let size = writer.size();
        let bytes = writer.finish().unwrap().into_inner();
        assert_eq!(bytes.len() as u64, size + 9);
        bytes
    }

    fn string<'a>(key: &'a [u8], value: &'a [u8], expires_at: u64) -> Record<'a> {
        Record { key, value: ValueRef::Str(Str::new(value)), expires_at, usage: None }
    }

    fn ends_with_its_checksum(bytes: &[u8]) -> bool {
        let (summed, checksum) = bytes.split_last_chunk().unwrap();
        u64::from_le_bytes(*checksum) == Crc64::of(summed)
    }

    #[test]
    fn a_small_file() {
        let bytes = file(true, |writer| {
            writer.aux("a", 7).unwrap();
            writer.function(b"#!lua").unwrap();
            writer.database(3, 2, 1).unwrap();
            writer.record(&string(b"k", b"v", 0x0102)).unwrap();
            let mut frequent = string(b"l", b"12", NO_DEADLINE);
            frequent.usage = Some(super::super::Usage::Frequency(9));
            writer.record(&frequent).unwrap();
        });
        let expected = b"REDIS0010\xfa\x01a\xc0\x07\xf5\x05#!lua\xfe\x03\xfb\x02\x01\
            \xfc\x02\x01\0\0\0\0\0\0\0\x01k\x01v\xf9\x09\0\x01l\xc0\x0c\xff";
        assert_eq!(&bytes[..bytes.len() - 8], expected);
        assert!(ends_with_its_checksum(&bytes));
        assert!(file(false, |_| ()).ends_with(b"\xff\0\0\0\0\0\0\0\0"));
    }

    #[test]
    fn the_version_follows_from_what_is_written() {
        let limits = Limits::default();
        let mut hash = Hash::new();
        hash.set(b"field", b"value", 0, &limits);
        hash.set_deadline(b"field", u64::MAX - 1, 0);
        let object = Object::Hash(hash);
        let hash = Record { key: b"h", value: ValueRef::from(&object), expires_at: NO_DEADLINE, usage: None };
        let large = vec![b'x'; PORTION];
        let directly = file(true, |writer| {
            writer.record(&hash).unwrap();
            (0..3).for_each(|_| writer.record(&string(b"k", &large, NO_DEADLINE)).unwrap());
        });
        let in_portions = file(true, |writer| {
            let mut records = Writer::new(true);
            hash.write(&mut records);
            writer.records(&records).unwrap();
            records.clear();
            (0..3).for_each(|_| string(b"k", &large, NO_DEADLINE).write(&mut records));
            writer.records(&records).unwrap();
        });
        assert!(directly == in_portions);
        assert!(directly.starts_with(b"VALKEY080\x16\x01h"));
        assert!(ends_with_its_checksum(&directly));
    }
}

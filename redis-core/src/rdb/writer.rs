//! `Writer`: the pieces of which everything is made, appended to a buffer.
//!
//! ```text
//! 00nnnnnn                         length of 6 bits
//! 01nnnnnn nnnnnnnn                length of 14 bits, high byte first
//! 10000000 4 bytes                 length of 32 bits, high byte first
//! 10000001 8 bytes                 length of 64 bits, high byte first
//! 11000000 1 byte                  instead of a string's length: a string that is the text of this integer
//! 11000001 2 bytes                 likewise, low byte first
//! 11000010 4 bytes                 likewise
//! 11000011 length length bytes     likewise: how long it is compressed, how long it is, and the compressed bytes
//! ```
//!
//! A string is its length and its bytes, or one of the last four.

use std::ops::Range;

use super::lzf::Compressor;
use super::{Crc64, Type, VERSION};
use crate::num::parse_i64;
use crate::value::listpack::{Element, TextBuffer};

pub(super) const LENGTH_14: u8 = 0x40;
pub(super) const LENGTH_32: u8 = 0x80;
pub(super) const LENGTH_64: u8 = 0x81;
pub(super) const INT_8: u8 = 0xC0;
pub(super) const INT_16: u8 = 0xC1;
pub(super) const INT_32: u8 = 0xC2;
pub(super) const COMPRESSED: u8 = 0xC3;

/// The lengths that say what the next field of a module's value is.
pub(super) mod tag {
    pub(in crate::rdb) const END: u64 = 0;
    pub(in crate::rdb) const SIGNED: u64 = 1;
    pub(in crate::rdb) const UNSIGNED: u64 = 2;
    pub(in crate::rdb) const FLOAT: u64 = 3;
    pub(in crate::rdb) const DOUBLE: u64 = 4;
    pub(in crate::rdb) const STRING: u64 = 5;
}

/// Strings of at most so many bytes are not compressed.
const COMPRESSED_MIN: usize = 20;

/// How many bytes compression must save.
const SAVING_MIN: usize = 4;

/// Room for a compressed string is kept for the next one up to this size.
const KEPT_MAX: usize = 1 << 20;

/// A text is looked at as a number up to this length: that of the longest 32-bit integer.
const INTEGER_MAX: usize = 11;

/// Whether long strings are compressed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compression {
    Never,
    AtOnce,
    Later,
}

/// A string that is to be compressed later.
#[derive(Clone, Copy)]
struct Long {
    /// Where its length begins.
    start: usize,
    /// Where its text begins.
    text: usize,
    /// Where its text ends.
    end: usize,
}

/// Writes into a buffer of its own.
pub struct Writer {
    bytes: Vec<u8>,
    compression: Compression,
    /// The lowest version that has all forms that were written.
    version: u16,
    /// Made with the first string that is long enough, with room for it.
    compressor: Option<Box<(Compressor, Vec<u8>)>>,
    /// What is to be compressed later.
    long: Vec<Long>,
}

/// What is written and where.
impl Writer {
    /// An empty buffer; `compress` is whether long strings are compressed.
    #[must_use]
    pub fn new(compress: bool) -> Self {
        Self::with(if compress { Compression::AtOnce } else { Compression::Never })
    }

    /// As [`Writer::new`], for one who has no time: long strings stay as they are until [`Writer::compress_into`].
    #[must_use]
    pub fn compressing_later(compress: bool) -> Self {
        Self::with(if compress { Compression::Later } else { Compression::Never })
    }

    fn with(compression: Compression) -> Self {
        Self { bytes: Vec::new(), compression, version: VERSION, compressor: None, long: Vec::new() }
    }

    /// What was written.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was written, taken out.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Forgets what was written, for the next portion.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.version = VERSION;
        self.long.clear();
    }

    /// The lowest version whose readers know every form that was written; [`VERSION`] or above it.
    #[must_use]
    pub fn version(&self) -> u16 {
        self.version
    }

    /// Appends some of what was written, beginning and ending between strings, to `out`, with its long strings compressed.
    pub fn compress_into(&self, range: Range<usize>, out: &mut Writer) {
        out.version = out.version.max(self.version);
        let first = self.long.partition_point(|long| long.start < range.start);
        let mut done = range.start;
        for long in self.long[first..].iter().take_while(|long| long.start < range.end) {
            out.raw(&self.bytes[done..long.start]);
            out.string(&self.bytes[long.text..long.end]);
            done = long.end;
        }
        out.raw(&self.bytes[done..range.end]);
    }

    /// The checksum of what was written.
    pub(super) fn checksum(&self) -> u64 {
        Crc64::of(&self.bytes)
    }
}

/// Pieces.
impl Writer {
    /// One byte, such as an opcode.
    pub fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Bytes as they are, without their length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A type byte.
    pub fn type_byte(&mut self, form: Type) {
        self.version = self.version.max(form.version());
        self.byte(form.byte());
    }

    /// A length, or any number of 64 bits.
    pub fn length(&mut self, length: u64) {
        match length {
            0..=0x3F => self.byte(length as u8),
            0x40..=0x3FFF => self.raw(&[LENGTH_14 | (length >> 8) as u8, length as u8]),
            0x4000..=0xFFFF_FFFF => {
                self.byte(LENGTH_32);
                self.raw(&(length as u32).to_be_bytes());
            }
            _ => {
                self.byte(LENGTH_64);
                self.raw(&length.to_be_bytes());
            }
        }
    }

    /// How many items follow.
    pub fn count(&mut self, count: usize) {
        self.length(count as u64);
    }

    /// A string, in the shortest way.
    pub fn string(&mut self, text: &[u8]) {
        if text.len() <= INTEGER_MAX
            && let Some(number) = parse_i64(text)
            && self.integer(number)
        {
            return;
        }
        let long = text.len() > COMPRESSED_MIN;
        if long && self.compression == Compression::AtOnce && self.compressed(text) {
            return;
        }
        let start = self.bytes.len();
        self.count(text.len());
        let behind_length = self.bytes.len();
        self.raw(text);
        if long && self.compression == Compression::Later {
            self.long.push(Long { start, text: behind_length, end: self.bytes.len() });
        }
    }

    /// An element of a collection, as a string.
    pub fn element(&mut self, element: Element<'_>) {
        match element {
            Element::Int(number) if self.integer(number) => {}
            element => self.string(element.text(&mut TextBuffer::new())),
        }
    }

    /// A string that is the text of a number, if it fits 32 bits. Returns whether it does.
    fn integer(&mut self, number: i64) -> bool {
        if let Ok(number) = i8::try_from(number) {
            self.byte(INT_8);
            self.raw(&number.to_le_bytes());
        } else if let Ok(number) = i16::try_from(number) {
            self.byte(INT_16);
            self.raw(&number.to_le_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.byte(INT_32);
            self.raw(&number.to_le_bytes());
        } else {
            return false;
        }
        true
    }

    /// A string, compressed, if that is worth it. Returns whether it is.
    fn compressed(&mut self, text: &[u8]) -> bool {
        let mut kept = self.compressor.take().unwrap_or_else(|| Box::new((Compressor::new(), Vec::new())));
        let (compressor, compressed) = &mut *kept;
        // The lengths come before the bytes whose number they tell.
        compressed.clear();
        let worth = compressor.compress(text, text.len() - SAVING_MIN, compressed);
        if worth {
            self.byte(COMPRESSED);
            self.count(compressed.len());
            self.count(text.len());
            self.raw(compressed);
        }
        if compressed.capacity() <= KEPT_MAX {
            self.compressor = Some(kept);
        }
        worth
    }

    /// A number of 64 bits, IEEE 754.
    pub fn double(&mut self, number: f64) {
        self.raw(&number.to_le_bytes());
    }

    /// A point in time, in milliseconds since 1970; or any signed number of 64 bits.
    pub fn millis(&mut self, millis: i64) {
        self.raw(&millis.to_le_bytes());
    }
}

/// Fields of a value of type [`Type::Module2`]: each begins with a tag that says what it is, so that a server that does not
/// have the type can pass over it.
impl Writer {
    /// A signed integer.
    pub fn signed_field(&mut self, number: i64) {
        self.length(tag::SIGNED);
        // As the bits are: a negative number has all 64.
        self.length(number as u64);
    }

    /// An unsigned integer.
    pub fn unsigned_field(&mut self, number: u64) {
        self.length(tag::UNSIGNED);
        self.length(number);
    }

    /// A number of 32 bits, IEEE 754.
    pub fn float_field(&mut self, number: f32) {
        self.length(tag::FLOAT);
        self.raw(&number.to_le_bytes());
    }

    /// A number of 64 bits, IEEE 754.
    pub fn double_field(&mut self, number: f64) {
        self.length(tag::DOUBLE);
        self.double(number);
    }

    /// A string.
    pub fn string_field(&mut self, text: &[u8]) {
        self.length(tag::STRING);
        self.string(text);
    }

    /// The end of the fields.
    pub fn end_of_fields(&mut self) {
        self.length(tag::END);
    }
}

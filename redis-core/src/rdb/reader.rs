//! `Reader`: the pieces of which everything is made, taken from the front of some bytes; `writer.rs` shows them.
//!
//! Nothing is allocated for what is not there: a string is compared with what is left before it is copied, and a count of
//! items with what so many items take at least.

use std::borrow::Cow;

use super::Error;
use super::lzf::decompress;
use super::writer::{COMPRESSED, INT_8, INT_16, INT_32, LENGTH_32, LENGTH_64, tag};
use crate::num::parse_f64;
use crate::value::listpack::TextBuffer;

/// Reads from borrowed bytes.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

/// What stands where a string's length may stand.
enum Length {
    Plain(u64),
    /// The mark of an encoding.
    Mark(u8),
}

/// One field of a value of type [`Type::Module2`](super::Type::Module2).
#[derive(Clone, Debug, PartialEq)]
pub enum Field<'a> {
    /// A signed integer.
    Signed(i64),
    /// An unsigned integer.
    Unsigned(u64),
    /// A number of 32 bits.
    Float(f32),
    /// A number of 64 bits.
    Double(f64),
    /// A string.
    String(Cow<'a, [u8]>),
}

/// Pieces.
impl<'a> Reader<'a> {
    /// At the beginning of these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// So many bytes as they are.
    ///
    /// # Errors
    /// [`Error::Truncated`], as for everything that is read.
    pub fn raw(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`Error::Truncated`]
    pub fn byte(&mut self) -> Result<u8, Error> {
        self.array().map(|[byte]| byte)
    }

    fn length_or_mark(&mut self) -> Result<Length, Error> {
        let first = self.byte()?;
        Ok(Length::Plain(match first {
            0x00..=0x3F => u64::from(first),
            0x40..=0x7F => u64::from(first & 0x3F) << 8 | u64::from(self.byte()?),
            LENGTH_32 => u64::from(u32::from_be_bytes(self.array()?)),
            LENGTH_64 => u64::from_be_bytes(self.array()?),
            INT_8..=COMPRESSED => return Ok(Length::Mark(first)),
            _ => return Err(Error::Malformed("no length begins with this byte")),
        }))
    }

    /// A length, or any number of 64 bits.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is none.
    pub fn length(&mut self) -> Result<u64, Error> {
        match self.length_or_mark()? {
            Length::Plain(length) => Ok(length),
            Length::Mark(_) => Err(Error::Malformed("the mark of a string where a length should be")),
        }
    }

    /// How many items follow, each of at least `item` bytes.
    ///
    /// # Errors
    /// [`Error::Truncated`] if so many items cannot follow.
    pub fn count(&mut self, item: usize) -> Result<usize, Error> {
        let count = self.length()?;
        usize::try_from(count).ok().filter(|count| *count <= self.rest.len() / item).ok_or(Error::Truncated)
    }

    /// A string: as it stands there, or decoded.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is none.
    pub fn string(&mut self) -> Result<Cow<'a, [u8]>, Error> {
        let number = match self.length_or_mark()? {
            Length::Plain(len) => {
                let len = usize::try_from(len).map_err(|_| Error::Truncated)?;
                return self.raw(len).map(Cow::Borrowed);
            }
            Length::Mark(INT_8) => i64::from(i8::from_le_bytes(self.array()?)),
            Length::Mark(INT_16) => i64::from(i16::from_le_bytes(self.array()?)),
            Length::Mark(INT_32) => i64::from(i32::from_le_bytes(self.array()?)),
            Length::Mark(_) => return self.compressed().map(Cow::Owned),
        };
        Ok(Cow::Owned(TextBuffer::new().format(number).as_bytes().to_vec()))
    }

    fn compressed(&mut self) -> Result<Vec<u8>, Error> {
        let size = self.length()?;
        let len = self.length()?;
        let compressed = self.raw(usize::try_from(size).map_err(|_| Error::Truncated)?)?;
        let len = usize::try_from(len).ok();
        len.and_then(|len| decompress(compressed, len)).ok_or(Error::Malformed("a string does not decompress"))
    }

    /// A number of 64 bits, IEEE 754.
    ///
    /// # Errors
    /// [`Error::Truncated`]
    pub fn double(&mut self) -> Result<f64, Error> {
        self.array().map(f64::from_le_bytes)
    }

    /// A number of 64 bits as versions before 8 write it: one byte for how long the text is, and the text; or a byte for what
    /// has no digits.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is none.
    pub fn text_double(&mut self) -> Result<f64, Error> {
        match self.byte()? {
            253 => Ok(f64::NAN),
            254 => Ok(f64::INFINITY),
            255 => Ok(f64::NEG_INFINITY),
            len => parse_f64(self.raw(len.into())?).ok_or(Error::Malformed("a score is no number")),
        }
    }

    /// A point in time, in milliseconds since 1970; or any signed number of 64 bits.
    ///
    /// # Errors
    /// [`Error::Truncated`]
    pub fn millis(&mut self) -> Result<i64, Error> {
        self.array().map(i64::from_le_bytes)
    }
}

/// Fields of a value of type [`Type::Module2`](super::Type::Module2).
impl<'a> Reader<'a> {
    /// The next field; `None` at the end of the fields.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is none.
    pub fn field(&mut self) -> Result<Option<Field<'a>>, Error> {
        Ok(Some(match self.length()? {
            tag::END => return Ok(None),
            tag::SIGNED => Field::Signed(self.length()? as i64),
            tag::UNSIGNED => Field::Unsigned(self.length()?),
            tag::FLOAT => Field::Float(self.array().map(f32::from_le_bytes)?),
            tag::DOUBLE => Field::Double(self.double()?),
            tag::STRING => Field::String(self.string()?),
            _ => return Err(Error::Malformed("no field has this tag")),
        }))
    }

    fn expected<T>(&mut self, pick: impl FnOnce(Field<'a>) -> Option<T>) -> Result<T, Error> {
        self.field()?.and_then(pick).ok_or(Error::Malformed("a field of another type"))
    }

    /// A field that must be a signed integer.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is something else.
    pub fn signed_field(&mut self) -> Result<i64, Error> {
        self.expected(|field| match field {
            Field::Signed(number) => Some(number),
            _ => None,
        })
    }

    /// A field that must be an unsigned integer.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is something else.
    pub fn unsigned_field(&mut self) -> Result<u64, Error> {
        self.expected(|field| match field {
            Field::Unsigned(number) => Some(number),
            _ => None,
        })
    }

    /// A field that must be a number of 32 bits.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is something else.
    pub fn float_field(&mut self) -> Result<f32, Error> {
        self.expected(|field| match field {
            Field::Float(number) => Some(number),
            _ => None,
        })
    }

    /// A field that must be a number of 64 bits.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is something else.
    pub fn double_field(&mut self) -> Result<f64, Error> {
        self.expected(|field| match field {
            Field::Double(number) => Some(number),
            _ => None,
        })
    }

    /// A field that must be a string.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is something else.
    pub fn string_field(&mut self) -> Result<Cow<'a, [u8]>, Error> {
        self.expected(|field| match field {
            Field::String(text) => Some(text),
            _ => None,
        })
    }

    /// The end of the fields, which must come here.
    ///
    /// # Errors
    /// [`Error::Malformed`] if another field does.
    pub fn end_of_fields(&mut self) -> Result<(), Error> {
        match self.field()? {
            None => Ok(()),
            Some(_) => Err(Error::Malformed("a field too many")),
        }
    }

    /// Passes over all fields that are left, and over their end.
    ///
    /// # Errors
    /// [`Error::Malformed`] if something is no field.
    pub fn skip_fields(&mut self) -> Result<(), Error> {
        while self.field()?.is_some() {}
        Ok(())
    }
}

//! One entry of a listpack: how an element is told from its first byte, and how it is written.
//!
//! ```text
//! 0xxxxxxx                      integer 0..=127
//! 10xxxxxx  bytes               string of up to 63 bytes
//! 110xxxxx  1 byte              integer of 13 bits, two's complement, high bits first
//! 1110xxxx  1 byte   bytes      string of up to 4095 bytes, length high bits first
//! 11110000  4 bytes  bytes      string, length little-endian
//! 11110001  2 bytes             integer of 16 bits, little-endian; then 24 (F2), 32 (F3) and 64 (F4) bits
//! 11111111                      the end of the listpack
//! ```
//!
//! The length of all that follows the entry, in groups of seven bits, high group first, every byte but the first with its
//! high bit set. It is read from its end, which is how a listpack is walked backwards.

use std::fmt;

use crate::num::parse_i64;

/// The byte after the last entry.
pub(super) const END: u8 = 0xFF;

const STR_6: u8 = 0x80;
const INT_13: u8 = 0xC0;
const STR_12: u8 = 0xE0;
const STR_32: u8 = 0xF0;
const INT_16: u8 = 0xF1;
const INT_24: u8 = 0xF2;
const INT_32: u8 = 0xF3;
const INT_64: u8 = 0xF4;

/// One element of a collection, as it is stored: the compact encodings keep a number as a number.
///
/// A number stands for its decimal text, so equality is that of the texts: `Int(12)` equals `Bytes(b"12")`.
#[derive(Clone, Copy)]
pub enum Element<'a> {
    /// A number, for the text that prints it.
    Int(i64),
    /// Any other text.
    Bytes(&'a [u8]),
}

/// Where an element that is a number is written to be read as text.
pub type TextBuffer = itoa::Buffer;

impl<'a> Element<'a> {
    /// The element of a text: a number if the text is exactly how that number prints.
    pub fn from_text(text: &'a [u8]) -> Self {
        match parse_i64(text) {
            Some(number) => Self::Int(number),
            None => Self::Bytes(text),
        }
    }

    /// The element's text; a number is printed into `buffer`.
    pub fn text<'b>(&self, buffer: &'b mut TextBuffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match *self {
            Self::Int(number) => buffer.format(number).as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// The element's text, in a vector of its own.
    pub fn to_vec(&self) -> Vec<u8> {
        self.text(&mut TextBuffer::new()).to_vec()
    }

    /// The number that the element's text is, if it is one.
    pub fn to_i64(&self) -> Option<i64> {
        match *self {
            Self::Int(number) => Some(number),
            Self::Bytes(bytes) => parse_i64(bytes),
        }
    }

    /// How long the text is.
    pub fn text_len(&self) -> usize {
        match *self {
            Self::Int(number) => decimal_len(number),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// Whether the text is `text`.
    pub fn eq_text(&self, text: &[u8]) -> bool {
        match *self {
            Self::Int(number) => parse_i64(text) == Some(number),
            Self::Bytes(bytes) => bytes == text,
        }
    }
}

/// A text to be looked for among elements, parsed once.
#[derive(Clone, Copy)]
pub struct Needle<'a> {
    text: &'a [u8],
    number: Option<i64>,
}

impl<'a> Needle<'a> {
    /// The needle of a text.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, number: parse_i64(text) }
    }

    /// Whether the element's text is the needle's.
    #[inline]
    pub fn is(&self, element: Element<'_>) -> bool {
        match element {
            // Texts that belong together mostly begin alike, and the last byte tells them apart without a call.
            Element::Bytes(bytes) => bytes.last() == self.text.last() && bytes == self.text,
            Element::Int(number) => self.number == Some(number),
        }
    }
}

/// How many bytes a number's decimal text has.
pub(in crate::value) fn decimal_len(number: i64) -> usize {
    let digits = number.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
    digits + usize::from(number < 0)
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Int(number), Self::Bytes(text)) | (Self::Bytes(text), Self::Int(number)) => {
                parse_i64(text) == Some(number)
            }
        }
    }
}

impl Eq for Element<'_> {}

impl PartialEq<[u8]> for Element<'_> {
    fn eq(&self, text: &[u8]) -> bool {
        self.eq_text(text)
    }
}

impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::Bytes(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
        }
    }
}

impl<'a> From<&'a [u8]> for Element<'a> {
    fn from(text: &'a [u8]) -> Self {
        Self::from_text(text)
    }
}

impl<'a> From<&'a Vec<u8>> for Element<'a> {
    fn from(text: &'a Vec<u8>) -> Self {
        Self::from_text(text)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Element<'a> {
    fn from(text: &'a [u8; N]) -> Self {
        Self::from_text(text)
    }
}

impl From<i64> for Element<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

/// An element's entry, measured before it is written.
pub(super) struct Encoded<'a> {
    element: Element<'a>,
    /// Of the head and the payload.
    body: usize,
    /// Of the whole entry.
    pub(super) size: usize,
}

impl<'a> Encoded<'a> {
    pub(super) fn new(element: Element<'a>) -> Self {
        let body = match element {
            Element::Int(0..=127) => 1,
            Element::Int(-4096..=4095) => 2,
            Element::Int(-0x8000..=0x7FFF) => 3,
            Element::Int(-0x80_0000..=0x7F_FFFF) => 4,
            Element::Int(-0x8000_0000..=0x7FFF_FFFF) => 5,
            Element::Int(_) => 9,
            Element::Bytes(bytes) => match bytes.len() {
                len @ 0..=63 => 1 + len,
                len @ 64..=4095 => 2 + len,
                len => 5 + len,
            },
        };
        Self { element, body, size: body + back_length_size(body) }
    }

    /// Writes the entry over `out`, which is exactly `size` long.
    pub(super) fn write(&self, out: &mut [u8]) {
        match self.element {
            Element::Int(number) => write_int(number, self.body, out),
            Element::Bytes(bytes) => {
                let (head, payload) = out[..self.body].split_at_mut(self.body - bytes.len());
                let len = bytes.len() as u32;
                match head {
                    [first] => *first = STR_6 | len as u8,
                    [first, second] => (*first, *second) = (STR_12 | (len >> 8) as u8, len as u8),
                    head => {
                        head[0] = STR_32;
                        head[1..].copy_from_slice(&len.to_le_bytes());
                    }
                }
                payload.copy_from_slice(bytes);
            }
        }
        write_back_length(self.body, &mut out[self.body..]);
    }
}

fn write_int(number: i64, body: usize, out: &mut [u8]) {
    let bytes = number.to_le_bytes();
    match body {
        1 => out[0] = bytes[0],
        2 => (out[0], out[1]) = (INT_13 | bytes[1] & 0x1F, bytes[0]),
        _ => {
            out[0] = match body {
                3 => INT_16,
                4 => INT_24,
                5 => INT_32,
                _ => INT_64,
            };
            out[1..body].copy_from_slice(&bytes[..body - 1]);
        }
    }
}

/// How many bytes the length of a body takes. The bounds are Redis's: one less than what the bits could hold.
pub(super) fn back_length_size(body: usize) -> usize {
    match body {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

fn write_back_length(body: usize, out: &mut [u8]) {
    let mut rest = body;
    for (index, byte) in out.iter_mut().enumerate().rev() {
        let more = if index == 0 { 0 } else { 0x80 };
        *byte = (rest & 0x7F) as u8 | more;
        rest >>= 7;
    }
}

/// The length of the body whose entry ends where `bytes` ends. `None` if it has more than the five bytes allowed.
pub(super) fn read_back_length(bytes: &[u8]) -> Option<usize> {
    let mut length = 0;
    for (group, &byte) in bytes.iter().rev().take(5).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * group);
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

/// The length of the body that begins where `bytes` begins. `None` for what is no entry, or for a head cut off.
#[inline]
pub(super) fn body_size(bytes: &[u8]) -> Option<usize> {
    Some(match *bytes.first()? {
        0x00..=0x7F => 1,
        first @ STR_6..=0xBF => 1 + usize::from(first & 0x3F),
        INT_13..=0xDF => 2,
        first @ STR_12..=0xEF => 2 + (usize::from(first & 0x0F) << 8 | usize::from(*bytes.get(1)?)),
        STR_32 => {
            let len = u32::from_le_bytes(bytes.get(1..5)?.try_into().ok()?);
            5 + len as usize
        }
        INT_16 => 3,
        INT_24 => 4,
        INT_32 => 5,
        INT_64 => 9,
        _ => return None,
    })
}

/// The element whose body is exactly `body`.
#[inline]
pub(super) fn decode(body: &[u8]) -> Element<'_> {
    match body[0] {
        first @ 0x00..=0x7F => Element::Int(i64::from(first)),
        STR_6..=0xBF => Element::Bytes(&body[1..]),
        first @ INT_13..=0xDF => {
            let bits = u16::from(first & 0x1F) << 8 | u16::from(body[1]);
            // Thirteen bits, their sign brought to where sixteen bits have it and back.
            Element::Int(i64::from((bits << 3) as i16 >> 3))
        }
        STR_12..=0xEF => Element::Bytes(&body[2..]),
        STR_32 => Element::Bytes(&body[5..]),
        _ => {
            let payload = &body[1..];
            let mut bytes = [0; 8];
            bytes[8 - payload.len()..].copy_from_slice(payload);
            Element::Int(i64::from_le_bytes(bytes) >> (64 - 8 * payload.len()))
        }
    }
}

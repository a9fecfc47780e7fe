//! Ziplists: what listpacks have replaced, read only.
//!
//! ```text
//! 4 bytes   length of all
//! 4 bytes   offset of the last entry
//! 2 bytes   number of entries; 65535 says "count them"
//! entries
//! FF
//! ```
//!
//! All numbers are little-endian but for the lengths of 14 and 32 bits. An entry begins with the size of the entry before
//! it: one byte, or FE and four bytes. Then, by its first byte:
//!
//! ```text
//! 00nnnnnn  bytes               string of up to 63 bytes
//! 01nnnnnn  1 byte   bytes      string of up to 16383 bytes
//! 10......  4 bytes  bytes      string
//! C0 2 bytes, D0 4, E0 8, F0 3, FE 1    integer of so many bytes
//! F1 to FD                      integer 0 to 12
//! ```

use super::Error;
use crate::value::listpack::{Element, Listpack};

const HEADER: usize = 10;
const END: u8 = 0xFF;
/// The size of the entry before is in the next four bytes.
const FOUR_BYTES: u8 = 0xFE;
const UNCOUNTED: u16 = u16::MAX;

const NO_ZIPLIST: Error = Error::Malformed("a ziplist breaks its rules");

/// The listpack with the elements of a ziplist, which must be one in every detail.
pub(super) fn to_listpack(bytes: &[u8]) -> Result<Listpack, Error> {
    convert(bytes).ok_or(NO_ZIPLIST)
}

fn convert(bytes: &[u8]) -> Option<Listpack> {
    let (&[a, b, c, d, e, f, g, h, i, j], rest) = bytes.split_first_chunk::<HEADER>()?;
    let (&END, mut entries) = rest.split_last()? else {
        return None;
    };
    if u32::from_le_bytes([a, b, c, d]) as usize != bytes.len() {
        return None;
    }
    let mut listpack = Listpack::new();
    let (mut count, mut last, mut before) = (0usize, HEADER, 0);
    while !entries.is_empty() {
        let (size, element) = entry(entries, before)?;
        last = bytes.len() - 1 - entries.len();
        // A text that has become a number is one in a listpack.
        match element {
            Element::Bytes(text) => listpack.push_back(text),
            number => listpack.push_back(number),
        }
        entries = &entries[size..];
        before = size;
        count += 1;
    }
    let counted = u16::from_le_bytes([i, j]);
    let right =
        u32::from_le_bytes([e, f, g, h]) as usize == last && (counted == UNCOUNTED || usize::from(counted) == count);
    right.then_some(listpack)
}

/// The size and the element of the entry that `bytes` begins with, the one before being of `before` bytes.
fn entry(bytes: &[u8], before: usize) -> Option<(usize, Element<'_>)> {
    let (told, rest) = match bytes {
        [FOUR_BYTES, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
        [told, rest @ ..] if *told < FOUR_BYTES => (usize::from(*told), rest),
        _ => return None,
    };
    if told != before {
        return None;
    }
    let (element, behind) = element(rest)?;
    Some((bytes.len() - behind.len(), element))
}

/// The element that `bytes` begins with, and what is behind it.
fn element(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let string = |rest, len| {
        let (text, rest) = <[u8]>::split_at_checked(rest, len)?;
        Some((Element::Bytes(text), rest))
    };
    let integer = |size: usize| {
        let (payload, rest) = rest.split_at_checked(size)?;
        let mut number = [0; 8];
        number[8 - size..].copy_from_slice(payload);
        Some((Element::Int(i64::from_le_bytes(number) >> (64 - 8 * size)), rest))
    };
    match first {
        0x00..=0x3F => string(rest, first.into()),
        0x40..=0x7F => {
            let (&low, rest) = rest.split_first()?;
            string(rest, usize::from(first & 0x3F) << 8 | usize::from(low))
        }
        0x80..=0xBF => {
            let (len, rest) = rest.split_first_chunk()?;
            string(rest, u32::from_be_bytes(*len) as usize)
        }
        0xC0 => integer(2),
        0xD0 => integer(4),
        0xE0 => integer(8),
        0xF0 => integer(3),
        0xFE => integer(1),
        0xF1..=0xFD => Some((Element::Int(i64::from(first & 0x0F) - 1), rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::below;

    /// "a", 12, -1, 300, a text of 100 bytes, 1000000, 10^12.
    fn example() -> Vec<u8> {
        let mut entries = b"\x00\x01a\x03\xfd\x02\xfe\xff\x03\xc0\x2c\x01\x04\x40\x64".to_vec();
        entries.extend([b'x'; 100]);
        entries.extend(b"\x67\xf0\x40\x42\x0f\x05\xe0\x00\x10\xa5\xd4\xe8\x00\x00\x00");
        let len = HEADER + entries.len() + 1;
        let mut bytes = (len as u32).to_le_bytes().to_vec();
        bytes.extend((len as u32 - 1 - 10).to_le_bytes());
        bytes.extend(7u16.to_le_bytes());
        bytes.extend(entries);
        bytes.push(END);
        bytes
    }

    #[test]
    fn elements_of_every_kind() {
        let listpack = to_listpack(&example()).unwrap();
        let long = [b'x'; 100];
        let expected: [&[u8]; 7] = [b"a", b"12", b"-1", b"300", &long, b"1000000", b"1000000000000"];
        assert!(listpack.iter().zip(expected).all(|(element, text)| element.eq_text(text)), "{listpack:?}");
        assert_eq!(listpack.len(), 7);
        assert!(to_listpack(b"\x0b\0\0\0\x0a\0\0\0\0\0\xff").unwrap().is_empty());
    }

    #[test]
    fn hostile_bytes_are_refused() {
        let good = example();
        for _ in 0..20_000 {
            let mut bytes = good.clone();
            for _ in 0..=below(3) {
                let at = below(bytes.len());
                bytes[at] = below(256) as u8;
            }
            bytes.truncate(bytes.len() - below(3));
            if let Ok(listpack) = to_listpack(&bytes) {
                assert!(Listpack::from_dump(&listpack.to_dump()).is_some());
            }
        }
        for end in 0..good.len() {
            assert!(to_listpack(&good[..end]).is_err());
        }
    }
}

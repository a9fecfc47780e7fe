//! Zipmaps: hashes of the oldest files, read only.
//!
//! ```text
//! 1 byte                        number of fields; 254 says "count them"
//! length field length gap value bytes of the gap     for each
//! FF
//! ```
//!
//! A length is one byte below 254, or FE and four bytes, low byte first. The gap is one byte: how much of the room behind
//! the value is not used.

use super::Error;

/// Fields and values.
type Pairs<'a> = Vec<(&'a [u8], &'a [u8])>;

const END: u8 = 0xFF;
const FOUR_BYTES: u8 = 0xFE;

/// What the zipmap holds, in the order in which it stands there. It must be one in every detail.
pub(super) fn pairs(bytes: &[u8]) -> Result<Pairs<'_>, Error> {
    read(bytes).ok_or(Error::Malformed("a zipmap breaks its rules"))
}

fn read(bytes: &[u8]) -> Option<Pairs<'_>> {
    let (&counted, mut rest) = bytes.split_first()?;
    let mut pairs = Vec::new();
    while rest != [END] {
        let field = text(&mut rest, false)?;
        let value = text(&mut rest, true)?;
        pairs.push((field, value));
    }
    (counted >= FOUR_BYTES || usize::from(counted) == pairs.len()).then_some(pairs)
}

fn text<'a>(rest: &mut &'a [u8], with_gap: bool) -> Option<&'a [u8]> {
    let (len, behind) = match *rest {
        [FOUR_BYTES, a, b, c, d, behind @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, behind),
        [len, behind @ ..] if *len < FOUR_BYTES => (usize::from(*len), behind),
        _ => return None,
    };
    let (gap, behind) = match behind {
        [gap, behind @ ..] if with_gap => (usize::from(*gap), behind),
        _ if with_gap => return None,
        _ => (0, behind),
    };
    let (text, behind) = behind.split_at_checked(len)?;
    *rest = behind.get(gap..)?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_what_is_none() {
        let good = b"\x02\x03foo\x03\x00bar\x05hello\xfe\x05\0\0\0\x02world..\xff";
        let expected: [(&[u8], &[u8]); 2] = [(b"foo", b"bar"), (b"hello", b"world")];
        assert_eq!(pairs(good), Ok(expected.to_vec()));
        for end in 0..good.len() {
            assert!(pairs(&good[..end]).is_err());
        }
        assert!(pairs(b"\x01\xff").is_err(), "there is none");
        assert_eq!(pairs(b"\x00\xff"), Ok(vec![]));
    }
}

//! Bitmap commands: strings as arrays of bits.
//!
//! Bit 0 is the most significant one of the first byte. Bits behind the end of a string are zeros; writing one of them
//! makes the string longer, and such a string is `raw` to OBJECT ENCODING, as is every one that was changed in place.
//!
//! | module | |
//! |---|---|
//! | `bits` | counting and finding bits in a range, for `range` |
//! | `range` | BITCOUNT, BITPOS: a part of one string |
//! | `combine` | BITOP: several strings into one |
//! | `field` | integers of any width inside a string, for `fields` |
//! | `fields` | BITFIELD, BITFIELD_RO |

mod bits;
mod combine;
mod field;
mod fields;
mod range;

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::num;
use redis_core::prelude::*;

family!("bitmap", acl = BITMAP);

const INVALID_OFFSET: Error = Error::new("ERR bit offset is not an integer or out of range");

/// A place in a string, counted in bits, as SETBIT and GETBIT take it.
#[derive(Clone, Copy, Debug)]
struct BitOffset(u64);

impl BitOffset {
    fn parse(raw: &[u8]) -> Result<Self> {
        let offset = num::parse_i64(raw).and_then(|offset| u64::try_from(offset).ok());
        offset.map(BitOffset).ok_or(INVALID_OFFSET)
    }

    /// The place, unless it lies where no string reaches: behind `max_bytes`, which is `proto-max-bulk-len`.
    fn within(self, max_bytes: u64) -> Result<BitPlace> {
        let (byte, mask) = (self.0 / 8, 0x80 >> (self.0 % 8));
        match usize::try_from(byte) {
            Ok(at) if byte < max_bytes => Ok(BitPlace { at, mask }),
            _ => Err(INVALID_OFFSET),
        }
    }
}

impl<'a> Argument<'a> for BitOffset {
    type Raw = &'a [u8];
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::Integer);

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        cursor.next()
    }

    fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
        BitOffset::parse(raw)
    }
}

/// A bit of a string: the byte it is in, and its value there.
#[derive(Clone, Copy, Debug)]
struct BitPlace {
    at: usize,
    mask: u8,
}

/// What a bit is to be.
#[derive(Clone, Copy, Debug)]
struct Bit(bool);

impl<'a> Argument<'a> for Bit {
    type Raw = &'a [u8];
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::Integer);

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        cursor.next()
    }

    fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
        match raw {
            b"0" => Ok(Bit(false)),
            b"1" => Ok(Bit(true)),
            _ => Err(Error::new("ERR bit is not an integer or out of range")),
        }
    }
}

/// Sets or clears the bit at an offset of the string value.
///
/// Answers what the bit was. The string is made, or made longer, so that it has such a bit.
#[command(since = "2.2.0", complexity = "O(1)", flags(DENYOOM))]
fn setbit(
    db: &mut Db,
    server: &Server,
    #[key(RW, ACCESS, UPDATE)] key: Key,
    offset: BitOffset,
    value: Lazy<Bit>,
) -> Result<bool> {
    // An offset that is too large is reported before a bit that is none.
    let place = offset.within(server.config.proto_max_bulk_len.get())?;
    let Bit(wanted) = value.get()?;
    let len = db.peek_as::<Str>(key)?.map_or(0, Str::len);
    let grows = place.at >= len;
    let byte = &mut db.resize_string(key, len.max(place.at + 1))?[place.at];
    let former = *byte & place.mask != 0;
    *byte = if wanted { *byte | place.mask } else { *byte & !place.mask };
    if grows || former != wanted {
        db.changed(key, "setbit");
    }
    Ok(former)
}

/// Returns the bit at an offset of the string value.
#[command(since = "2.2.0", complexity = "O(1)", flags(FAST))]
fn getbit(db: &Db, server: &Server, key: Key, offset: BitOffset) -> Result<bool> {
    let place = offset.within(server.config.proto_max_bulk_len.get())?;
    let byte = db.get::<Str>(key)?.and_then(|text| text.as_bytes().get(place.at));
    Ok(byte.is_some_and(|byte| byte & place.mask != 0))
}

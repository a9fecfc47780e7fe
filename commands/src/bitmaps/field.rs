//! Integers inside a string: a sign or none, 1 to 64 bits, at any bit.
//!
//! All arithmetic is done in 128 bits, where nothing that a client can ask for overflows; whether a result fits is then a
//! matter of comparing it with the limits of its type.

use redis_core::num;
use redis_core::prelude::*;

/// The type of an integer: `i5` has a sign and five bits, `u8` has no sign and eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FieldType {
    signed: bool,
    bits: u32,
}

/// What becomes of a result that does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Overflow {
    /// Only the bits that fit are kept.
    #[default]
    Wrap,
    /// It becomes the nearest number that fits.
    Sat,
    /// Nothing is written.
    Fail,
}

impl FieldType {
    /// Reads the name of a type. There is no `u64`, because a reply could not show all of its numbers.
    pub(super) fn parse(name: &[u8]) -> Result<Self> {
        const INVALID: Error = Error::new(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        );
        let (signed, bits) = match name {
            [b'i', bits @ ..] => (true, bits),
            [b'u', bits @ ..] => (false, bits),
            _ => return Err(INVALID),
        };
        let max = if signed { 64 } else { 63 };
        let bits = num::parse_i64(bits).filter(|bits| (1..=max).contains(bits)).ok_or(INVALID)?;
        Ok(FieldType { signed, bits: bits as u32 })
    }

    /// How many bits it has.
    pub(super) fn bits(self) -> u32 {
        self.bits
    }

    /// The number that a client means when it writes `value` into such a field: where there is no sign, a negative one
    /// stands for its 64 bits. As in Redis, one that is as good as the least of 64 bits is too large for fewer, and not too
    /// small: its distance to the largest that fits has more than 64 bits itself.
    pub(super) fn given(self, value: i64) -> i128 {
        let largest = self.mask() >> 1;
        match self.signed {
            true if self.bits < 64 && value.abs_diff(i64::MIN) <= largest => i128::from(value) + (1 << 64),
            true => i128::from(value),
            false => i128::from(value.cast_unsigned()),
        }
    }

    /// What is stored instead of `value`: itself if it fits, or as `overflow` has it; nothing if that is to fail.
    pub(super) fn fit(self, value: i128, overflow: Overflow) -> Option<i128> {
        let (min, max) = match self.signed {
            true => (-1_i128 << (self.bits - 1), (1_i128 << (self.bits - 1)) - 1),
            false => (0, (1_i128 << self.bits) - 1),
        };
        if (min..=max).contains(&value) {
            return Some(value);
        }
        match overflow {
            Overflow::Wrap => Some(self.meaning(value as u64 & self.mask())),
            Overflow::Sat => Some(value.clamp(min, max)),
            Overflow::Fail => None,
        }
    }

    /// Reads the field that begins at bit `offset`. What is not there are zeros.
    pub(super) fn read(self, bytes: &[u8], offset: u64) -> i128 {
        let window = Window::at(bytes, offset);
        self.meaning((window.bits >> window.shift(self)) as u64 & self.mask())
    }

    /// Writes the field that begins at bit `offset`. The string must be long enough, and the value one that fits.
    pub(super) fn write(self, bytes: &mut [u8], offset: u64, value: i128) {
        let mut window = Window::at(bytes, offset);
        let shift = window.shift(self);
        let field = u128::from(self.mask()) << shift;
        window.bits = window.bits & !field | (value as u128) << shift & field;
        window.put_back(bytes);
    }

    /// As many ones as the type has bits.
    fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }

    /// The number that these bits are; others must be zero.
    fn meaning(self, bits: u64) -> i128 {
        let unused = 64 - self.bits;
        if self.signed { i128::from((bits << unused).cast_signed() >> unused) } else { i128::from(bits) }
    }
}

/// The bytes around a field, as one number: at most nine are needed, for 64 bits that begin at the last bit of a byte.
struct Window {
    first: usize,
    /// How many bits of the first byte stand before the field.
    before: u32,
    bits: u128,
}

impl Window {
    const BYTES: usize = size_of::<u128>();

    fn at(bytes: &[u8], offset: u64) -> Self {
        let first = usize::try_from(offset / 8).unwrap_or(usize::MAX);
        let there = bytes.get(first..).unwrap_or_default();
        let mut copy = [0; Self::BYTES];
        let len = there.len().min(Self::BYTES);
        copy[..len].copy_from_slice(&there[..len]);
        Window { first, before: (offset % 8) as u32, bits: u128::from_be_bytes(copy) }
    }

    /// How far the field is from the low end.
    fn shift(&self, field: FieldType) -> u32 {
        u128::BITS - self.before - field.bits
    }

    fn put_back(&self, bytes: &mut [u8]) {
        let there = &mut bytes[self.first..];
        let len = there.len().min(Self::BYTES);
        there[..len].copy_from_slice(&self.bits.to_be_bytes()[..len]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str) -> FieldType {
        FieldType::parse(name.as_bytes()).unwrap()
    }

    #[test]
    fn names_of_types() {
        assert_eq!(field("i64"), FieldType { signed: true, bits: 64 });
        assert_eq!(field("u63"), FieldType { signed: false, bits: 63 });
        for wrong in ["u64", "i65", "i0", "u-1", "u08", "U8", "8", "i", "", "u 8", "i18446744073709551617"] {
            assert!(FieldType::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn fields_are_read_as_they_were_written() {
        for bits in 1..=64 {
            for signed in [false, true] {
                if !signed && bits == 64 {
                    continue;
                }
                let field = FieldType { signed, bits };
                for offset in 0..24 {
                    for value in [0, 1, -1, 0x5a5a_5a5a_5a5a_5a5a, i64::MIN, i64::MAX] {
                        for background in [0x00, 0xff] {
                            let mut bytes = [background; 12];
                            let value = field.fit(field.given(value), Overflow::Wrap).unwrap();
                            field.write(&mut bytes, offset, value);
                            assert_eq!(field.read(&bytes, offset), value, "{field:?} at {offset}");
                            // Nothing around it has changed.
                            let same = |at: u64| (bytes[at as usize / 8] ^ background) & (0x80 >> (at % 8)) == 0;
                            let end = offset + u64::from(bits);
                            assert!((0..96).filter(|at| !(offset..end).contains(at)).all(same));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_behind_the_end_is_zero() {
        assert_eq!(field("u16").read(b"\xff", 4), 0xf000);
        assert_eq!(field("i8").read(b"\xff", 0), -1);
        assert_eq!(field("i8").read(b"", u64::MAX), 0);
    }

    #[test]
    fn what_does_not_fit() {
        let cases = [
            ("u8", 256, 0, 255),
            ("u8", -1, 255, 0),
            ("i8", 128, -128, 127),
            ("i8", -129, 127, -128),
            ("i64", i128::from(i64::MAX) + 1, i128::from(i64::MIN), i128::from(i64::MAX)),
            ("i64", i128::from(i64::MIN) * 2, 0, i128::from(i64::MIN)),
            ("u63", 1 << 63, 0, (1 << 63) - 1),
            ("u1", 3, 1, 1),
        ];
        for (name, value, wrapped, nearest) in cases {
            let field = field(name);
            assert_eq!(field.fit(value, Overflow::Wrap), Some(wrapped), "{name} {value}");
            assert_eq!(field.fit(value, Overflow::Sat), Some(nearest), "{name} {value}");
            assert_eq!(field.fit(value, Overflow::Fail), None, "{name} {value}");
        }
        let set = |name: &str, value| field(name).fit(field(name).given(value), Overflow::Sat);
        assert_eq!(set("u8", -1), Some(255));
        assert_eq!((set("i8", i64::MIN + 127), set("i8", i64::MIN + 128)), (Some(127), Some(-128)));
        assert_eq!(set("i64", i64::MIN), Some(i64::MIN.into()));
    }
}

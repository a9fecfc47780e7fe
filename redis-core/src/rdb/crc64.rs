//! The checksum of RDB files and DUMP payloads.
//!
//! It is the CRC with polynomial 0xad93d23594c935a9, bits reflected, beginning with zero: CRC-64/REDIS in the catalogue of
//! checksums. It finds accidents; it is no protection from anybody who means harm.

use crc::{CRC_64_REDIS, Crc, Digest, Table};

/// Tables by which sixteen bytes are taken in one step.
static TABLES: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// A checksum of bytes that come in portions.
pub struct Crc64(Digest<'static, u64, Table<16>>);

impl Crc64 {
    /// The checksum of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(TABLES.digest())
    }

    /// Goes on with these bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all bytes so far.
    #[must_use]
    pub fn finish(self) -> u64 {
        self.0.finalize()
    }

    /// The checksum of two runs of bytes, one behind the other, of which only the checksums are at hand, and how long the
    /// second is.
    #[must_use]
    pub fn combine(first: u64, second: u64, second_len: u64) -> u64 {
        // The checksum is a remainder. As many zeros behind the first run multiply it by a power of x, and as the
        // checksum of nothing is zero, the second run is simply added.
        let (mut power, mut square, mut left) = (ONE, BYTE, second_len);
        while left > 0 {
            if left & 1 == 1 {
                power = multiply(power, square);
            }
            square = multiply(square, square);
            left >>= 1;
        }
        multiply(power, first) ^ second
    }

    /// The checksum of bytes that are all there.
    #[must_use]
    pub fn of(bytes: &[u8]) -> u64 {
        TABLES.checksum(bytes)
    }
}

/// The polynomial, the bits of which are reflected as those of everything here: the highest bit is the coefficient of 1.
const POLYNOMIAL: u64 = CRC_64_REDIS.poly.reverse_bits();

/// The polynomial 1.
const ONE: u64 = 1 << 63;

/// The polynomial by which one more byte multiplies: x to the eighth.
const BYTE: u64 = ONE >> 8;

/// The product of two remainders.
fn multiply(a: u64, mut b: u64) -> u64 {
    let mut product = 0;
    for place in (0..u64::BITS).rev() {
        if a >> place & 1 == 1 {
            product ^= b;
        }
        b = b >> 1 ^ if b & 1 == 1 { POLYNOMIAL } else { 0 };
    }
    product
}

impl Default for Crc64 {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_catalogue() {
        assert_eq!(Crc64::of(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        let mut portions = Crc64::new();
        portions.update(b"1234");
        portions.update(b"56789");
        assert_eq!(portions.finish(), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(Crc64::of(b""), 0);
    }

    #[test]
    fn checksums_of_parts_make_the_checksum_of_the_whole() {
        let bytes: Vec<u8> = (0..1000u32).map(|n| ((n * n) >> 3) as u8).collect();
        for cut in [0, 1, 9, 500, 999, 1000] {
            let (first, second) = bytes.split_at(cut);
            let combined = Crc64::combine(Crc64::of(first), Crc64::of(second), second.len() as u64);
            assert_eq!(combined, Crc64::of(&bytes), "{cut}");
        }
    }
}

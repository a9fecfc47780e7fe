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

    /// The checksum of bytes that are all there.
    #[must_use]
    pub fn of(bytes: &[u8]) -> u64 {
        TABLES.checksum(bytes)
    }
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
}

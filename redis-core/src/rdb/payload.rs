//! DUMP payloads: one value, carried from server to server.
//!
//! A payload is the type byte, the value, the version (two bytes) and the checksum of all that (eight bytes), both
//! low byte first.

use super::{Crc64, Error, Loaded, Loading, Reader, ValueRef, Writer, is_readable, load_object, save_object};
use crate::value::Limits;

const VERSION_SIZE: usize = 2;
const CHECKSUM_SIZE: usize = 8;

/// The payload of a value. `now` is as for [`save_object`], `compress` as for [`Writer::new`].
#[must_use]
pub fn dump_payload(value: &ValueRef<'_>, now: u64, compress: bool) -> Vec<u8> {
    let form = value.form();
    let mut writer = Writer::new(compress);
    writer.type_byte(form);
    save_object(&mut writer, value, now);
    writer.raw(&form.version().to_le_bytes());
    let checksum = writer.checksum();
    writer.raw(&checksum.to_le_bytes());
    writer.into_bytes()
}

/// The value in a payload. `checksum` is whether the checksum is compared.
///
/// # Errors
/// [`Error::Footer`] if it is no payload or none that this server knows; another one if its value is none.
pub fn restore_payload(payload: &[u8], limits: &Limits, now: u64, checksum: bool) -> Result<Loaded, Error> {
    let (summed, expected) = payload.split_last_chunk::<CHECKSUM_SIZE>().ok_or(Error::Footer)?;
    let (value, version) = summed.split_last_chunk::<VERSION_SIZE>().ok_or(Error::Footer)?;
    let version = u16::from_le_bytes(*version);
    if !is_readable(version) || checksum && Crc64::of(summed) != u64::from_le_bytes(*expected) {
        return Err(Error::Footer);
    }
    let mut reader = Reader::new(value);
    let type_byte = reader.byte()?;
    let loaded = load_object(&mut reader, type_byte, &Loading { version, limits: *limits, now })?;
    if reader.is_empty() { Ok(loaded) } else { Err(Error::Malformed("bytes behind the value")) }
}

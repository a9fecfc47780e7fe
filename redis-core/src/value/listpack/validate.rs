//! Whether foreign bytes are a listpack.
//!
//! RESTORE and RDB files bring bytes that anyone may have made. Everything the rest of the module takes for granted is
//! checked here, once: the header's total and count, that each entry lies within, that its length is repeated behind it
//! in the only form that is written, and that the end byte stands at the end and nowhere else.

use super::entry::{END, back_length_size, body_size, read_back_length};
use super::{HEADER, UNCOUNTED};
use crate::value::tight::LEN_MAX;

/// The entries that stand in `bytes`, and how many they are, if it is a listpack in every detail.
pub(super) fn entries_of(bytes: &[u8]) -> Option<(&[u8], u32)> {
    let (&[a, b, c, d, e, f], rest) = bytes.split_first_chunk::<HEADER>()?;
    let Some((&END, entries)) = rest.split_last() else {
        return None;
    };
    if u32::from_le_bytes([a, b, c, d]) as usize != bytes.len() || entries.len() > LEN_MAX {
        return None;
    }
    let mut count = 0;
    let mut unread = entries;
    while !unread.is_empty() {
        unread = &unread[entry_size(unread)?..];
        count += 1;
    }
    let counted = u16::from_le_bytes([e, f]);
    (counted == UNCOUNTED || u32::from(counted) == count).then_some((entries, count))
}

/// The size of the well-formed entry that `bytes` begins with.
fn entry_size(bytes: &[u8]) -> Option<usize> {
    let body = body_size(bytes)?;
    let size = body.checked_add(back_length_size(body))?;
    let back = bytes.get(body..size)?;
    // Read from the end, the length must use all of its bytes: a shorter reading would end at a byte without high bit.
    let shortest = back.iter().skip(1).all(|byte| byte & 0x80 != 0);
    (shortest && read_back_length(back)? == body).then_some(size)
}

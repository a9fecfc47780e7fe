//! Parts of strings: reading, overwriting and appending.

use redis_core::prelude::*;

use super::FAMILY;

/// Returns the length of a string value.
#[command(since = "2.2.0", complexity = "O(1)", flags(FAST))]
fn strlen(db: &Db, #[key(RO)] key: Key) -> Result<usize> {
    Ok(db.get::<Str>(key)?.map_or(0, Str::len))
}

/// Returns the part of a string value between two positions, both included.
///
/// Negative positions count from the end.
#[command(since = "2.4.0", complexity = "O(N) where N is the length of the returned string.")]
fn getrange(db: &Db, key: Key, start: i64, end: i64) -> Result<&[u8]> {
    let text = db.get::<Str>(key)?.map_or(&[][..], Str::as_bytes);
    Ok(part(text, start, end))
}

/// Returns the part of a string value between two positions: the old name of GETRANGE.
#[command(since = "1.0.0", complexity = "O(N) where N is the length of the returned string.")]
fn substr(db: &Db, key: Key, start: i64, end: i64) -> Result<&[u8]> {
    getrange(db, key, start, end)
}

/// Appends a string to the value of a key.
///
/// The key is created if it does not exist.
#[command(
    since = "2.0.0",
    complexity = "O(1) amortized, if the value is short or grows often by a little.",
    flags(DENYOOM, FAST)
)]
fn append(db: &mut Db, server: &Server, #[key(RW, INSERT)] key: Key, value: &[u8]) -> Result<usize> {
    let len = match db.peek_as::<Str>(key)?.map(Str::len) {
        None => {
            db.set(key, value, Ttl::Keep);
            value.len()
        }
        Some(len) => {
            let total = allowed_length(server, len, value.len())?;
            db.resize_string(key, total)?[len..].copy_from_slice(value);
            total
        }
    };
    db.changed(key, "append");
    Ok(len)
}

/// Overwrites a part of a string value, from an offset on, with another string.
///
/// A value that ends before the offset is filled up with zero bytes; the key is created if it does not exist.
#[command(
    since = "2.2.0",
    complexity = "O(1) if the string fits into the value, O(N) where N is the new length otherwise.",
    flags(DENYOOM)
)]
fn setrange(db: &mut Db, server: &Server, #[key(RW, UPDATE)] key: Key, offset: i64, value: &[u8]) -> Result<usize> {
    let offset = usize::try_from(offset).map_err(|_| Error::new("ERR offset is out of range"))?;
    let len = db.peek_as::<Str>(key)?.map_or(0, Str::len);
    if value.is_empty() {
        return Ok(len);
    }
    let end = allowed_length(server, offset, value.len())?;
    let total = len.max(end);
    db.resize_string(key, total)?[offset..end].copy_from_slice(value);
    db.changed(key, "setrange");
    Ok(total)
}

/// The length of a string of two parts, if it may be that long.
fn allowed_length(server: &Server, len: usize, more: usize) -> Result<usize> {
    let limit = server.config.proto_max_bulk_len.get();
    len.checked_add(more).filter(|total| *total as u64 <= limit).ok_or(Error::STRING_TOO_LONG)
}

/// The part between two positions that both may be negative and are both included.
///
/// A position before the beginning counts as the beginning, even for the end: `0 -100` is the first byte, as in Redis.
fn part(text: &[u8], start: i64, end: i64) -> &[u8] {
    if start < 0 && end < 0 && start > end {
        return &[];
    }
    let len = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let position = |at: i64| if at < 0 { at.saturating_add(len).max(0) } else { at };
    let (start, end) = (position(start), position(end).min(len - 1));
    if start > end { &[] } else { &text[start as usize..=end as usize] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_from_either_end_and_are_clamped() {
        let cases: [(i64, i64, &str); 12] = [
            (0, 4, "hello"),
            (1, 3, "ell"),
            (-3, -2, "ll"),
            (-100, 100, "hello"),
            (4, 100, "o"),
            (5, 100, ""),
            (3, 1, ""),
            (-1, -2, ""),
            (0, -100, "h"),
            (-100, -99, "h"),
            (i64::MIN, i64::MAX, "hello"),
            (i64::MAX, i64::MIN, ""),
        ];
        for (start, end, expected) in cases {
            assert_eq!(part(b"hello", start, end), expected.as_bytes(), "{start} {end}");
        }
        assert_eq!(part(b"", 0, -1), b"");
        assert_eq!(part(b"", 0, 0), b"");
    }
}

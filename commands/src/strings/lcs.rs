//! LCS: what two strings have in common.
//!
//! The textbook method: a table tells for every pair of prefixes how long their longest common subsequence is, and the
//! way back through it, from the ends of both strings, finds one. Where several are equally long, the way taken
//! decides which is answered, so it is the same as Redis's: a step back in the first string only if that is
//! strictly better.

use std::ops::Range;

use redis_core::prelude::*;

use super::FAMILY;

/// The options of LCS.
#[derive(Clone, Copy, Options)]
struct LcsOptions {
    len: bool,
    idx: bool,
    #[arg(name = "min-match-len", token = "MINMATCHLEN")]
    min_match_len: Option<Early<i64>>,
    withmatchlen: bool,
}

/// Finds the longest common subsequence of two strings.
///
/// Answers the subsequence, or its length, or where its pieces stand in both strings, the last piece first.
#[command(
    since = "7.0.0",
    complexity = "O(N*M) where N and M are the lengths of the strings.",
    reply = OneOf(&[Bulk, Integer, Map(&Bulk, &OneOf(&[Integer, Array(&Array(&Any))]))])
)]
fn lcs(db: &Db, server: &Server, keys: [Key; 2], options: Late<LcsOptions>, reply: &mut Reply) -> Result<()> {
    const NOT_STRINGS: Error = Error::new("ERR The specified keys must contain string values");
    let text = |key| db.get::<Str>(key).map(|text| text.map_or(&[][..], Str::as_bytes)).map_err(|_| NOT_STRINGS);
    let [first, second] = keys.map(text);
    let (first, second) = (first?, second?);
    let options = options.get()?;
    if options.idx && options.len {
        return Err(Error::new("ERR If you want both the length and indexes, please just use IDX."));
    }
    let table = Table::new(first, second, server.config.proto_max_bulk_len.get())?;
    if options.idx {
        let least = options.min_match_len.map_or(0, |Early(len)| usize::try_from(len).unwrap_or(0));
        reply_matches(&table, least, options.withmatchlen, reply);
    } else if options.len {
        reply.integer(i64::from(table.total()));
    } else {
        reply.bulk(&table.subsequence());
    }
    Ok(())
}

fn reply_matches(table: &Table<'_>, least: usize, with_len: bool, reply: &mut Reply) {
    reply.map(2);
    reply.bulk(b"matches");
    let (mark, mut count) = (reply.begin_array(), 0);
    table.matches(|Match { first, second }| {
        if first.len() < least {
            return;
        }
        count += 1;
        reply.array(if with_len { 3 } else { 2 });
        let len = first.len();
        for range in [first, second] {
            reply.array(2);
            range.start.write(reply);
            (range.end - 1).write(reply);
        }
        if with_len {
            len.write(reply);
        }
    });
    reply.finish_array(mark, count);
    reply.bulk(b"len");
    reply.integer(i64::from(table.total()));
}

/// A piece that both strings have: where it stands in each.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Match {
    first: Range<usize>,
    second: Range<usize>,
}

/// The lengths of the longest common subsequences of all prefixes.
struct Table<'a> {
    first: &'a [u8],
    second: &'a [u8],
    /// One row for each prefix of the first string, the empty one included.
    lengths: Vec<u32>,
}

impl<'a> Table<'a> {
    fn new(first: &'a [u8], second: &'a [u8], max_bytes: u64) -> Result<Self> {
        const TOO_LONG: Error = Error::new("ERR String too long for LCS");
        const TOO_LARGE: Error =
            Error::new("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
        let max_len = u32::MAX as usize - 1;
        if first.len() >= max_len || second.len() >= max_len {
            return Err(TOO_LONG);
        }
        let width = second.len() + 1;
        let cells = (first.len() + 1).checked_mul(width).filter(|cells| *cells as u64 <= max_bytes / 4);
        let mut lengths = vec![0_u32; cells.ok_or(TOO_LARGE)?];
        let mut rest = &mut lengths[..];
        for byte in first {
            let (above, below) = rest.split_at_mut(width);
            for (column, other) in second.iter().enumerate() {
                below[column + 1] =
                    if byte == other { above[column] + 1 } else { above[column + 1].max(below[column]) };
            }
            rest = below;
        }
        Ok(Table { first, second, lengths })
    }

    fn at(&self, row: usize, column: usize) -> u32 {
        self.lengths[row * (self.second.len() + 1) + column]
    }

    /// The length of the whole.
    fn total(&self) -> u32 {
        self.at(self.first.len(), self.second.len())
    }

    /// Visits the pieces, the last one first.
    fn matches(&self, mut visit: impl FnMut(Match)) {
        let (mut row, mut column) = (self.first.len(), self.second.len());
        let mut piece: Option<Match> = None;
        while row > 0 && column > 0 {
            if self.first[row - 1] == self.second[column - 1] {
                let piece = piece.get_or_insert(Match { first: row..row, second: column..column });
                (row, column) = (row - 1, column - 1);
                (piece.first.start, piece.second.start) = (row, column);
                continue;
            }
            piece.take().into_iter().for_each(&mut visit);
            if self.at(row - 1, column) > self.at(row, column - 1) {
                row -= 1;
            } else {
                column -= 1;
            }
        }
        piece.into_iter().for_each(visit);
    }

    /// The subsequence itself.
    fn subsequence(&self) -> Vec<u8> {
        let mut reversed = Vec::with_capacity(self.total() as usize);
        self.matches(|piece| reversed.extend(self.first[piece.first].iter().rev()));
        reversed.reverse();
        reversed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(first: &str, second: &str) -> (String, Vec<Match>) {
        let table = Table::new(first.as_bytes(), second.as_bytes(), 1 << 20).unwrap();
        let mut found = Vec::new();
        table.matches(|piece| found.push(piece));
        let text = String::from_utf8(table.subsequence()).unwrap();
        assert_eq!(text.len(), table.total() as usize);
        (text, found)
    }

    #[test]
    fn pieces_come_from_the_end() {
        let (text, found) = pieces("ohmytext", "mynewtext");
        assert_eq!(text, "mytext");
        assert_eq!(found, [Match { first: 4..8, second: 5..9 }, Match { first: 2..4, second: 0..2 }]);
    }

    #[test]
    fn nothing_in_common_is_nothing() {
        for (first, second) in [("", ""), ("abc", ""), ("", "abc"), ("abc", "xyz")] {
            assert_eq!(pieces(first, second), (String::new(), Vec::new()));
        }
        assert_eq!(pieces("same", "same").1, [Match { first: 0..4, second: 0..4 }]);
    }

    #[test]
    fn the_table_has_a_limit() {
        assert!(Table::new(&[b'a'; 15], &[b'b'; 15], 1024).is_ok());
        assert!(Table::new(&[b'a'; 15], &[b'b'; 16], 1024).is_err());
    }
}

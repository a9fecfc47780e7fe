//! Counting and finding bits in a range of a string.
//!
//! Both look at whole words. Counting takes all bytes that the range touches and subtracts what the first and the last
//! one have outside of it; finding skips runs of bytes in which there is nothing to find.

use std::ops::Range;

/// How many bits of the range are ones. The range lies within `bytes`; it is counted in bits.
pub(super) fn count(bytes: &[u8], range: Range<usize>) -> usize {
    if range.is_empty() {
        return 0;
    }
    let (first, last) = (range.start / 8, (range.end - 1) / 8);
    let before = bytes[first] & !from(range.start);
    let behind = bytes[last] & (from(range.end - 1) >> 1);
    let outside = before.count_ones() + behind.count_ones();
    count_all(&bytes[first..=last]) - outside as usize
}

/// The first bit of the range that is `wanted`. The range lies within `bytes`; it is counted in bits.
pub(super) fn find(bytes: &[u8], wanted: bool, range: Range<usize>) -> Option<usize> {
    if range.is_empty() {
        return None;
    }
    let (first, last) = (range.start / 8, (range.end - 1) / 8);
    let ones_where_wanted = |byte: u8| if wanted { byte } else { !byte };
    let position = |index: usize, ones: u8| Some(index * 8 + ones.leading_zeros() as usize);
    let beginning = ones_where_wanted(bytes[first]) & from(range.start);
    let found = if beginning != 0 {
        position(first, beginning)
    } else {
        let dull = if wanted { 0x00 } else { 0xff };
        let index = first + 1 + skip(&bytes[first + 1..=last], dull)?;
        position(index, ones_where_wanted(bytes[index]))
    };
    found.filter(|position| range.contains(position))
}

/// The bits of a byte from the one on that is at `position` in the string.
const fn from(position: usize) -> u8 {
    0xff >> (position % 8)
}

/// All ones. The addition that is not checked for overflow, which cannot happen, lets the compiler use vectors.
fn count_all(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let ones_of = |word: &[u8; 8]| u64::from_ne_bytes(*word).count_ones() as usize;
    let ones = words.iter().fold(0_usize, |ones, word| ones.wrapping_add(ones_of(word)));
    ones + rest.iter().map(|byte| byte.count_ones() as usize).sum::<usize>()
}

/// Where the first byte is that is not `dull`.
fn skip(bytes: &[u8], dull: u8) -> Option<usize> {
    const RUN: usize = 64;
    let (runs, _) = bytes.as_chunks::<RUN>();
    let skipped = runs.iter().take_while(|run| **run == [dull; RUN]).count() * RUN;
    let found = bytes[skipped..].iter().position(|byte| *byte != dull)?;
    Some(skipped + found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bit(bytes: &[u8], position: usize) -> bool {
        bytes[position / 8] & (0x80 >> (position % 8)) != 0
    }

    #[test]
    fn as_one_by_one() {
        let mut sparse = vec![0_u8; 200];
        (sparse[0], sparse[130], sparse[199]) = (0x01, 0x10, 0x80);
        let dense: Vec<u8> = sparse.iter().map(|byte| !byte).collect();
        let mixed: Vec<u8> = (0..200_u8).map(|i| i.wrapping_mul(167)).collect();
        for bytes in [&sparse, &dense, &mixed] {
            let ends = (0..=70).chain(1030..1060).chain(1580..=1600);
            for start in ends.clone() {
                for end in ends.clone() {
                    let ones = (start..end).filter(|position| bit(bytes, *position)).count();
                    assert_eq!(count(bytes, start..end), ones, "{start}..{end}");
                    for wanted in [false, true] {
                        let first = (start..end).find(|position| bit(bytes, *position) == wanted);
                        assert_eq!(find(bytes, wanted, start..end), first, "{wanted} in {start}..{end}");
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_is_in_nothing() {
        assert_eq!(count(b"", 0..0), 0);
        assert_eq!(find(b"", false, 0..0), None);
        assert_eq!(count(b"abc", 24..24), 0);
        assert_eq!(find(b"\xff", false, 0..8), None);
    }
}

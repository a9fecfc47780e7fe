//! BITOP: several strings, bit by bit, into one.
//!
//! The result is as long as the longest source; what a shorter one lacks are zeros. It is computed piece by piece, each
//! piece through all sources, so that it stays in the first cache however long the strings are, and each step is a plain
//! loop over two slices, of which the compiler makes vector instructions.

use redis_core::prelude::*;
use redis_core::value::StrEncoding;

use super::FAMILY;

/// What to do with the bits of the sources. `first` is the first source, `others` the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Options)]
enum Operation {
    /// In all.
    And,
    /// In any.
    Or,
    /// In an odd number.
    Xor,
    /// Not in the only one.
    Not,
    /// In the first, and in none of the others.
    Diff,
    /// In any of the others, and not in the first.
    Diff1,
    /// In the first, and in any of the others.
    AndOr,
    /// In exactly one.
    One,
}

impl Operation {
    /// Refuses a number of sources for which the operation has no meaning.
    fn check(self, sources: usize) -> Result<()> {
        const ONE_SOURCE: Error = Error::new("ERR BITOP NOT must be called with a single source key.");
        let name = match self {
            Operation::Not if sources > 1 => return Err(ONE_SOURCE),
            Operation::Diff => "DIFF",
            Operation::Diff1 => "DIFF1",
            Operation::AndOr => "ANDOR",
            _ => return Ok(()),
        };
        match sources {
            1 => Err(Error::from(format!("ERR BITOP {name} must be called with at least two source keys."))),
            _ => Ok(()),
        }
    }
}

/// Combines strings bit by bit and stores the result under a key.
///
/// Answers the length of the result. Where all sources are empty the key is deleted.
#[command(
    since = "2.6.0",
    complexity = "O(N) where N is the length of all sources.",
    flags(DENYOOM),
    history("8.2.0" = "Added the operations `DIFF`, `DIFF1`, `ANDOR` and `ONE`.")
)]
fn bitop(
    db: &mut Db,
    operation: Operation,
    #[key(OW, UPDATE)]
    #[arg(name = "destkey")]
    destination: Key,
    #[key(RO, ACCESS)]
    #[arg(name = "key")]
    sources: Keys,
) -> Result<usize> {
    operation.check(sources.len())?;
    let strings = sources.iter().map(|key| Ok(db.get::<Str>(key)?.map_or(&[][..], Str::as_bytes)));
    let result = combine(operation, &strings.collect::<Result<Vec<_>>>()?);
    if !result.is_empty() {
        db.set_encoded(destination, &result, StrEncoding::Raw, Ttl::Clear);
        db.changed(destination, "set");
    } else if db.remove(destination) {
        db.changed(destination, "del");
    }
    Ok(result.len())
}

/// The bits that the operation makes of those of the sources.
fn combine(operation: Operation, sources: &[&[u8]]) -> Vec<u8> {
    const PIECE: usize = 4096;
    let mut result = vec![0; sources.iter().map(|source| source.len()).max().unwrap_or(0)];
    let mut scratch = [0; PIECE];
    for (index, piece) in result.chunks_mut(PIECE).enumerate() {
        let (at, len) = (index * PIECE, piece.len());
        let mut parts = sources.iter().map(|source| {
            let rest = source.get(at..).unwrap_or_default();
            &rest[..rest.len().min(len)]
        });
        let Some(first) = parts.next() else { break };
        combine_piece(operation, first, parts, piece, &mut scratch);
    }
    result
}

/// Combines parts that begin at the same place; `piece` is zero before. `scratch` is as long as it, or longer.
fn combine_piece<'p>(
    operation: Operation,
    first: &[u8],
    others: impl Iterator<Item = &'p [u8]>,
    piece: &mut [u8],
    scratch: &mut [u8],
) {
    let scratch = &mut scratch[..piece.len()];
    match operation {
        Operation::And => {
            piece[..first.len()].copy_from_slice(first);
            for other in others {
                each(piece, other, |bits, other| bits & other);
                piece[other.len()..].fill(0);
            }
        }
        Operation::Or | Operation::Diff1 => {
            others.for_each(|other| each(piece, other, |bits, other| bits | other));
            match operation {
                Operation::Or => each(piece, first, |bits, first| bits | first),
                _ => each(piece, first, |bits, first| bits & !first),
            }
        }
        Operation::Xor => {
            piece[..first.len()].copy_from_slice(first);
            others.for_each(|other| each(piece, other, |bits, other| bits ^ other));
        }
        Operation::Not => each(piece, first, |_, first| !first),
        Operation::Diff => {
            piece[..first.len()].copy_from_slice(first);
            others.for_each(|other| each(piece, other, |bits, other| bits & !other));
        }
        Operation::AndOr => {
            others.for_each(|other| each(piece, other, |bits, other| bits | other));
            each(piece, first, |bits, first| bits & first);
            piece[first.len()..].fill(0);
        }
        Operation::One => {
            // `piece` has what occurred an odd number of times, `scratch` what occurred more than once.
            piece[..first.len()].copy_from_slice(first);
            scratch.fill(0);
            for other in others {
                for ((bits, more), other) in piece.iter_mut().zip(&mut *scratch).zip(other) {
                    *more |= *bits & other;
                    *bits ^= other;
                }
            }
            each(piece, scratch, |bits, more| bits & !more);
        }
    }
}

/// Changes the bytes that have a counterpart in `other`.
fn each(bytes: &mut [u8], other: &[u8], change: impl Fn(u8, u8) -> u8) {
    bytes.iter_mut().zip(other).for_each(|(byte, other)| *byte = change(*byte, *other));
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Operation; 8] = [
        Operation::And,
        Operation::Or,
        Operation::Xor,
        Operation::Not,
        Operation::Diff,
        Operation::Diff1,
        Operation::AndOr,
        Operation::One,
    ];

    /// The definition, for one bit: whether the first source has it, how many others do, and how many there are.
    fn has(operation: Operation, first: bool, others: usize, all: usize) -> bool {
        match operation {
            Operation::And => first && others == all,
            Operation::Or => first || others > 0,
            Operation::Xor => first ^ (others % 2 == 1),
            Operation::Not => !first,
            Operation::Diff => first && others == 0,
            Operation::Diff1 => !first && others > 0,
            Operation::AndOr => first && others > 0,
            Operation::One => usize::from(first) + others == 1,
        }
    }

    #[test]
    fn as_bit_by_bit() {
        let source = |len: usize, factor: usize| -> Vec<u8> { (0..len).map(|i| ((i * factor) >> 3) as u8).collect() };
        let sources = [source(9000, 37), source(4096, 101), source(0, 1), source(4097, 59), source(12345, 83)];
        let sources: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
        for operation in ALL {
            for (from, to) in [(0, 1), (0, 2), (1, 4), (2, 3), (2, 5), (0, 5)] {
                let sources = &sources[from..to];
                if operation.check(sources.len()).is_err() {
                    continue;
                }
                let result = combine(operation, sources);
                assert_eq!(result.len(), sources.iter().map(|source| source.len()).max().unwrap());
                for position in 0..result.len() * 8 {
                    let bit =
                        |bytes: &[u8]| bytes.get(position / 8).is_some_and(|byte| byte & (0x80 >> (position % 8)) != 0);
                    let others = sources[1..].iter().filter(|source| bit(source)).count();
                    let expected = has(operation, bit(sources[0]), others, sources.len() - 1);
                    assert_eq!(bit(&result), expected, "{operation:?} of {from}..{to} at {position}");
                }
            }
        }
    }
}

//! The sparse encoding: runs of registers with the same value, one after the other.
//!
//! ```text
//! 00llllll            1 to 64 registers that are zero
//! 01llllll llllllll   1 to 16384 registers that are zero
//! 1vvvvvll            1 to 4 registers with a value of 1 to 32
//! ```
//!
//! All numbers are stored less one. Together the runs must cover all registers exactly. When a register changes, its run
//! is split, and around the place runs that could be one are joined, but only there: what the bytes are depends on the
//! order of the changes. That order of steps is Redis's.

use smallvec::SmallVec;

use super::{HEADER, HllError, REGISTERS};

/// Registers with the same value, side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Their value.
    pub value: u8,
    /// How many they are.
    pub len: usize,
    /// How many bytes the run takes. Two for zeros that one byte could hold is allowed.
    pub width: usize,
}

/// The longest run of zeros that takes one byte.
const ZEROS_MAX: usize = 64;
/// The longest run of another value.
const VALUES_MAX: usize = 4;
/// The largest value that a run can have.
const VALUE_MAX: u8 = 32;

impl Run {
    /// The run at the beginning of `bytes`; none at their end, or if the run is cut off.
    fn decode(bytes: &[u8]) -> Option<Run> {
        match *bytes {
            [byte, ..] if byte & 0x80 != 0 => {
                Some(Run { value: (byte >> 2 & 0x1f) + 1, len: usize::from(byte & 3) + 1, width: 1 })
            }
            [byte, ..] if byte & 0x40 == 0 => Some(Run { value: 0, len: usize::from(byte) + 1, width: 1 }),
            [high, low, ..] => {
                let len = usize::from(high & 0x3f) << 8 | usize::from(low);
                Some(Run { value: 0, len: len + 1, width: 2 })
            }
            _ => None,
        }
    }
}

/// Bytes of runs: at most a long run of zeros, a value, and a long run of zeros again.
type Encoded = SmallVec<[u8; 8]>;

/// Writes a run; nothing if it has no length. `len` is at most [`VALUES_MAX`] if the value is not zero.
fn encode(value: u8, len: usize, into: &mut Encoded) {
    match (value, len) {
        (_, 0) => {}
        (0, 1..=ZEROS_MAX) => into.push(len as u8 - 1),
        (0, _) => into.extend_from_slice(&(0x4000 | (len as u16 - 1)).to_be_bytes()),
        _ => into.push(one_value(value, len)),
    }
}

fn one_value(value: u8, len: usize) -> u8 {
    0x80 | (value - 1) << 2 | (len as u8 - 1)
}

/// Appends the runs of registers that are all zero.
pub(super) fn push_empty(string: &mut Vec<u8>) {
    let mut zeros = Encoded::new();
    encode(0, REGISTERS, &mut zeros);
    string.extend_from_slice(&zeros);
}

/// The runs, up to the first byte that makes no sense.
pub(super) fn runs(bytes: &[u8]) -> impl Iterator<Item = Run> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let run = Run::decode(rest)?;
        rest = &rest[run.width..];
        Some(run)
    })
}

/// Visits all runs, each with the index of its first register.
///
/// An error if they do not cover all registers exactly; what was visited before is inside of them nevertheless.
pub(super) fn for_each(bytes: &[u8], mut visit: impl FnMut(usize, Run)) -> Result<(), HllError> {
    let (mut first, mut read) = (0, 0);
    for run in runs(bytes) {
        if first + run.len > REGISTERS {
            return Err(HllError::Corrupt);
        }
        visit(first, run);
        first += run.len;
        read += run.width;
    }
    if first == REGISTERS && read == bytes.len() { Ok(()) } else { Err(HllError::Corrupt) }
}

/// What became of a register that was to be raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raised {
    /// It has that value, or a larger one.
    No,
    /// It was raised, and the estimate is marked as out of date.
    Yes,
    /// Nothing was done, because the value or the string would be too large.
    TooLarge,
}

/// Makes a register at least `value`. `string` is a sparse HyperLogLog with its header.
pub(super) fn raise(string: &mut Vec<u8>, index: usize, value: u8, max_len: usize) -> Result<Raised, HllError> {
    if value > VALUE_MAX {
        return Ok(Raised::TooLarge);
    }
    let Place { previous, at, first, run } = find(string, index)?;
    if run.value >= value {
        return Ok(Raised::No);
    }
    let mut split = Encoded::new();
    encode(run.value, index - first, &mut split);
    encode(value, 1, &mut split);
    encode(run.value, first + run.len - index - 1, &mut split);
    let longer = split.len().saturating_sub(run.width);
    if longer > 0 && string.len() + longer > max_len {
        return Ok(Raised::TooLarge);
    }
    string.splice(at..at + run.width, split);
    join(string, previous);
    super::forget_count(string);
    Ok(Raised::Yes)
}

/// Where a register is.
struct Place {
    /// Where the run before its own begins; its own, if that is the first.
    previous: usize,
    /// Where its run begins.
    at: usize,
    /// The first register of the run.
    first: usize,
    run: Run,
}

fn find(string: &[u8], index: usize) -> Result<Place, HllError> {
    let (mut previous, mut at, mut first) = (HEADER, HEADER, 0);
    loop {
        let run = Run::decode(&string[at..]).ok_or(HllError::Corrupt)?;
        if index < first + run.len {
            return Ok(Place { previous, at, first, run });
        }
        (previous, at, first) = (at, at + run.width, first + run.len);
    }
}

/// Joins runs of the same value from `at` on, looking at a few only: more cannot be affected by one change.
fn join(string: &mut Vec<u8>, mut at: usize) {
    const STEPS: usize = 5;
    for _ in 0..STEPS {
        let Some(run) = Run::decode(&string[at..]) else { return };
        let next = Run::decode(&string[at + run.width..]);
        match next {
            Some(next) if run.value > 0 && run.value == next.value && run.len + next.len <= VALUES_MAX => {
                string[at + 1] = one_value(run.value, run.len + next.len);
                string.remove(at);
            }
            _ => at += run.width,
        }
    }
}

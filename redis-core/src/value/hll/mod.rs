//! HyperLogLog: how many different elements were seen, in at most 12 KiB whatever the number.
//!
//! Every element is hashed. Fourteen bits of the hash choose one of 16384 registers, and the register keeps the longest
//! run of zeros that the rest of the hash began with, plus one. Long runs are rare, so what the registers have seen tells
//! how many hashes there must have been, with a standard error of 0.81 % (`estimate`). The union of two HyperLogLogs is
//! the larger of each register.
//!
//! A HyperLogLog is no type of its own but a string, which clients may read, store elsewhere and write back. So its bytes
//! are part of the interface, and they are Redis's, bit for bit:
//!
//! ```text
//! +------+---+-----+----------+----------------------+
//! | HYLL | E | N/U | Cardin.  | registers ...        |
//! +------+---+-----+----------+----------------------+
//! 0      4   5     8          16
//! ```
//!
//! `E` is the encoding, 0 for dense (`dense`: six bits a register) and 1 for sparse (`sparse`: runs of equal registers,
//! for HyperLogLogs that have seen little). Three bytes are unused. Then comes the last estimate, little-endian, whose
//! highest bit says that it is out of date.
//!
//! A string that a client has written may be anything. Whatever is read here is checked, and [`HllError`] says what is
//! wrong.

mod dense;
mod estimate;
mod hash;
mod sparse;

#[cfg(test)]
mod tests;

use std::fmt;

use dense::DENSE_LEN;
use sparse::Raised;
pub use sparse::Run;

/// How many registers there are.
pub const REGISTERS: usize = 1 << REGISTER_BITS;
/// How many bits of a hash choose the register.
const REGISTER_BITS: u32 = 14;
/// How many bits of a hash are left for the run of zeros.
const RUN_BITS: u32 = 64 - REGISTER_BITS;
/// The header's length in bytes.
const HEADER: usize = 16;
const MAGIC: &[u8; 4] = b"HYLL";
/// Where the encoding stands.
const ENCODING: usize = 4;
/// Where the estimate stands.
const ESTIMATE: std::ops::Range<usize> = 8..16;
/// The bit of the estimate's last byte that says that it is out of date.
const STALE: u8 = 0x80;

/// Why a string is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HllError {
    /// It does not look like a HyperLogLog.
    Foreign,
    /// It looks like one, but its registers make no sense.
    Corrupt,
}

impl fmt::Display for HllError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HllError::Foreign => "not a HyperLogLog",
            HllError::Corrupt => "a HyperLogLog whose registers make no sense",
        })
    }
}

impl std::error::Error for HllError {}

/// How registers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Six bits each.
    Dense,
    /// Runs of equal ones.
    Sparse,
}

/// A HyperLogLog as it stands in its string.
#[derive(Clone, Copy, Debug)]
pub struct Hll<'a> {
    string: &'a [u8],
    encoding: Encoding,
}

impl<'a> Hll<'a> {
    /// The HyperLogLog that a string is. Looks at the header and at the length only.
    ///
    /// # Errors
    /// [`HllError::Foreign`]
    pub fn new(string: &'a [u8]) -> Result<Self, HllError> {
        if string.len() < HEADER || !string.starts_with(MAGIC) {
            return Err(HllError::Foreign);
        }
        let encoding = match string[ENCODING] {
            0 if string.len() == DENSE_LEN => Encoding::Dense,
            1 => Encoding::Sparse,
            _ => return Err(HllError::Foreign),
        };
        Ok(Hll { string, encoding })
    }

    /// How its registers are stored.
    #[must_use]
    pub fn encoding(self) -> Encoding {
        self.encoding
    }

    /// The estimate that is stored with it, unless that is out of date.
    #[must_use]
    pub fn known_count(self) -> Option<u64> {
        let bytes: [u8; 8] = self.string[ESTIMATE].try_into().expect("the header has eight bytes for it");
        (bytes[7] & STALE == 0).then(|| u64::from_le_bytes(bytes))
    }

    /// Estimates how many elements it has seen.
    ///
    /// # Errors
    /// [`HllError::Corrupt`]
    pub fn count(self) -> Result<u64, HllError> {
        let mut histogram = [0; 64];
        match self.encoding {
            Encoding::Dense => dense::for_each(self.registers(), |_, value| histogram[usize::from(value)] += 1),
            Encoding::Sparse => sparse::for_each(self.registers(), |_, run| {
                histogram[usize::from(run.value)] += run.len as u32;
            })?,
        }
        Ok(estimate::cardinality(&histogram))
    }

    /// The runs of a sparse one, up to the first byte that makes no sense.
    pub fn runs(self) -> impl Iterator<Item = Run> {
        sparse::runs(self.registers())
    }

    /// The registers as they are stored.
    fn registers(self) -> &'a [u8] {
        &self.string[HEADER..]
    }
}

/// The registers, one byte each: where HyperLogLogs are put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registers(Box<[u8]>);

impl Registers {
    /// Registers that have seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Registers(vec![0; REGISTERS].into_boxed_slice())
    }

    /// Adds what a HyperLogLog has seen.
    ///
    /// # Errors
    /// [`HllError::Corrupt`]; then they are of no use any more.
    pub fn add(&mut self, hll: Hll<'_>) -> Result<(), HllError> {
        match hll.encoding {
            Encoding::Dense => dense::for_each(hll.registers(), |index, value| {
                self.0[index] = self.0[index].max(value);
            }),
            Encoding::Sparse => sparse::for_each(hll.registers(), |first, run| {
                let registers = self.0[first..first + run.len].iter_mut();
                registers.for_each(|register| *register = run.value.max(*register));
            })?,
        }
        Ok(())
    }

    /// Estimates how many elements they have seen.
    #[must_use]
    pub fn count(&self) -> u64 {
        let mut histogram = [0; 64];
        self.0.iter().for_each(|value| histogram[usize::from(*value)] += 1);
        estimate::cardinality(&histogram)
    }

    /// The registers in order.
    #[must_use]
    pub fn values(&self) -> &[u8] {
        &self.0
    }
}

impl Default for Registers {
    fn default() -> Self {
        Self::new()
    }
}

/// A HyperLogLog outside of its string, to be changed.
#[derive(Clone, Debug)]
pub struct HllBuf {
    string: Vec<u8>,
    encoding: Encoding,
}

impl HllBuf {
    /// One that has seen nothing; sparse.
    #[must_use]
    pub fn new() -> Self {
        let mut string = vec![0; HEADER];
        string[..MAGIC.len()].copy_from_slice(MAGIC);
        string[ENCODING] = 1;
        sparse::push_empty(&mut string);
        HllBuf { string, encoding: Encoding::Sparse }
    }

    /// The HyperLogLog as it stands.
    #[must_use]
    pub fn as_hll(&self) -> Hll<'_> {
        Hll { string: &self.string, encoding: self.encoding }
    }

    /// The string that it is.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.string
    }

    /// Lets it see an element. A sparse one that would become longer than `max_sparse` bytes (`hll-sparse-max-bytes`)
    /// becomes dense. Answers whether that has changed a register.
    ///
    /// # Errors
    /// [`HllError::Corrupt`]
    pub fn add(&mut self, element: &[u8], max_sparse: usize) -> Result<bool, HllError> {
        let (index, value) = hash::register_of(element);
        self.raise(index, value, max_sparse)
    }

    /// Makes a register at least `value`. Otherwise as [`HllBuf::add`].
    ///
    /// # Errors
    /// [`HllError::Corrupt`]
    pub fn raise(&mut self, index: usize, value: u8, max_sparse: usize) -> Result<bool, HllError> {
        if self.encoding == Encoding::Sparse {
            match sparse::raise(&mut self.string, index, value, max_sparse)? {
                Raised::No => return Ok(false),
                Raised::Yes => return Ok(true),
                Raised::TooLarge => self.make_dense()?,
            }
        }
        Ok(dense::raise(&mut self.string[HEADER..], index, value))
    }

    /// Makes it dense, if it is not.
    ///
    /// # Errors
    /// [`HllError::Corrupt`]
    pub fn make_dense(&mut self) -> Result<(), HllError> {
        if self.encoding == Encoding::Dense {
            return Ok(());
        }
        let mut string = vec![0; DENSE_LEN];
        string[..HEADER].copy_from_slice(&self.string[..HEADER]);
        string[ENCODING] = 0;
        let registers = &mut string[HEADER..];
        sparse::for_each(&self.string[HEADER..], |first, run| {
            for index in first..first + run.len {
                dense::raise(registers, index, run.value);
            }
        })?;
        (self.string, self.encoding) = (string, Encoding::Dense);
        Ok(())
    }

    /// Marks the stored estimate as out of date.
    pub fn forget_count(&mut self) {
        forget_count(&mut self.string);
    }
}

impl Default for HllBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Hll<'_>> for HllBuf {
    fn from(hll: Hll<'_>) -> Self {
        HllBuf { string: hll.string.to_vec(), encoding: hll.encoding }
    }
}

/// Lets a HyperLogLog see an element where it stands, which only a dense one can. `string` is one. Answers whether that
/// has changed a register.
pub fn add_to_dense(string: &mut [u8], element: &[u8]) -> bool {
    let (index, value) = hash::register_of(element);
    dense::raise(&mut string[HEADER..], index, value)
}

/// Stores an estimate with a HyperLogLog. `string` is one.
pub fn remember_count(string: &mut [u8], count: u64) {
    string[ESTIMATE].copy_from_slice(&count.to_le_bytes());
}

/// Marks the estimate that is stored with a HyperLogLog as out of date. `string` is one.
pub fn forget_count(string: &mut [u8]) {
    string[ESTIMATE.end - 1] |= STALE;
}

//! From an element to its register: MurmurHash64A.
//!
//! The function and its seed are part of the interface, for HyperLogLogs of different servers can be put together only if
//! all hash alike. It is Austin Appleby's, from the public domain, reading little-endian words on every machine.

use super::{REGISTER_BITS, REGISTERS, RUN_BITS};

const SEED: u64 = 0xadc8_3b19;

/// The register that an element belongs to, and the value that it gives it: the length of the run of zeros behind the
/// bits that choose the register, plus one; 1 to 51.
pub(super) fn register_of(element: &[u8]) -> (usize, u8) {
    let hash = murmur64a(element);
    let index = hash as usize & (REGISTERS - 1);
    // A one behind the last bit ends the run in any case.
    let rest = hash >> REGISTER_BITS | 1 << RUN_BITS;
    (index, rest.trailing_zeros() as u8 + 1)
}

fn murmur64a(bytes: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0xc6a4_a793_5bd1_e995;
    const SHIFT: u32 = 47;
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(MULTIPLIER);
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        hash = mix(hash, (word ^ word >> SHIFT).wrapping_mul(MULTIPLIER));
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = mix(hash, u64::from_le_bytes(word));
    }
    hash = (hash ^ hash >> SHIFT).wrapping_mul(MULTIPLIER);
    hash ^ hash >> SHIFT
}

//! Hashes of keys: the keyed one that the tables use, and the cluster's slot.
//!
//! Clients choose the keys, and the order of SCAN shows where a key's hash puts it, so an unkeyed or a weakly keyed
//! hash could be flooded with collisions. SipHash-1-3 under a key drawn once per process is what the standard library
//! trusts for the same purpose. Every key is hashed once per command; the hash is then passed down.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use siphasher::sip::SipHasher13;

/// The keyed hasher; its key is drawn on first use, from the operating system by way of [`RandomState`].
static HASHER: OnceLock<SipHasher13> = OnceLock::new();

/// The keyed hash of `bytes`: equal within one process, unpredictable from outside it.
#[inline]
pub fn hash(bytes: &[u8]) -> u64 {
    HASHER.get_or_init(draw_hasher).hash(bytes)
}

#[cold]
fn draw_hasher() -> SipHasher13 {
    let state = RandomState::new();
    SipHasher13::new_with_keys(state.hash_one(0_u8), state.hash_one(1_u8))
}

/// How many hash slots a cluster has.
pub const CLUSTER_SLOTS: u16 = 16_384;

/// The cluster slot of `key`: CRC-16 (the XMODEM polynomial) of the key, or of its hash tag if it has one.
///
/// The hash tag is what stands between the first `{` and the first `}` after it, unless nothing stands there.
pub fn crc16_slot(key: &[u8]) -> u16 {
    crc16(hash_tag(key).unwrap_or(key)) % CLUSTER_SLOTS
}

fn hash_tag(key: &[u8]) -> Option<&[u8]> {
    let open = key.iter().position(|&byte| byte == b'{')?;
    let rest = &key[open + 1..];
    let close = rest.iter().position(|&byte| byte == b'}')?;
    (close > 0).then(|| &rest[..close])
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| (crc << 8) ^ CRC16_TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

/// The remainders of all single bytes, most significant bit first.
const CRC16_TABLE: [u16; 256] = {
    const POLYNOMIAL: u16 = 0x1021;
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            let carry = crc & 0x8000 != 0;
            crc <<= 1;
            if carry {
                crc ^= POLYNOMIAL;
            }
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_stable_within_the_process_and_spreads() {
        assert_eq!(hash(b"key"), hash(b"key"));
        let mut seen = std::collections::HashSet::new();
        for i in 0..10_000_u32 {
            assert!(seen.insert(hash(&i.to_le_bytes())));
        }
    }

    #[test]
    fn every_thread_has_the_same_key() {
        let here = hash(b"key");
        let there = std::thread::spawn(|| hash(b"key")).join().unwrap();
        assert_eq!(here, there);
    }

    #[test]
    fn crc16_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(crc16(b""), 0);
    }

    #[test]
    fn slots_follow_the_hash_tag() {
        assert_eq!(crc16_slot(b"foo"), 12182);
        assert_eq!(crc16_slot(b"{user1000}.following"), crc16_slot(b"user1000"));
        assert_eq!(crc16_slot(b"foo{{bar}}zap"), crc16(b"{bar") % CLUSTER_SLOTS);
        assert_eq!(crc16_slot(b"foo{bar}{zap}"), crc16_slot(b"bar"));
    }

    #[test]
    fn a_key_without_a_proper_tag_is_hashed_whole() {
        for key in [&b"foo{}bar"[..], b"foo{bar", b"foo}bar{", b"{}{tag}"] {
            assert_eq!(crc16_slot(key), crc16(key) % CLUSTER_SLOTS);
        }
    }
}

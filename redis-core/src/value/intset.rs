//! `IntSet`: a sorted run of integers of one width, for sets whose members are all integers.
//!
//! DUMP and RDB files carry Redis's intset: the width (2, 4 or 8, four bytes little-endian), the number of integers
//! (likewise), and the integers, little-endian, ascending. Here a byte for the width is enough, because the bytes know how
//! many they are. A member that does not fit the width widens all of them; removing it does not narrow them again.

use super::tight::Buffer;
use crate::relocate::Relocator;

/// No set has more integers, whatever the configuration says: it is searched by halves but changed by moving half of it.
pub(super) const LEN_MAX: usize = 1 << 27;

/// The width, here.
const HEADER: usize = 1;
/// The width and the number of integers, in a dump.
const DUMP_HEADER: usize = 8;

/// A set of integers.
#[derive(Clone)]
pub struct IntSet {
    /// The width, and the integers.
    bytes: Buffer,
}

/// The narrowest width that holds a number.
fn width_of(number: i64) -> usize {
    if i16::try_from(number).is_ok() {
        2
    } else if i32::try_from(number).is_ok() {
        4
    } else {
        8
    }
}

impl IntSet {
    /// An empty set.
    pub fn new() -> Self {
        Self { bytes: Buffer::copied(&[2], ()) }
    }

    /// A set from the bytes of a dump, if they are one in every detail.
    pub fn from_dump(bytes: &[u8]) -> Option<Self> {
        let (header, numbers) = bytes.split_first_chunk::<DUMP_HEADER>()?;
        let [a, b, c, d, e, f, g, h] = *header;
        let (width, len) = (u32::from_le_bytes([a, b, c, d]) as usize, u32::from_le_bytes([e, f, g, h]) as usize);
        if !matches!(width, 2 | 4 | 8) || Some(numbers.len()) != len.checked_mul(width) || len > LEN_MAX {
            return None;
        }
        let mut set = Self { bytes: Buffer::copied(&[width as u8], ()) };
        set.bytes.extend_from_slice(numbers);
        set.iter().is_sorted_by(|a, b| a < b).then_some(set)
    }

    /// The bytes of a dump.
    pub fn to_dump(&self) -> Vec<u8> {
        let mut dump = Vec::with_capacity(DUMP_HEADER + self.bytes.len() - HEADER);
        dump.extend_from_slice(&(self.width() as u32).to_le_bytes());
        dump.extend_from_slice(&(self.len() as u32).to_le_bytes());
        dump.extend_from_slice(&self.bytes[HEADER..]);
        dump
    }

    /// What the set is made of, as an entry holds it.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The set that is made of the bytes of [`IntSet::as_bytes`].
    pub(super) fn from_buffer(bytes: Buffer) -> Self {
        Self { bytes }
    }

    pub(super) fn relocate(&mut self, relocator: &mut Relocator<'_>) {
        self.bytes.relocate(relocator);
    }

    /// How many bytes it holds of the heap.
    pub fn memory(&self) -> usize {
        self.bytes.memory()
    }

    /// How many integers there are.
    #[inline]
    pub fn len(&self) -> usize {
        // The width is a power of two; a division would cost more than all the rest.
        (self.bytes.len() - HEADER) >> self.width().trailing_zeros()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER
    }

    #[inline]
    fn width(&self) -> usize {
        usize::from(self.bytes[0])
    }

    #[inline]
    fn number(&self, index: usize, width: usize) -> i64 {
        let at = HEADER + index * width;
        match self.bytes[at..at + width] {
            [a, b] => i64::from(i16::from_le_bytes([a, b])),
            [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
            _ => unreachable!("the width is two, four or eight"),
        }
    }

    fn set_number(&mut self, index: usize, number: i64) {
        let width = self.width();
        let at = HEADER + index * width;
        self.bytes[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
    }

    /// The integer at `index` of the ascending order.
    pub fn get(&self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.number(index, self.width()))
    }

    /// The smallest and the largest integer.
    pub fn bounds(&self) -> Option<(i64, i64)> {
        let last = self.len().checked_sub(1)?;
        Some((self.number(0, self.width()), self.number(last, self.width())))
    }

    /// The integers, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + '_ {
        let width = self.width();
        (0..self.len()).map(move |index| self.number(index, width))
    }

    /// Any of the integers, each as likely as the others.
    pub fn random(&self) -> Option<i64> {
        (!self.is_empty()).then(|| self.number(crate::rng::below(self.len()), self.width()))
    }

    /// Where `number` is, or where it would have to be.
    fn search(&self, number: i64) -> Result<usize, usize> {
        let width = self.width();
        let (mut low, mut high) = (0, self.len());
        // Numbers often come in ascending order.
        if high > 0 && number > self.number(high - 1, width) {
            return Err(high);
        }
        while low < high {
            let middle = low.midpoint(high);
            let found = self.number(middle, width);
            if found == number {
                return Ok(middle);
            }
            if found < number { low = middle + 1 } else { high = middle }
        }
        Err(low)
    }

    /// Whether `number` is in the set.
    pub fn contains(&self, number: i64) -> bool {
        width_of(number) <= self.width() && self.search(number).is_ok()
    }

    /// Adds `number`. Returns whether it was absent.
    pub fn insert(&mut self, number: i64) -> bool {
        if width_of(number) > self.width() {
            self.widen(width_of(number));
        }
        let Err(index) = self.search(number) else {
            return false;
        };
        let width = self.width();
        self.bytes.splice(HEADER + index * width, 0, width);
        self.set_number(index, number);
        true
    }

    /// Rewrites all numbers in a larger width, the last first, so that none is overwritten before it is read.
    fn widen(&mut self, width: usize) {
        let (old, len) = (self.width(), self.len());
        self.bytes.splice(HEADER + len * old, 0, len * (width - old));
        self.bytes[0] = width as u8;
        for index in (0..len).rev() {
            let number = self.number(index, old);
            self.set_number(index, number);
        }
    }

    /// Removes `number`. Returns whether it was present.
    pub fn remove(&mut self, number: i64) -> bool {
        match self.search(number) {
            Ok(index) => {
                self.remove_at(index);
                true
            }
            Err(_) => false,
        }
    }

    /// Removes the integer at `index` of the ascending order.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn remove_at(&mut self, index: usize) {
        let (width, len) = (self.width(), self.len());
        assert!(index < len, "index {index} of an intset of {len}");
        self.bytes.splice(HEADER + index * width, width, 0);
    }
}

impl Default for IntSet {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for IntSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rng::below;

    #[test]
    fn bytes_are_those_of_redis() {
        let mut set = IntSet::new();
        for number in [1, -5, 70000] {
            assert!(set.insert(number));
        }
        assert!(!set.insert(1));
        let expected = b"\x04\0\0\0\x03\0\0\0\xfb\xff\xff\xff\x01\0\0\0\x70\x11\x01\0";
        assert_eq!(set.to_dump(), expected);
        assert!(IntSet::from_dump(expected).is_some());
    }

    #[test]
    fn agrees_with_a_btree_set() {
        for round in 0..300 {
            let mut set = IntSet::new();
            let mut model = BTreeSet::new();
            let shift = [8, 14, 20, 40, 60][round % 5];
            for _ in 0..100 {
                let number = below(1 << shift) as i64 - (1 << (shift - 1));
                if below(3) == 0 {
                    let pick = model.iter().nth(below(model.len().max(1))).copied().unwrap_or(number);
                    assert_eq!(set.remove(pick), model.remove(&pick));
                } else {
                    assert_eq!(set.insert(number), model.insert(number));
                }
                assert_eq!(set.contains(number), model.contains(&number));
                assert!(set.iter().eq(model.iter().copied()));
                assert_eq!(set.bounds().is_none(), model.is_empty());
            }
            for extreme in [i64::MIN, i64::MAX, 40_000, -40_000] {
                assert_eq!(set.insert(extreme), model.insert(extreme));
            }
            assert!(set.iter().eq(model.iter().copied()));
            assert!(IntSet::from_dump(&set.to_dump()).is_some());
        }
    }

    #[test]
    fn hostile_bytes_are_refused() {
        let mut set = IntSet::new();
        (0..20).for_each(|number| assert!(set.insert(number * 9000)));
        let good = set.to_dump();
        for _ in 0..20_000 {
            let mut bytes = good.clone();
            for _ in 0..=below(3) {
                let at = below(bytes.len());
                bytes[at] = below(256) as u8;
            }
            bytes.truncate(bytes.len() - below(3));
            if let Some(mut set) = IntSet::from_dump(&bytes) {
                assert!(set.iter().is_sorted());
                set.insert(i64::MAX);
                set.remove(0);
            }
        }
        assert!(IntSet::from_dump(b"\x02\0\0\0\x02\0\0\0\x01\0\x01\0").is_none(), "a member twice");
    }
}

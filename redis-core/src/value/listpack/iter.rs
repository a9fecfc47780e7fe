//! Walking a listpack from either end.

use std::iter::FusedIterator;

use super::entry::{Element, back_length_size, body_size, decode, read_back_length};

/// The elements of a listpack.
#[derive(Clone)]
pub struct Iter<'a> {
    /// The entries not yet visited, without the end byte.
    entries: &'a [u8],
}

impl<'a> Iter<'a> {
    /// Of entries that are known to be well formed.
    pub(super) fn new(entries: &'a [u8]) -> Self {
        Self { entries }
    }

    /// The elements that follow those of `start`, which were walked backwards out of this iterator's.
    pub(in crate::value) fn behind(&self, start: &Self) -> Self {
        Self { entries: &self.entries[start.entries.len()..] }
    }

    /// How many bytes the elements have that are not yet visited.
    pub(super) fn byte_len(&self) -> usize {
        self.entries.len()
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        let body = body_size(self.entries)?;
        let element = decode(&self.entries[..body]);
        self.entries = &self.entries[body + back_length_size(body)..];
        Some(element)
    }

    /// Passes over elements without a look at what they are.
    #[inline]
    fn nth(&mut self, count: usize) -> Option<Element<'a>> {
        for _ in 0..count {
            let body = body_size(self.entries)?;
            self.entries = &self.entries[body + back_length_size(body)..];
        }
        self.next()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let body = read_back_length(self.entries)?;
        let start = self.entries.len() - body - back_length_size(body);
        let element = decode(&self.entries[start..start + body]);
        self.entries = &self.entries[..start];
        Some(element)
    }

    /// As `nth`, from the end.
    #[inline]
    fn nth_back(&mut self, count: usize) -> Option<Self::Item> {
        for _ in 0..count {
            let body = read_back_length(self.entries)?;
            self.entries = &self.entries[..self.entries.len() - body - back_length_size(body)];
        }
        self.next_back()
    }
}

impl FusedIterator for Iter<'_> {}

//! Walking a sorted set from either end.

use std::iter::FusedIterator;

use super::members;
use super::packed::Pairs;
use crate::value::Element;

/// Members with their scores, in order.
#[derive(Clone)]
pub struct ZIter<'a> {
    repr: Repr<'a>,
}

#[derive(Clone)]
enum Repr<'a> {
    Packed(Pairs<'a>),
    Tree(members::Iter<'a>),
}

impl<'a> From<Pairs<'a>> for ZIter<'a> {
    fn from(pairs: Pairs<'a>) -> Self {
        Self { repr: Repr::Packed(pairs) }
    }
}

impl<'a> From<members::Iter<'a>> for ZIter<'a> {
    fn from(members: members::Iter<'a>) -> Self {
        Self { repr: Repr::Tree(members) }
    }
}

impl<'a> Iterator for ZIter<'a> {
    type Item = (Element<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.repr {
            Repr::Packed(pairs) => pairs.next(),
            Repr::Tree(members) => members.next().map(|(member, score)| (Element::Bytes(member), score)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.repr {
            Repr::Packed(pairs) => pairs.size_hint(),
            Repr::Tree(members) => members.size_hint(),
        }
    }
}

impl DoubleEndedIterator for ZIter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.repr {
            Repr::Packed(pairs) => pairs.next_back(),
            Repr::Tree(members) => members.next_back().map(|(member, score)| (Element::Bytes(member), score)),
        }
    }
}

impl ExactSizeIterator for ZIter<'_> {}

impl FusedIterator for ZIter<'_> {}

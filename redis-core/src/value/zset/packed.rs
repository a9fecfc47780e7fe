//! A small sorted set: a listpack of members and scores in turn, in their order.
//!
//! A score that is a whole number is an integer element, any other its shortest text. That is what Redis writes into
//! dumps, but for the last digits of fractions, where Redis 7.0 has more than it needs. A zero has no sign here.

use std::cmp::Ordering;
use std::ops::Range;

use super::compare;
use crate::num::{format_f64, parse_f64};
use crate::relocate::Relocator;
use crate::value::listpack::{self, Element, Listpack, TextBuffer};

/// Whole numbers below this have a text that is an integer, and are integers as they stand.
const WHOLE_MAX: f64 = (1_u64 << 53) as f64;

/// Members and scores in a listpack.
///
/// Invariant: an even number of elements, every second of which is a score, never NaN; members are different and in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Packed(Listpack);

/// The score that an element is.
fn score_of(element: Element<'_>) -> Option<f64> {
    match element {
        Element::Int(number) => Some(number as f64),
        Element::Bytes(text) => parse_f64(text),
    }
}

/// Calls `then` with the element that a score is.
fn with_score_element<R>(score: f64, then: impl FnOnce(Element<'_>) -> R) -> R {
    if score.trunc() == score && score.abs() < WHOLE_MAX {
        return then(Element::Int(score as i64));
    }
    let mut text = Vec::new();
    format_f64(score, &mut text);
    then(Element::from_text(&text))
}

impl Packed {
    /// The sorted set of a listpack that another one was.
    #[inline]
    pub(in crate::value) fn of_listpack(listpack: Listpack) -> Self {
        Self(listpack)
    }

    /// The sorted set of a listpack, if it is one in every detail.
    pub(super) fn from_listpack(listpack: Listpack) -> Option<Self> {
        let mut elements = listpack.iter();
        let mut previous: Option<(Vec<u8>, f64)> = None;
        let mut members = std::collections::HashSet::new();
        while let Some(member) = elements.next() {
            let (member, score) = (member.to_vec(), score_of(elements.next()?)?);
            let in_order = previous.is_none_or(|(last, last_score)| {
                compare((last_score, last.as_slice()), (score, member.as_slice())) == Ordering::Less
            });
            if !in_order || !members.insert(member.clone()) {
                return None;
            }
            previous = Some((member, score));
        }
        Some(Self(listpack))
    }

    pub(super) fn relocate(&mut self, relocator: &mut Relocator<'_>) {
        self.0.relocate(relocator);
    }

    pub(super) fn as_listpack(&self) -> &Listpack {
        &self.0
    }

    pub(super) fn len(&self) -> usize {
        self.0.len() / 2
    }

    /// The offset of a member.
    pub(super) fn find(&self, member: &[u8]) -> Option<usize> {
        self.0.find(member, self.0.first()?, 1)
    }

    /// The offset of the score of the member at `member`.
    fn score_offset(&self, member: usize) -> usize {
        self.0.next(member).expect("a score follows every member")
    }

    pub(super) fn score_at(&self, member: usize) -> f64 {
        score_of(self.0.at(self.score_offset(member))).expect("every second element is a score")
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.find(member).map(|offset| self.score_at(offset))
    }

    pub(super) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let needle = listpack::Needle::new(member);
        self.iter().enumerate().find_map(|(rank, (member, score))| needle.is(member).then_some((rank, score)))
    }

    pub(super) fn iter(&self) -> Pairs<'_> {
        self.range(0..self.len())
    }

    /// The members of ranks that exist.
    pub(super) fn range(&self, ranks: Range<usize>) -> Pairs<'_> {
        Pairs { elements: self.0.iter_range(2 * ranks.start..2 * ranks.end), left: ranks.len() }
    }

    /// Gives the member at an offset another score.
    pub(super) fn set_score(&mut self, offset: usize, member: &[u8], score: f64) {
        if self.score_at(offset) != score {
            self.0.remove_many(offset, 2);
            self.insert_new(member, score);
        }
    }

    /// Adds a member that is not there.
    pub(super) fn insert_new(&mut self, member: &[u8], score: f64) {
        with_score_element(score, |score_element| match self.offset_after(member, score) {
            Some(offset) => {
                self.0.insert_before(offset, score_element);
                self.0.insert_before(offset, member);
            }
            None => {
                self.0.push_back(member);
                self.0.push_back(score_element);
            }
        });
    }

    /// The offset of the first member that comes after this one.
    fn offset_after(&self, member: &[u8], score: f64) -> Option<usize> {
        let mut place = self.0.first();
        while let Some(offset) = place {
            let score_offset = self.score_offset(offset);
            let other = score_of(self.0.at(score_offset)).expect("every second element is a score");
            // The text is looked at only where it decides.
            let comes_after =
                other > score || other == score && self.0.at(offset).text(&mut TextBuffer::new()) > member;
            if comes_after {
                break;
            }
            place = self.0.next(score_offset);
        }
        place
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let offset = self.find(member)?;
        let score = self.score_at(offset);
        self.0.remove_many(offset, 2);
        Some(score)
    }

    pub(super) fn remove_range(&mut self, ranks: Range<usize>) {
        self.0.remove_range(2 * ranks.start as i64, 2 * ranks.len());
    }
}

/// Members with their scores, from either end.
#[derive(Clone)]
pub(super) struct Pairs<'a> {
    elements: listpack::Iter<'a>,
    left: usize,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Element<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        let member = self.elements.next()?;
        let score = self.elements.next().and_then(score_of)?;
        self.left -= 1;
        Some((member, score))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl DoubleEndedIterator for Pairs<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let score = self.elements.next_back().and_then(score_of)?;
        let member = self.elements.next_back()?;
        self.left -= 1;
        Some((member, score))
    }
}

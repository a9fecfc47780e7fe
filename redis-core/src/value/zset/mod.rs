//! `ZSet`: a sorted set, which is a listpack of members and scores in turn, or a table of members with a tree over them.
//!
//! | encoding | while |
//! |---|---|
//! | `listpack` | at most `zset-max-listpack-entries` members of at most `zset-max-listpack-value` bytes |
//! | `skiplist` | otherwise; a sorted set never goes back |
//!
//! The second name is what Redis calls it and what clients expect; there is no skip list here.
//!
//! # The order
//!
//! Members ascend by score, and where scores are equal by the bytes of the member. Every member has a *rank*, its place
//! in this order, from 0. All selections (by rank, by score, by text) are ranges of ranks: what BYSCORE or BYLEX asks for
//! is found with two calls of [`ZSet::partition_point`].
//!
//! Scores are compared as numbers: -0 and 0 are equal, and a member keeps the zero that it was given first (in a
//! listpack, zero has no sign). Infinities are ordinary scores. NaN is none: whoever computes a score sees to it.
//!
//! # Deadlines of members
//!
//! A member may end by itself, at a time of its own. Those that do stand once more in a table that knows when; the encoding
//! stays what it is, and members without a deadline cost what they did. Nothing here looks at the time: who lends a
//! sorted set to a reader first has [`ZSet::reap`] take out what is due, so that ranks are those of what is left.
//! Giving a member another score leaves its deadline as it is.

mod index;
mod iter;
mod members;
mod packed;
mod records;
#[cfg(test)]
mod tests;
mod tree;

pub use iter::ZIter;

use std::cmp::Ordering;
use std::ops::Range;

use super::listpack::{Element, Listpack, TextBuffer};
use super::member::{Member, Mortal};
use super::member_table::MemberTable;
use super::{Kind, Limits, Object, Value};
use crate::hash::hash;
use crate::relocate::Relocator;
use crate::table::{NO_DEADLINE, TableEntry};
use members::Members;
use packed::Packed;

/// A set of distinct texts, each with a score, in the order of the scores.
#[derive(Clone, Debug)]
pub struct ZSet {
    repr: Repr,
}

#[derive(Clone, Debug)]
enum Repr {
    Packed(Packed),
    Boxed(Box<Boxed>),
}

/// A sorted set that is large or has members that end by themselves.
#[derive(Clone, Debug)]
struct Boxed {
    order: Order,
    /// The members that end by themselves, once more; none if there are none.
    mortal: Option<Box<MemberTable<Member>>>,
}

#[derive(Clone, Debug)]
enum Order {
    Packed(Packed),
    Tree(Members),
}

impl Boxed {
    /// Forgets the deadlines of the members of these ranks, which are about to go.
    fn forget(&mut self, ranks: Range<usize>) {
        let Some(mortal) = &mut self.mortal else { return };
        let members: ZIter<'_> = match &self.order {
            Order::Packed(packed) => packed.range(ranks).into(),
            Order::Tree(members) => members.range(ranks).into(),
        };
        for (member, _) in members {
            mortal.take(member.text(&mut TextBuffer::new()));
        }
    }
}

/// The encoding, to look at it.
enum View<'a> {
    Packed(&'a Packed),
    Tree(&'a Members),
}

/// The encoding, to change it.
enum ViewMut<'a> {
    Packed(&'a mut Packed),
    Tree(&'a mut Members),
}

/// How two members with their scores are ordered.
fn compare(a: (f64, &[u8]), b: (f64, &[u8])) -> Ordering {
    a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal).then_with(|| a.1.cmp(b.1))
}

/// What a sorted set is made of and how it is asked.
impl ZSet {
    /// An empty sorted set, which is a listpack until it gets too large for one.
    pub fn new() -> Self {
        Self { repr: Repr::Packed(Packed::default()) }
    }

    /// The sorted set of a listpack that another sorted set was.
    #[inline]
    pub(super) fn of_listpack(listpack: Listpack) -> Self {
        Self { repr: Repr::Packed(Packed::of_listpack(listpack)) }
    }

    /// An empty sorted set for `count` members (as far as one can tell beforehand), the longest of which has
    /// `longest` bytes.
    pub fn for_members(longest: usize, count: usize, limits: &Limits) -> Self {
        let fits = count <= limits.zset_max_listpack_entries && longest <= limits.zset_max_listpack_value;
        if fits {
            Self::new()
        } else {
            Self { repr: Repr::Boxed(Box::new(Boxed { order: Order::Tree(Members::default()), mortal: None })) }
        }
    }

    /// The sorted set that a listpack is, as a file brings it: `None` if it is not members and scores in turn, all
    /// members different, in their order.
    pub fn from_listpack(listpack: Listpack, limits: &Limits) -> Option<Self> {
        let packed = Packed::from_listpack(listpack)?;
        let longest = packed.iter().map(|(member, _)| member.text_len()).max().unwrap_or(0);
        let fits = packed.len() <= limits.zset_max_listpack_entries && longest <= limits.zset_max_listpack_value;
        let mut set = Self { repr: Repr::Packed(packed) };
        if !fits {
            set.become_tree();
        }
        Some(set)
    }

    /// The sorted set as a listpack, if that is its encoding; for dumps.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match self.view() {
            View::Packed(packed) => Some(packed.as_listpack()),
            View::Tree(_) => None,
        }
    }

    /// The name of the encoding, for OBJECT ENCODING.
    pub fn encoding(&self) -> &'static str {
        match self.view() {
            View::Packed(_) => "listpack",
            View::Tree(_) => "skiplist",
        }
    }

    #[inline]
    fn view(&self) -> View<'_> {
        match &self.repr {
            Repr::Packed(packed) => View::Packed(packed),
            Repr::Boxed(boxed) => match &boxed.order {
                Order::Packed(packed) => View::Packed(packed),
                Order::Tree(members) => View::Tree(members),
            },
        }
    }

    #[inline]
    fn view_mut(&mut self) -> ViewMut<'_> {
        match &mut self.repr {
            Repr::Packed(packed) => ViewMut::Packed(packed),
            Repr::Boxed(boxed) => match &mut boxed.order {
                Order::Packed(packed) => ViewMut::Packed(packed),
                Order::Tree(members) => ViewMut::Tree(members),
            },
        }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        match self.view() {
            View::Packed(packed) => packed.len(),
            View::Tree(members) => members.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes the sorted set holds of the heap.
    pub fn memory(&self) -> usize {
        let order = match self.view() {
            View::Packed(packed) => packed.as_listpack().memory(),
            View::Tree(members) => members.memory(),
        };
        let boxed = if matches!(self.repr, Repr::Boxed(_)) { size_of::<Boxed>() } else { 0 };
        order + boxed + self.mortal().map_or(0, MemberTable::memory)
    }

    /// About how many allocations there are to free.
    pub fn free_effort(&self) -> usize {
        let order = match self.view() {
            View::Packed(_) => 1,
            View::Tree(members) => members.free_effort(),
        };
        order + self.mortal().map_or(0, MemberTable::len)
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self.view() {
            View::Packed(packed) => packed.score(member),
            View::Tree(members) => members.score(member),
        }
    }

    /// The rank of a member and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match self.view() {
            View::Packed(packed) => packed.rank(member),
            View::Tree(members) => members.rank(member),
        }
    }

    /// The member of a rank and its score.
    pub fn at(&self, rank: usize) -> Option<(Element<'_>, f64)> {
        self.range(rank..rank.saturating_add(1)).next()
    }

    /// How many members `before` holds for. It must hold for a first part of the order and for nothing after that. The
    /// effort is logarithmic, or that of a walk over a listpack.
    pub fn partition_point(&self, mut before: impl FnMut(Element<'_>, f64) -> bool) -> usize {
        match self.view() {
            View::Packed(packed) => packed.iter().take_while(|&(member, score)| before(member, score)).count(),
            View::Tree(members) => members.partition_point(|member, score| before(Element::Bytes(member), score)),
        }
    }

    /// [`ZSet::partition_point`] for who looks at scores only, which spares a large set to look at its members.
    pub fn partition_point_by_score(&self, mut before: impl FnMut(f64) -> bool) -> usize {
        match self.view() {
            View::Packed(_) => self.partition_point(|_, score| before(score)),
            View::Tree(members) => members.partition_point_by_score(before),
        }
    }

    /// All members with their scores, in order; backwards with `rev()`.
    pub fn iter(&self) -> ZIter<'_> {
        self.range(0..self.len())
    }

    /// The members of these ranks with their scores, in order; backwards with `rev()`. Ranks beyond the last are no error.
    pub fn range(&self, ranks: Range<usize>) -> ZIter<'_> {
        let ranks = self.existing(ranks);
        match self.view() {
            View::Packed(packed) => packed.range(ranks).into(),
            View::Tree(members) => members.range(ranks).into(),
        }
    }

    /// Those of the ranks that there are.
    fn existing(&self, ranks: Range<usize>) -> Range<usize> {
        let end = ranks.end.min(self.len());
        ranks.start.min(end)..end
    }

    /// One step of ZSCAN: visits some members with their scores and returns the next cursor, 0 at the end. A listpack is
    /// visited whole, as a cursor could not survive a change of it.
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(Element<'_>, f64)) -> u64 {
        match self.view() {
            View::Packed(packed) => {
                packed.iter().for_each(|(member, score)| visit(member, score));
                0
            }
            View::Tree(members) => members.scan(cursor, &mut |member, score| visit(Element::Bytes(member), score)),
        }
    }
}

/// How a sorted set is changed.
impl ZSet {
    /// Prepares for the insertion of `count` members, some of which may be there already: if so many would not stay
    /// compact, the sorted set does not wait for them to prove it.
    pub fn expect(&mut self, count: usize, limits: &Limits) {
        if count > limits.zset_max_listpack_entries {
            self.become_tree();
        }
    }

    /// Gives a member this score, which is not NaN. Returns the score that it had, `None` if it is new.
    pub fn insert(&mut self, member: &[u8], score: f64, limits: &Limits) -> Option<f64> {
        self.update(member, |_| Some(score), limits)
    }

    /// Gives a member the score, not NaN, that `decide` makes of the one that it has; with `None` nothing happens. Returns the
    /// score that it had, `None` if it was not there.
    pub fn update(
        &mut self,
        member: &[u8],
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
        limits: &Limits,
    ) -> Option<f64> {
        let decide = |old| decide(old).inspect(|new| debug_assert!(!new.is_nan(), "NaN has no place in the order"));
        let score = match self.view_mut() {
            ViewMut::Tree(members) => return members.update(member, decide),
            ViewMut::Packed(packed) => match packed.find(member) {
                Some(offset) => {
                    let old = packed.score_at(offset);
                    if let Some(new) = decide(Some(old)) {
                        packed.set_score(offset, member, new);
                    }
                    return Some(old);
                }
                None => decide(None)?,
            },
        };
        if let ViewMut::Packed(packed) = self.view_mut()
            && packed.len() < limits.zset_max_listpack_entries
            && member.len() <= limits.zset_max_listpack_value
            && packed.as_listpack().has_room_for(member.len())
        {
            packed.insert_new(member, score);
            return None;
        }
        self.become_tree().insert(member, score)
    }

    /// Removes a member. Returns its score, `None` if it was not there.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let removed = match self.view_mut() {
            ViewMut::Packed(packed) => packed.remove(member),
            ViewMut::Tree(members) => members.remove(member),
        };
        if removed.is_some()
            && let Repr::Boxed(boxed) = &mut self.repr
            && let Some(mortal) = &mut boxed.mortal
        {
            mortal.take(member);
            self.unbox();
        }
        removed
    }

    /// Removes the members of these ranks. Ranks beyond the last are no error.
    pub fn remove_range(&mut self, ranks: Range<usize>) {
        let ranks = self.existing(ranks);
        if let Repr::Boxed(boxed) = &mut self.repr {
            boxed.forget(ranks.clone());
        }
        match self.view_mut() {
            ViewMut::Packed(packed) => packed.remove_range(ranks),
            ViewMut::Tree(members) => members.remove_range(ranks),
        }
        self.unbox();
    }

    /// Removes the first member and returns it with its score.
    pub fn pop_first(&mut self) -> Option<(Box<[u8]>, f64)> {
        self.pop(0)
    }

    /// Removes the last member and returns it with its score.
    pub fn pop_last(&mut self) -> Option<(Box<[u8]>, f64)> {
        self.pop(self.len().checked_sub(1)?)
    }

    fn pop(&mut self, rank: usize) -> Option<(Box<[u8]>, f64)> {
        let (member, score) = self.at(rank)?;
        let member = member.text(&mut TextBuffer::new()).into();
        self.remove_range(rank..rank + 1);
        Some((member, score))
    }

    fn become_tree(&mut self) -> &mut Members {
        if let View::Packed(packed) = self.view() {
            let mut members = Members::default();
            for (member, score) in packed.iter() {
                members.insert(member.text(&mut TextBuffer::new()), score);
            }
            self.boxed().order = Order::Tree(members);
        }
        match self.view_mut() {
            ViewMut::Tree(members) => members,
            ViewMut::Packed(_) => unreachable!("it was made a tree above"),
        }
    }

    /// The sorted set in a box, whatever its encoding.
    fn boxed(&mut self) -> &mut Boxed {
        if let Repr::Packed(packed) = &mut self.repr {
            let order = Order::Packed(std::mem::take(packed));
            self.repr = Repr::Boxed(Box::new(Boxed { order, mortal: None }));
        }
        match &mut self.repr {
            Repr::Boxed(boxed) => boxed,
            Repr::Packed(_) => unreachable!("it was put into a box above"),
        }
    }

    /// One step of the walk that moves what is wanted elsewhere; answers where to go on, 0 at the end. Those members that
    /// end by themselves stand once more in a table, which stays where it is.
    pub(super) fn relocate(&mut self, place: u64, relocator: &mut Relocator<'_>) -> u64 {
        match self.view_mut() {
            ViewMut::Packed(packed) => {
                packed.relocate(relocator);
                0
            }
            ViewMut::Tree(members) => members.relocate(place, relocator),
        }
    }

    /// Takes what is no longer needed from around the order, if the last deadline is gone.
    fn unbox(&mut self) {
        let Repr::Boxed(boxed) = &mut self.repr else { return };
        if boxed.mortal.as_ref().is_none_or(|mortal| mortal.len() > 0) {
            return;
        }
        boxed.mortal = None;
        if let Order::Packed(packed) = &mut boxed.order {
            self.repr = Repr::Packed(std::mem::take(packed));
        }
    }
}

/// When members end.
impl ZSet {
    fn mortal(&self) -> Option<&MemberTable<Member>> {
        match &self.repr {
            Repr::Packed(_) => None,
            Repr::Boxed(boxed) => boxed.mortal.as_deref(),
        }
    }

    /// When the first member ends; [`NO_DEADLINE`] if none ever does.
    pub fn next_deadline(&self) -> u64 {
        self.mortal().map_or(NO_DEADLINE, MemberTable::next_deadline)
    }

    /// When a member ends, [`NO_DEADLINE`] if it does not; `None` if there is no such member.
    pub fn deadline(&self, member: &[u8]) -> Option<u64> {
        match self.mortal().and_then(|mortal| mortal.get(member)) {
            Some(member) => Some(member.ends_at()),
            None => self.score(member).map(|_| NO_DEADLINE),
        }
    }

    /// All members with their scores and deadlines, in order.
    pub fn iter_with_deadlines(&self) -> impl DoubleEndedIterator<Item = (Element<'_>, f64, u64)> {
        let mortal = self.mortal();
        self.iter().map(move |(member, score)| {
            let entry = mortal.and_then(|mortal| mortal.get(member.text(&mut TextBuffer::new())));
            (member, score, entry.map_or(NO_DEADLINE, Mortal::ends_at))
        })
    }

    /// Gives a member a deadline, or takes it away if `deadline` is [`NO_DEADLINE`]. Returns the old one; `None` if there is no
    /// such member. The encoding stays.
    pub fn set_deadline(&mut self, member: &[u8], deadline: u64) -> Option<u64> {
        let old = self.deadline(member)?;
        if old != deadline {
            let mortal = self.boxed().mortal.get_or_insert_default();
            match (old, deadline) {
                (NO_DEADLINE, _) => mortal.insert_new(hash(member), Member::new(member, deadline)),
                (_, NO_DEADLINE) => drop(mortal.take(member)),
                _ => drop(mortal.edit(member, |member| member.set_end(deadline))),
            }
            self.unbox();
        }
        Some(old)
    }

    /// Takes members out whose deadline is not after `now`, at most `limit`, earliest first, and shows each to `gone`. Returns
    /// how many.
    pub fn reap(&mut self, now: u64, limit: usize, gone: &mut dyn FnMut(&[u8])) -> usize {
        let Repr::Boxed(boxed) = &mut self.repr else { return 0 };
        let Boxed { order, mortal: Some(mortal) } = &mut **boxed else { return 0 };
        let reaped = mortal.reap(now, limit, &mut |member| {
            match order {
                Order::Packed(packed) => packed.remove(member.key()),
                Order::Tree(members) => members.remove(member.key()),
            };
            gone(member.key());
        });
        self.unbox();
        reaped
    }
}

impl Default for ZSet {
    fn default() -> Self {
        Self::new()
    }
}

impl Value for ZSet {
    const KIND: Kind = Kind::ZSet;

    fn from_object(object: &Object) -> Option<&Self> {
        match object {
            Object::ZSet(set) => Some(set),
            _ => None,
        }
    }

    fn from_object_mut(object: &mut Object) -> Option<&mut Self> {
        match object {
            Object::ZSet(set) => Some(set),
            _ => None,
        }
    }

    fn into_object(self) -> Object {
        Object::ZSet(self)
    }
}

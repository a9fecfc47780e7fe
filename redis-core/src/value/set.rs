//! `Set`: an intset, a listpack, or a table, whichever is the smallest that the limits allow.
//!
//! | encoding | while |
//! |---|---|
//! | `intset` | every member is an integer, at most `set-max-intset-entries` |
//! | `listpack` | at most `set-max-listpack-entries` members of at most `set-max-listpack-value` bytes |
//! | `hashtable` | otherwise |
//!
//! A set moves down this list and never up again on its own. An intset that gets too long becomes a table at once; one that
//! meets its first other text becomes a listpack if it fits. (Redis before 7.2 knows no listpack here: its intset
//! always becomes a table.)
//!
//! # Deadlines of members
//!
//! A member may end by itself, at a time of its own; a set with such a member is a table. Nothing here looks at the time:
//! who lends a set to a reader first has [`Set::reap`] take out what is due (see [`Db`](crate::db::Db)). Adding a member
//! that is there leaves its deadline as it is.

use super::either::Either;
use super::intset::{self, IntSet};
use super::listpack::{self, Element, Listpack, decimal_len};
use super::member::{Member, Mortal};
use super::member_table::MemberTable;
use super::{Kind, Limits, Object, Value, sample};
use crate::hash::hash;
use crate::num::parse_i64;
use crate::relocate::Relocator;
use crate::rng::below;
use crate::table::{NO_DEADLINE, TableEntry};

/// A set of distinct texts.
#[derive(Clone, Debug)]
pub struct Set {
    repr: Repr,
}

#[derive(Clone, Debug)]
enum Repr {
    Ints(IntSet),
    Packed(Listpack),
    Table(Box<MemberTable<Member>>),
}

fn find_packed(listpack: &Listpack, member: &[u8]) -> Option<usize> {
    listpack.find(member, listpack.first()?, 0)
}

/// What a set is made of and how it is asked.
impl Set {
    /// An empty set, which is an intset until something else is added.
    pub fn new() -> Self {
        Self { repr: Repr::Ints(IntSet::new()) }
    }

    /// An empty set for `count` members (as far as one can tell beforehand), of which this is the first.
    pub fn for_members(first: &[u8], count: usize, limits: &Limits) -> Self {
        let repr = if parse_i64(first).is_some() && count <= limits.set_max_intset_entries {
            Repr::Ints(IntSet::new())
        } else if count <= limits.set_max_listpack_entries {
            Repr::Packed(Listpack::new())
        } else {
            Repr::Table(Box::default())
        };
        Self { repr }
    }

    /// The set of a listpack that another set was.
    #[inline]
    pub(super) fn of_listpack(listpack: Listpack) -> Self {
        Self { repr: Repr::Packed(listpack) }
    }

    /// The set of an intset that another set was.
    #[inline]
    pub(super) fn of_intset(intset: IntSet) -> Self {
        Self { repr: Repr::Ints(intset) }
    }

    /// The set that an intset is, as a file brings it.
    pub fn from_intset(intset: IntSet, limits: &Limits) -> Self {
        let mut set = Self { repr: Repr::Ints(intset) };
        set.leave_long_intset(limits);
        set
    }

    /// The set that a listpack is, as a file brings it: `None` if it has an element twice.
    pub fn from_listpack(listpack: Listpack, limits: &Limits) -> Option<Self> {
        let len = listpack.len();
        let mut set = Self { repr: Repr::Packed(listpack) };
        let mut copy = MemberTable::default();
        let mut add = |member: &[u8]| copy.insert(member, || Member::new(member, NO_DEADLINE));
        let distinct = set.iter().all(|member| add(&member.to_vec()));
        if len > limits.set_max_listpack_entries {
            set.repr = Repr::Table(Box::new(copy));
        }
        distinct.then_some(set)
    }

    /// The name of the encoding, for OBJECT ENCODING.
    pub fn encoding(&self) -> &'static str {
        match self.repr {
            Repr::Ints(_) => "intset",
            Repr::Packed(_) => "listpack",
            Repr::Table(_) => "hashtable",
        }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        match &self.repr {
            Repr::Ints(intset) => intset.len(),
            Repr::Packed(listpack) => listpack.len(),
            Repr::Table(members) => members.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes the set holds of the heap.
    pub fn memory(&self) -> usize {
        match &self.repr {
            Repr::Ints(intset) => intset.memory(),
            Repr::Packed(listpack) => listpack.memory(),
            Repr::Table(members) => members.memory(),
        }
    }

    /// About how many allocations there are to free.
    pub fn free_effort(&self) -> usize {
        match &self.repr {
            Repr::Ints(_) | Repr::Packed(_) => 1,
            Repr::Table(members) => members.len(),
        }
    }

    /// The set as an intset, if that is its encoding; for dumps.
    pub fn as_intset(&self) -> Option<&IntSet> {
        match &self.repr {
            Repr::Ints(intset) => Some(intset),
            _ => None,
        }
    }

    /// The set as a listpack, if that is its encoding; for dumps.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.repr {
            Repr::Packed(listpack) => Some(listpack),
            _ => None,
        }
    }

    /// Whether `member` is in the set.
    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.repr {
            Repr::Ints(intset) => parse_i64(member).is_some_and(|number| intset.contains(number)),
            Repr::Packed(listpack) => find_packed(listpack, member).is_some(),
            Repr::Table(members) => members.get(member).is_some(),
        }
    }

    /// Whether a member of another set is in this one.
    pub fn contains_element(&self, member: Element<'_>) -> bool {
        match (&self.repr, member) {
            (Repr::Ints(intset), Element::Int(number)) => intset.contains(number),
            _ => self.contains(member.text(&mut listpack::TextBuffer::new())),
        }
    }

    /// When a member ends, [`NO_DEADLINE`] if it does not; `None` if there is no such member.
    pub fn deadline(&self, member: &[u8]) -> Option<u64> {
        match &self.repr {
            Repr::Table(members) => members.get(member).map(Mortal::ends_at),
            Repr::Ints(_) | Repr::Packed(_) => self.contains(member).then_some(NO_DEADLINE),
        }
    }

    /// When the first member ends; [`NO_DEADLINE`] if none ever does.
    pub fn next_deadline(&self) -> u64 {
        match &self.repr {
            Repr::Table(members) => members.next_deadline(),
            Repr::Ints(_) | Repr::Packed(_) => NO_DEADLINE,
        }
    }

    /// The members with their deadlines, in the order of [`Set::iter`].
    pub fn iter_with_deadlines(&self) -> impl Iterator<Item = (Element<'_>, u64)> {
        let without = |member| (member, NO_DEADLINE);
        match &self.repr {
            Repr::Ints(intset) => Either::First(intset.iter().map(Element::Int).map(without)),
            Repr::Packed(listpack) => Either::Second(listpack.iter().map(without)),
            Repr::Table(members) => {
                Either::Third(members.iter().map(|member| (Element::Bytes(member.key()), member.ends_at())))
            }
        }
    }

    /// The members: ascending in an intset, in the order of addition in a listpack, in no order in a table.
    pub fn iter(&self) -> impl Iterator<Item = Element<'_>> {
        match &self.repr {
            Repr::Ints(intset) => Either::First(intset.iter().map(Element::Int)),
            Repr::Packed(listpack) => Either::Second(listpack.iter()),
            Repr::Table(members) => Either::Third(members.iter().map(|member| Element::Bytes(member.key()))),
        }
    }

    /// One step of SSCAN: visits some members and returns the next cursor, 0 at the end. The compact encodings are
    /// visited whole, as a cursor could not survive a change of theirs.
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(Element<'_>)) -> u64 {
        match &self.repr {
            Repr::Table(members) => members.scan(cursor, &mut |member| visit(Element::Bytes(member.key()))),
            _ => {
                self.iter().for_each(visit);
                0
            }
        }
    }

    /// Any member, each as likely as the others.
    pub fn random(&self) -> Option<Element<'_>> {
        match &self.repr {
            Repr::Ints(intset) => intset.random().map(Element::Int),
            Repr::Packed(listpack) if listpack.is_empty() => None,
            Repr::Packed(listpack) => listpack.get(below(listpack.len()) as i64),
            Repr::Table(members) => members.random().map(|member| Element::Bytes(member.key())),
        }
    }

    /// Visits `count` random members, none of them twice; all members if there are no more.
    pub fn sample(&self, count: usize, visit: &mut dyn FnMut(Element<'_>)) {
        match &self.repr {
            Repr::Table(members) => {
                members.sample(count, &mut |member| visit(Element::Bytes(member.key())));
            }
            _ => sample::reservoir(self.iter(), count).into_iter().for_each(visit),
        }
    }

    /// Visits `count` random members, each drawn among all. None if the set is empty.
    pub fn sample_with_repeats(&self, count: usize, visit: &mut dyn FnMut(Element<'_>)) {
        let packed: Vec<_> = match &self.repr {
            Repr::Packed(listpack) if count > 1 => listpack.iter().collect(),
            _ => Vec::new(),
        };
        for _ in 0..count {
            let drawn = if packed.is_empty() { self.random() } else { Some(packed[below(packed.len())]) };
            match drawn {
                Some(member) => visit(member),
                None => return,
            }
        }
    }
}

/// How a set is changed.
impl Set {
    /// Prepares for the addition of `count` members, some of which may be there already: if so many would not stay
    /// compact, the set does not wait for them to prove it.
    pub fn expect(&mut self, count: usize, limits: &Limits) {
        let too_many = match self.repr {
            Repr::Ints(_) => count > limits.set_max_intset_entries,
            Repr::Packed(_) => count > limits.set_max_listpack_entries,
            Repr::Table(_) => false,
        };
        if too_many {
            self.become_table();
        }
    }

    /// Adds a member. Returns whether it was absent.
    pub fn add(&mut self, member: &[u8], limits: &Limits) -> bool {
        match &mut self.repr {
            Repr::Ints(intset) => {
                if let Some(number) = parse_i64(member) {
                    let added = intset.insert(number);
                    self.leave_long_intset(limits);
                    return added;
                }
                if fits_listpack(intset, member, limits) {
                    let mut listpack: Listpack = intset.iter().map(Element::Int).collect();
                    listpack.push_back(Element::Bytes(member));
                    self.repr = Repr::Packed(listpack);
                    return true;
                }
            }
            Repr::Packed(listpack) => {
                if find_packed(listpack, member).is_some() {
                    return false;
                }
                if listpack.len() < limits.set_max_listpack_entries
                    && member.len() <= limits.set_max_listpack_value
                    && listpack.has_room_for(member.len())
                {
                    listpack.push_back(member);
                    return true;
                }
            }
            Repr::Table(_) => {}
        }
        self.become_table().insert(member, || Member::new(member, NO_DEADLINE))
    }

    /// Removes a member. Returns whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.repr {
            Repr::Ints(intset) => parse_i64(member).is_some_and(|number| intset.remove(number)),
            Repr::Packed(listpack) => {
                let found = find_packed(listpack, member);
                if let Some(offset) = found {
                    listpack.remove(offset);
                }
                found.is_some()
            }
            Repr::Table(members) => members.take(member).is_some(),
        }
    }

    /// Removes any member and returns it.
    pub fn pop(&mut self) -> Option<Vec<u8>> {
        match &mut self.repr {
            Repr::Ints(intset) if intset.is_empty() => None,
            Repr::Ints(intset) => {
                let index = below(intset.len());
                let number = intset.get(index)?;
                intset.remove_at(index);
                Some(Element::Int(number).to_vec())
            }
            Repr::Packed(listpack) if listpack.is_empty() => None,
            Repr::Packed(listpack) => {
                let offset = listpack.seek(below(listpack.len()) as i64)?;
                let member = listpack.at(offset).to_vec();
                listpack.remove(offset);
                Some(member)
            }
            Repr::Table(members) => {
                let member = members.random()?.key().to_vec();
                members.take(&member);
                Some(member)
            }
        }
    }

    /// Removes `count` random members, all if there are no more, and visits them.
    pub fn pop_many(&mut self, count: usize, visit: &mut dyn FnMut(&[u8])) {
        if count >= self.len() {
            let mut buffer = listpack::TextBuffer::new();
            self.iter().for_each(|member| visit(member.text(&mut buffer)));
            *self = Self::new();
            return;
        }
        for _ in 0..count {
            match self.pop() {
                Some(member) => visit(&member),
                None => return,
            }
        }
    }

    /// Gives a member a deadline, or takes it away if `deadline` is [`NO_DEADLINE`]. Returns the old one; `None` if there is no
    /// such member. The set becomes a table.
    pub fn set_deadline(&mut self, member: &[u8], deadline: u64) -> Option<u64> {
        let old = self.deadline(member)?;
        if old != deadline {
            self.become_table().edit(member, |member| member.set_end(deadline));
        }
        Some(old)
    }

    /// Takes members out whose deadline is not after `now`, at most `limit`, earliest first, and shows each to `gone`. Returns
    /// how many.
    pub fn reap(&mut self, now: u64, limit: usize, gone: &mut dyn FnMut(&[u8])) -> usize {
        match &mut self.repr {
            Repr::Table(members) => members.reap(now, limit, &mut |member| gone(member.key())),
            Repr::Ints(_) | Repr::Packed(_) => 0,
        }
    }

    /// Turns a listpack of integers into an intset: what commands that store a computed set do in the end, because
    /// members may have been added in an order that hid that they are all integers.
    pub fn compact_integers(&mut self, limits: &Limits) {
        let Repr::Packed(listpack) = &self.repr else {
            return;
        };
        if listpack.len() > limits.set_max_intset_entries.min(intset::LEN_MAX) {
            return;
        }
        let mut intset = IntSet::new();
        for member in listpack.iter() {
            match member.to_i64() {
                Some(number) => intset.insert(number),
                None => return,
            };
        }
        self.repr = Repr::Ints(intset);
    }

    fn leave_long_intset(&mut self, limits: &Limits) {
        if let Repr::Ints(intset) = &self.repr
            && intset.len() > limits.set_max_intset_entries.min(intset::LEN_MAX)
        {
            self.become_table();
        }
    }

    /// One step of the walk that moves what is wanted elsewhere; answers where to go on, 0 at the end.
    pub(super) fn relocate(&mut self, place: u64, relocator: &mut Relocator<'_>) -> u64 {
        match &mut self.repr {
            Repr::Ints(intset) => intset.relocate(relocator),
            Repr::Packed(listpack) => listpack.relocate(relocator),
            Repr::Table(members) => return members.relocate(place, relocator),
        }
        0
    }

    fn become_table(&mut self) -> &mut MemberTable<Member> {
        if !matches!(self.repr, Repr::Table(_)) {
            let mut members = Box::<MemberTable<Member>>::default();
            let mut buffer = listpack::TextBuffer::new();
            for member in self.iter() {
                let text = member.text(&mut buffer);
                members.insert_new(hash(text), Member::new(text, NO_DEADLINE));
            }
            self.repr = Repr::Table(members);
        }
        match &mut self.repr {
            Repr::Table(members) => members,
            _ => unreachable!("it was made a table above"),
        }
    }
}

/// Whether an intset and a text that is no integer fit one listpack.
fn fits_listpack(intset: &IntSet, member: &[u8], limits: &Limits) -> bool {
    // The longest integer is one of the outermost; no integer's entry is longer than ten bytes.
    let longest = intset.bounds().map_or(0, |(first, last)| decimal_len(first).max(decimal_len(last)));
    intset.len() < limits.set_max_listpack_entries
        && longest.max(member.len()) <= limits.set_max_listpack_value
        && intset.len() * 10 + member.len() <= listpack::SAFETY_LIMIT
}

impl Default for Set {
    fn default() -> Self {
        Self::new()
    }
}

impl Value for Set {
    const KIND: Kind = Kind::Set;

    fn from_object(object: &Object) -> Option<&Self> {
        match object {
            Object::Set(set) => Some(set),
            _ => None,
        }
    }

    fn from_object_mut(object: &mut Object) -> Option<&mut Self> {
        match object {
            Object::Set(set) => Some(set),
            _ => None,
        }
    }

    fn into_object(self) -> Object {
        Object::Set(self)
    }
}

#[cfg(test)]
mod tests;

//! A node of a stream: up to a hundred or so entries in one listpack.
//!
//! ```text
//! master entry   count  deleted  n  field 1 .. field n  0
//! an entry       flags  ms  seq  value 1 .. value n                            length   if it has the master's fields
//!                flags  ms  seq  m  field 1  value 1 .. field m  value m       length   otherwise
//! ```
//!
//! The layout is Redis's, because it is what dumps carry. The node is known by its *master id*, the id of its first
//! entry; `ms` and `seq` are what an entry's id adds to it, so they are mostly a byte or two. The master's fields are those
//! of the first entry, and an entry with the same fields (flag `SAME_FIELDS`) does not repeat them. `count` and `deleted`
//! count the entries; a deleted one only gets the flag `DELETED` and stays, until its node goes, or its front is trimmed. `length` is how
//! many elements the entry has before it, for walking backwards.
//!
//! Foreign nodes are checked in every detail ([`Node::from_foreign`]), so that everything else can rely on the layout.

use crate::relocate::Relocator;
use crate::value::listpack::{self, Element, Listpack};

use super::{Malformed, StreamId};

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

/// The elements of an entry besides its fields, values and their number: flags, both halves of the id.
const HEAD: usize = 3;

/// A node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    listpack: Listpack,
}

impl Node {
    /// A node without entries, for entries with these fields.
    pub(super) fn new(fields: &[(&[u8], &[u8])]) -> Self {
        let mut listpack = Listpack::new();
        let numbers = [0, 0, fields.len() as i64].map(Element::Int).into_iter();
        let names = fields.iter().map(|(name, _)| Element::from_text(name));
        listpack.push_all_back(numbers.chain(names).chain([Element::Int(0)]));
        Self { listpack }
    }

    pub(super) fn relocate(&mut self, relocator: &mut Relocator<'_>) {
        self.listpack.relocate(relocator);
    }

    pub(super) fn listpack(&self) -> &Listpack {
        &self.listpack
    }

    /// How many entries there are, the deleted ones left out.
    pub(super) fn count(&self) -> u64 {
        self.counter(0)
    }

    /// How many entries there are, the deleted ones included.
    pub(super) fn slots(&self) -> u64 {
        self.counter(0) + self.counter(1)
    }

    fn counter(&self, index: i64) -> u64 {
        let number = self.listpack.get(index).and_then(|element| element.to_i64());
        number.and_then(|number| u64::try_from(number).ok()).expect("a node begins with two counters")
    }

    /// Adds an entry, whose id is above all others.
    pub(super) fn append(&mut self, master: StreamId, id: StreamId, fields: &[(&[u8], &[u8])]) {
        let same = self.has_master_fields(fields);
        let (flags, len) = if same { (SAME_FIELDS, fields.len()) } else { (0, 1 + 2 * fields.len()) };
        // The sequence number may be below the master's, in a later millisecond: the difference wraps around.
        let (ms, seq) = (id.ms.wrapping_sub(master.ms), id.seq.wrapping_sub(master.seq));
        let head = [flags, ms.cast_signed(), seq.cast_signed()].map(Element::Int).into_iter();
        let count = (!same).then_some(Element::Int(fields.len() as i64));
        let texts = fields.iter().flat_map(|(name, value)| (!same).then_some(*name).into_iter().chain([*value]));
        let length = Element::Int((HEAD + len) as i64);
        self.listpack.push_all_back(head.chain(count).chain(texts.map(Element::from_text)).chain([length]));
        self.change_counters(1, 0);
    }

    fn has_master_fields(&self, fields: &[(&[u8], &[u8])]) -> bool {
        let layout = Layout::of(&self.listpack).expect("a node has a master entry");
        layout.fields == fields.len() && layout.names.zip(fields).all(|(name, (field, _))| name.eq_text(field))
    }

    fn change_counters(&mut self, added: i64, deleted: i64) {
        let (count, gone) = (self.counter(0).cast_signed(), self.counter(1).cast_signed());
        let first = self.listpack.first().expect("a node begins with two counters");
        self.listpack.replace(first, count + added);
        if deleted != 0 {
            let second = self.listpack.next(first).expect("a node begins with two counters");
            self.listpack.replace(second, gone + deleted);
        }
    }

    /// The entries with ids in this range, the deleted ones left out.
    pub(super) fn range(&self, master: StreamId, from: StreamId, to: StreamId) -> NodeRange<'_> {
        NodeRange { slots: self.all(master), sought: from <= master, from, to }
    }

    /// All entries, the deleted ones included.
    fn all(&self, master: StreamId) -> Slots<'_> {
        let layout = Layout::of(&self.listpack).expect("a node has a master entry");
        Slots { master, fields: layout.fields, names: layout.names, rest: layout.entries }
    }

    /// The id of the last entry, deleted or not.
    pub(super) fn last_id(&self, master: StreamId) -> StreamId {
        self.all(master).next_back().map_or(master, |(slot, _)| slot.entry.id)
    }

    /// Marks entries as deleted, from the first on, where they keep their places: those that `choose` wants gone, until it stops. Returns how many it marked.
    pub(super) fn delete(&mut self, master: StreamId, mut choose: impl FnMut(StreamId) -> Choice) -> u64 {
        let mut marked = Vec::new();
        for (slot, rest) in self.all(master) {
            if slot.is_live() {
                match choose(slot.entry.id) {
                    Choice::Keep => {}
                    Choice::Delete => marked.push((self.listpack.offset_of(&rest), slot.flags)),
                    Choice::Stop => break,
                }
            }
        }
        // From the last to the first: what is replaced may move what lies behind it.
        for &(offset, flags) in marked.iter().rev() {
            self.listpack.replace(offset, flags | DELETED);
        }
        let deleted = marked.len() as i64;
        self.change_counters(-deleted, deleted);
        deleted as u64
    }

    /// Takes entries out for good, from the first on, until `choose` stops. Returns how many there were, not counting those
    /// that were deleted before.
    pub(super) fn cut(&mut self, master: StreamId, mut choose: impl FnMut(StreamId) -> Choice) -> u64 {
        let slots = self.all(master);
        let start = self.listpack.offset_of(&slots.rest);
        let (mut live, mut deleted, mut elements) = (0, 0, 0);
        for (slot, _) in slots {
            match slot.is_live() {
                false => deleted += 1,
                true if choose(slot.entry.id) == Choice::Stop => break,
                true => live += 1,
            }
            elements += slot.elements();
        }
        self.listpack.remove_many(start, elements);
        self.change_counters(-live, -deleted);
        live.cast_unsigned()
    }

    /// The node that a foreign listpack is, and the id of its last entry: everything but the order of nodes is checked.
    pub(super) fn from_foreign(master: StreamId, listpack: Listpack) -> Result<(Self, StreamId), Malformed> {
        let layout = Layout::of(&listpack).ok_or(Malformed)?;
        let mut slots = Slots { master, fields: layout.fields, names: layout.names, rest: layout.entries };
        let (mut count, mut deleted, mut last) = (0, 0, None);
        for (slot, _) in slots.by_ref() {
            let ascending = last.map_or(slot.entry.id >= master, |last| slot.entry.id > last);
            let known_flags = slot.flags & !(DELETED | SAME_FIELDS) == 0;
            if !ascending || !known_flags || slot.length != Some(slot.elements() as i64 - 1) {
                return Err(Malformed);
            }
            count += i64::from(slot.is_live());
            deleted += i64::from(!slot.is_live());
            last = Some(slot.entry.id);
        }
        let complete = slots.rest.next().is_none();
        match last {
            Some(last) if complete && (count, deleted) == layout.counters => Ok((Self { listpack }, last)),
            _ => Err(Malformed),
        }
    }
}

/// What is to be done with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Keep,
    Delete,
    /// This one and those behind it stay.
    Stop,
}

/// The parts of a node.
struct Layout<'a> {
    /// Entries, deleted entries.
    counters: (i64, i64),
    /// How many fields the master has.
    fields: usize,
    /// These fields, and all that follows.
    names: listpack::Iter<'a>,
    entries: listpack::Iter<'a>,
}

impl<'a> Layout<'a> {
    /// `None` if the listpack does not begin with a master entry.
    fn of(listpack: &'a Listpack) -> Option<Self> {
        let mut rest = listpack.iter();
        let counters = (rest.next()?.to_i64()?, rest.next()?.to_i64()?);
        let fields = usize::try_from(rest.next()?.to_i64()?).ok()?;
        let names = rest.clone();
        pass(&mut rest, fields)?;
        (rest.next()? == Element::Int(0)).then_some(Self { counters, fields, names, entries: rest })
    }
}

/// Passes over some elements. `None` if there are not so many.
fn pass(elements: &mut listpack::Iter<'_>, count: usize) -> Option<()> {
    match count.checked_sub(1) {
        Some(last) => elements.nth(last).map(drop),
        None => Some(()),
    }
}

/// An entry of a node as it stands there.
struct Slot<'a> {
    flags: i64,
    entry: StreamEntry<'a>,
    /// The number at its end.
    length: Option<i64>,
}

impl Slot<'_> {
    fn is_live(&self) -> bool {
        self.flags & DELETED == 0
    }

    /// How many elements it has in all; the last says how many are before it.
    fn elements(&self) -> usize {
        let fields = if self.flags & SAME_FIELDS != 0 { self.entry.len } else { 1 + 2 * self.entry.len };
        HEAD + fields + 1
    }
}

/// The entries of a node with, each, the elements from it on; the deleted ones too.
#[derive(Clone)]
struct Slots<'a> {
    master: StreamId,
    fields: usize,
    names: listpack::Iter<'a>,
    rest: listpack::Iter<'a>,
}

impl<'a> Slots<'a> {
    /// Reads the entry that `elements` begins with and leaves them behind it. `None` if there is none, or if it is broken off.
    fn read(&self, elements: &mut listpack::Iter<'a>) -> Option<Slot<'a>> {
        let flags = elements.next()?.to_i64()?;
        let mut half = || elements.next().and_then(|element| element.to_i64()).map(i64::cast_unsigned);
        let id = StreamId::new(self.master.ms.wrapping_add(half()?), self.master.seq.wrapping_add(half()?));
        let same = flags & SAME_FIELDS != 0;
        let len = if same { self.fields } else { usize::try_from(elements.next()?.to_i64()?).ok()? };
        let entry = StreamEntry { id, len, names: same.then(|| self.names.clone()), elements: elements.clone() };
        pass(elements, if same { len } else { len.checked_mul(2)? })?;
        Some(Slot { flags, entry, length: elements.next().and_then(|element| element.to_i64()) })
    }
}

impl Slots<'_> {
    /// Passes over the entries with ids below `from`. There is no index in a node, but ids are times and tell which end is
    /// nearer: those who follow a stream ask for its last entries.
    fn seek(&mut self, from: StreamId) {
        let all = self.rest.clone();
        let mut walk = self.clone();
        let Some((last, _)) = self.clone().next_back() else { return };
        let (behind, ahead) = (from.ms.saturating_sub(self.master.ms), last.entry.id.ms.saturating_sub(from.ms));
        if from <= last.entry.id && behind <= ahead {
            while let Some((slot, _)) = walk.next()
                && slot.entry.id < from
            {
                self.rest = walk.rest.clone();
            }
        } else {
            self.rest = all.behind(&all);
            while let Some((slot, _)) = walk.next_back()
                && slot.entry.id >= from
            {
                self.rest = all.behind(&walk.rest);
            }
        }
    }
}

impl<'a> Iterator for Slots<'a> {
    type Item = (Slot<'a>, listpack::Iter<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.rest.clone();
        let mut rest = start.clone();
        let slot = self.read(&mut rest)?;
        self.rest = rest;
        Some((slot, start))
    }
}

impl DoubleEndedIterator for Slots<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let through = self.rest.clone();
        let length = usize::try_from(self.rest.next_back()?.to_i64()?).ok()?;
        self.rest.nth_back(length.checked_sub(1)?)?;
        let start = through.behind(&self.rest);
        Some((self.read(&mut start.clone())?, start))
    }
}

/// The entries of a node with ids in a range.
#[derive(Clone)]
pub(super) struct NodeRange<'a> {
    slots: Slots<'a>,
    /// Whether the entries before `from` are passed over.
    sought: bool,
    from: StreamId,
    to: StreamId,
}

impl<'a> Iterator for NodeRange<'a> {
    type Item = StreamEntry<'a>;

    fn next(&mut self) -> Option<StreamEntry<'a>> {
        if !std::mem::replace(&mut self.sought, true) {
            self.slots.seek(self.from);
        }
        let (slot, _) = self.slots.find(|(slot, _)| slot.is_live() || slot.entry.id > self.to)?;
        (slot.entry.id <= self.to).then_some(slot.entry)
    }
}

impl DoubleEndedIterator for NodeRange<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let wanted = |slot: &Slot<'_>| slot.is_live() && slot.entry.id <= self.to;
        let (slot, _) = self.slots.rfind(|(slot, _)| wanted(slot) || slot.entry.id < self.from)?;
        (slot.entry.id >= self.from).then_some(slot.entry)
    }
}

/// An entry of a stream.
#[derive(Clone)]
pub struct StreamEntry<'a> {
    /// Its id.
    pub id: StreamId,
    /// How many fields there are.
    len: usize,
    /// The fields, if they stand apart from the values.
    names: Option<listpack::Iter<'a>>,
    /// The values, or fields and values by turns; and all that follows.
    elements: listpack::Iter<'a>,
}

impl<'a> StreamEntry<'a> {
    /// How many fields it has.
    pub fn field_count(&self) -> usize {
        self.len
    }

    /// Its fields, each with its value, in the order in which they were given.
    pub fn fields(&self) -> impl Iterator<Item = (Element<'a>, Element<'a>)> + use<'a> {
        let Self { mut names, mut elements, len, .. } = self.clone();
        (0..len).map_while(move |_| {
            let name = names.as_mut().unwrap_or(&mut elements).next()?;
            Some((name, elements.next()?))
        })
    }
}

impl std::fmt::Debug for StreamEntry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ", self.id)?;
        f.debug_map().entries(self.fields()).finish()
    }
}

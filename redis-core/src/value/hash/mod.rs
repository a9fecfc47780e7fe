//! `Hash`: a listpack of fields and values in turn, or a table of fields.
//!
//! | encoding | while |
//! |---|---|
//! | `listpack` | at most `hash-max-listpack-entries` fields, no field or value longer than `hash-max-listpack-value`, no deadlines |
//! | `hashtable` | otherwise; a hash never goes back |
//!
//! # Deadlines of fields
//!
//! A field may end by itself, at a time of its own. As with keys, it is gone for every reader from that moment on, and
//! taken out of memory later, by a write or by [`Hash::reap`]. So reading needs the time, and every method that finds
//! fields takes `now`: a field is live as long as its deadline lies after it.
//!
//! [`Hash::len`] counts what is in memory, expired fields too. That is what HLEN replies, in constant time, at the price
//! that it may be more than the fields one can see. Setting a field anew takes its deadline away; an expired field
//! cannot be removed or given a new deadline, only overwritten.

mod fields;
#[cfg(test)]
mod tests;

use super::either::Either;
use super::listpack::{Element, Listpack, TextBuffer};
use super::member::{Field, Mortal};
use super::{Kind, Limits, Object, Value, sample};
use crate::hash::hash;
use crate::relocate::Relocator;
use crate::rng::below;
use crate::table::{NO_DEADLINE, TableEntry};
use fields::Fields;

/// Fields with a value each.
#[derive(Clone, Debug)]
pub struct Hash {
    repr: Repr,
}

#[derive(Clone, Debug)]
enum Repr {
    /// A field, its value, the next field, its value ...
    Packed(Listpack),
    Table(Box<Fields>),
}

/// The offset of a field in a listpack of fields and values.
fn find_packed(listpack: &Listpack, field: &[u8]) -> Option<usize> {
    listpack.find(field, listpack.first()?, 1)
}

fn value_at(listpack: &Listpack, field: usize) -> usize {
    listpack.next(field).expect("every field has a value")
}

/// The fields and values of a listpack, in pairs.
fn pairs(listpack: &Listpack) -> impl Iterator<Item = (Element<'_>, Element<'_>)> {
    let mut elements = listpack.iter();
    std::iter::from_fn(move || Some((elements.next()?, elements.next()?)))
}

fn pair(field: &Field) -> (Element<'_>, Element<'_>) {
    (Element::Bytes(field.key()), Element::Bytes(field.value()))
}

/// What a hash is made of and how it is asked.
impl Hash {
    /// An empty hash.
    pub fn new() -> Self {
        Self { repr: Repr::Packed(Listpack::new()) }
    }

    /// The hash of a listpack that another hash was.
    #[inline]
    pub(super) fn of_listpack(listpack: Listpack) -> Self {
        Self { repr: Repr::Packed(listpack) }
    }

    /// The hash that a listpack is, as a file brings it: `None` if a field is there twice or has no value.
    pub fn from_listpack(listpack: Listpack, limits: &Limits) -> Option<Self> {
        if !listpack.len().is_multiple_of(2) {
            return None;
        }
        let mut seen = std::collections::HashSet::new();
        let mut longest = 0;
        for (field, value) in pairs(&listpack) {
            longest = longest.max(field.text_len()).max(value.text_len());
            if !seen.insert(field.to_vec()) {
                return None;
            }
        }
        let mut hash = Self { repr: Repr::Packed(listpack) };
        if seen.len() > limits.hash_max_listpack_entries || longest > limits.hash_max_listpack_value {
            hash.become_table();
        }
        Some(hash)
    }

    /// The name of the encoding, for OBJECT ENCODING.
    pub fn encoding(&self) -> &'static str {
        match self.repr {
            Repr::Packed(_) => "listpack",
            Repr::Table(_) => "hashtable",
        }
    }

    /// How many fields are in memory, the expired ones that were not taken out yet among them.
    pub fn len(&self) -> usize {
        match &self.repr {
            Repr::Packed(listpack) => listpack.len() / 2,
            Repr::Table(fields) => fields.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes the hash holds of the heap.
    pub fn memory(&self) -> usize {
        match &self.repr {
            Repr::Packed(listpack) => listpack.memory(),
            Repr::Table(fields) => fields.memory(),
        }
    }

    /// About how many allocations there are to free.
    pub fn free_effort(&self) -> usize {
        match &self.repr {
            Repr::Packed(_) => 1,
            Repr::Table(fields) => fields.len(),
        }
    }

    /// The hash as a listpack, if that is its encoding; for dumps.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.repr {
            Repr::Packed(listpack) => Some(listpack),
            Repr::Table(_) => None,
        }
    }

    /// A time before which no field ends; [`NO_DEADLINE`] if none ever does.
    pub fn next_deadline(&self) -> u64 {
        match &self.repr {
            Repr::Packed(_) => NO_DEADLINE,
            Repr::Table(fields) => fields.next_deadline(),
        }
    }

    /// How many fields one can see: all that are in memory but the expired ones. Takes no time unless something may have
    /// expired.
    pub fn live_len(&self, now: u64) -> usize {
        match &self.repr {
            Repr::Table(fields) if fields.next_deadline() <= now => fields.live(now).count(),
            _ => self.len(),
        }
    }

    /// Whether there is such a field in memory and its time is over.
    pub fn has_expired(&self, field: &[u8], now: u64) -> bool {
        match &self.repr {
            Repr::Packed(_) => false,
            Repr::Table(fields) => fields.is_due(field, now),
        }
    }

    /// The value of a field.
    pub fn get(&self, field: &[u8], now: u64) -> Option<Element<'_>> {
        match &self.repr {
            Repr::Packed(listpack) => {
                let field = find_packed(listpack, field)?;
                Some(listpack.at(value_at(listpack, field)))
            }
            Repr::Table(fields) => fields.find(field, now).map(|field| Element::Bytes(field.value())),
        }
    }

    /// Whether there is such a field.
    pub fn contains(&self, field: &[u8], now: u64) -> bool {
        match &self.repr {
            Repr::Packed(listpack) => find_packed(listpack, field).is_some(),
            Repr::Table(fields) => fields.find(field, now).is_some(),
        }
    }

    /// How long the text of a field's value is; 0 if there is no such field.
    pub fn value_len(&self, field: &[u8], now: u64) -> usize {
        self.get(field, now).map_or(0, |value| value.text_len())
    }

    /// When a field ends, [`NO_DEADLINE`] if it does not; `None` if there is no such field.
    pub fn deadline(&self, field: &[u8], now: u64) -> Option<u64> {
        match &self.repr {
            Repr::Packed(listpack) => find_packed(listpack, field).map(|_| NO_DEADLINE),
            Repr::Table(fields) => fields.find(field, now).map(Mortal::ends_at),
        }
    }

    /// The fields with their values: in the order of addition in a listpack, in no order in a table.
    pub fn iter(&self, now: u64) -> impl Iterator<Item = (Element<'_>, Element<'_>)> {
        match &self.repr {
            Repr::Packed(listpack) => Either::First(pairs(listpack)),
            Repr::Table(fields) if fields.next_deadline() > now => Either::Second(fields.iter().map(pair)),
            Repr::Table(fields) => Either::Third(fields.live(now).map(pair)),
        }
    }

    /// All that is in memory, fields, values and deadlines; for dumps.
    pub fn iter_with_deadlines(&self) -> impl Iterator<Item = (Element<'_>, Element<'_>, u64)> {
        let (listpack, fields) = match &self.repr {
            Repr::Packed(listpack) => (Some(listpack), None),
            Repr::Table(fields) => (None, Some(fields)),
        };
        let packed = listpack.into_iter().flat_map(pairs).map(|(field, value)| (field, value, NO_DEADLINE));
        packed.chain(fields.into_iter().flat_map(|fields| fields.iter()).map(|field| {
            let (name, value) = pair(field);
            (name, value, field.ends_at())
        }))
    }

    /// One step of HSCAN: visits some fields and returns the next cursor, 0 at the end. A listpack is visited whole, as a
    /// cursor could not survive a change of it.
    pub fn scan(&self, cursor: u64, now: u64, visit: &mut dyn FnMut(Element<'_>, Element<'_>)) -> u64 {
        match &self.repr {
            Repr::Packed(listpack) => {
                pairs(listpack).for_each(|(field, value)| visit(field, value));
                0
            }
            Repr::Table(fields) => fields.scan_live(cursor, now, &mut |field| {
                let (field, value) = pair(field);
                visit(field, value);
            }),
        }
    }

    /// As [`Hash::scan`], with the deadlines; for dumps.
    pub fn scan_with_deadlines(
        &self,
        cursor: u64,
        now: u64,
        visit: &mut dyn FnMut(Element<'_>, Element<'_>, u64),
    ) -> u64 {
        match &self.repr {
            Repr::Packed(listpack) => {
                pairs(listpack).for_each(|(field, value)| visit(field, value, NO_DEADLINE));
                0
            }
            Repr::Table(fields) => fields.scan_live(cursor, now, &mut |field| {
                let (name, value) = pair(field);
                visit(name, value, field.ends_at());
            }),
        }
    }

    /// Any field with its value, each as likely as the others.
    pub fn random(&self, now: u64) -> Option<(Element<'_>, Element<'_>)> {
        match &self.repr {
            Repr::Packed(listpack) if listpack.is_empty() => None,
            Repr::Packed(listpack) => {
                let field = listpack.seek(2 * below(self.len()) as i64)?;
                Some((listpack.at(field), listpack.at(value_at(listpack, field))))
            }
            Repr::Table(fields) => fields.random_live(now).map(pair),
        }
    }

    /// Visits `count` random fields, none of them twice; all fields if there are no more.
    pub fn sample(&self, count: usize, now: u64, visit: &mut dyn FnMut(Element<'_>, Element<'_>)) {
        match &self.repr {
            Repr::Packed(listpack) => {
                let chosen = sample::reservoir(pairs(listpack), count);
                chosen.into_iter().for_each(|(field, value)| visit(field, value));
            }
            Repr::Table(fields) => fields.sample_live(count, now, &mut |field| {
                let (field, value) = pair(field);
                visit(field, value);
            }),
        }
    }

    /// Visits `count` random fields, each drawn among all. None if there are no fields.
    pub fn sample_with_repeats(&self, count: usize, now: u64, visit: &mut dyn FnMut(Element<'_>, Element<'_>)) {
        match &self.repr {
            Repr::Packed(listpack) => {
                let pairs: Vec<_> = pairs(listpack).collect();
                let draws = if pairs.is_empty() { 0 } else { count };
                for _ in 0..draws {
                    let (field, value) = pairs[below(pairs.len())];
                    visit(field, value);
                }
            }
            Repr::Table(fields) => fields.sample_live_with_repeats(count, now, &mut |field| {
                let (field, value) = pair(field);
                visit(field, value);
            }),
        }
    }
}

/// How a hash is changed.
impl Hash {
    /// Prepares for the setting of `count` fields, some of which may be there already: if so many would not stay compact,
    /// the hash does not wait for them to prove it.
    pub fn expect(&mut self, count: usize, limits: &Limits) {
        if count > limits.hash_max_listpack_entries {
            self.become_table();
        }
    }

    /// Sets a field to a value and takes away its deadline. Returns whether the field is new.
    pub fn set(&mut self, field: &[u8], value: &[u8], now: u64, limits: &Limits) -> bool {
        self.set_with_deadline(field, value, NO_DEADLINE, now, limits)
    }

    /// Sets a field to a value and leaves its deadline as it is, as HINCRBY does. Returns whether the field is new.
    pub fn set_keeping_deadline(&mut self, field: &[u8], value: &[u8], now: u64, limits: &Limits) -> bool {
        let deadline = match &self.repr {
            Repr::Packed(_) => NO_DEADLINE,
            Repr::Table(fields) => fields.find(field, now).map_or(NO_DEADLINE, Mortal::ends_at),
        };
        self.set_with_deadline(field, value, deadline, now, limits)
    }

    /// Sets a field to a value that ends at `deadline`. Returns whether the field is new.
    pub fn set_with_deadline(&mut self, field: &[u8], value: &[u8], deadline: u64, now: u64, limits: &Limits) -> bool {
        if let Repr::Packed(listpack) = &mut self.repr
            && deadline == NO_DEADLINE
            && field.len().max(value.len()) <= limits.hash_max_listpack_value
            && listpack.has_room_for(field.len() + value.len())
        {
            let found = find_packed(listpack, field);
            if let Some(field) = found {
                listpack.replace(value_at(listpack, field), value);
            } else {
                listpack.push_back(field);
                listpack.push_back(value);
            }
            if listpack.len() / 2 > limits.hash_max_listpack_entries {
                self.become_table();
            }
            return found.is_none();
        }
        self.become_table().set(field, value, deadline, now)
    }

    /// Removes a field. Returns whether it was there; an expired one was not, and stays for [`Hash::reap`].
    pub fn remove(&mut self, field: &[u8], now: u64) -> bool {
        match &mut self.repr {
            Repr::Packed(listpack) => {
                let found = find_packed(listpack, field);
                if let Some(field) = found {
                    listpack.remove_many(field, 2);
                }
                found.is_some()
            }
            Repr::Table(fields) => fields.remove(field, now),
        }
    }

    /// Gives a field a deadline, or takes it away if `deadline` is [`NO_DEADLINE`]. Returns the old one; `None` if there is no
    /// such field. The hash becomes a table.
    pub fn set_deadline(&mut self, field: &[u8], deadline: u64, now: u64) -> Option<u64> {
        if let Repr::Packed(listpack) = &self.repr {
            find_packed(listpack, field)?;
            if deadline == NO_DEADLINE {
                return Some(NO_DEADLINE);
            }
        }
        self.become_table().set_deadline(field, deadline, now)
    }

    /// Takes away a field's deadline. Returns whether it had one; `None` if there is no such field.
    pub fn persist(&mut self, field: &[u8], now: u64) -> Option<bool> {
        let old = self.set_deadline(field, NO_DEADLINE, now)?;
        Some(old != NO_DEADLINE)
    }

    /// Takes fields that have expired out of memory, at most `limit`, and shows each to `gone`. Returns how many
    /// went; a later call goes on where this one stopped.
    pub fn reap(&mut self, now: u64, limit: usize, gone: &mut dyn FnMut(&[u8], &[u8])) -> usize {
        match &mut self.repr {
            Repr::Packed(_) => 0,
            Repr::Table(fields) => fields.reap(now, limit, &mut |field| gone(field.key(), field.value())),
        }
    }

    /// One step of the walk that moves what is wanted elsewhere; answers where to go on, 0 at the end.
    pub(super) fn relocate(&mut self, place: u64, relocator: &mut Relocator<'_>) -> u64 {
        match &mut self.repr {
            Repr::Packed(listpack) => {
                listpack.relocate(relocator);
                0
            }
            Repr::Table(fields) => fields.relocate(place, relocator),
        }
    }

    fn become_table(&mut self) -> &mut Fields {
        if let Repr::Packed(listpack) = &self.repr {
            let mut fields = Box::new(Fields::new());
            for (field, value) in pairs(listpack) {
                let (mut field_text, mut value_text) = (TextBuffer::new(), TextBuffer::new());
                let (field, value) = (field.text(&mut field_text), value.text(&mut value_text));
                fields.insert_new(hash(field), Field::new(field, value, NO_DEADLINE));
            }
            self.repr = Repr::Table(fields);
        }
        match &mut self.repr {
            Repr::Table(fields) => fields,
            Repr::Packed(_) => unreachable!("it was made a table above"),
        }
    }
}

impl Default for Hash {
    fn default() -> Self {
        Self::new()
    }
}

impl Value for Hash {
    const KIND: Kind = Kind::Hash;

    fn from_object(object: &Object) -> Option<&Self> {
        match object {
            Object::Hash(hash) => Some(hash),
            _ => None,
        }
    }

    fn from_object_mut(object: &mut Object) -> Option<&mut Self> {
        match object {
            Object::Hash(hash) => Some(hash),
            _ => None,
        }
    }

    fn into_object(self) -> Object {
        Object::Hash(self)
    }
}

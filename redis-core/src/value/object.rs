//! `Object`: a value of any kind but a string.

use super::{Custom, Hash, Kind, List, Set, Stream, Value, ZSet};
use crate::relocate::Relocator;
use crate::table::NO_DEADLINE;

/// A value of any kind but a string.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Object {
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A hash.
    Hash(Hash),
    /// A sorted set.
    ZSet(ZSet),
    /// A stream.
    Stream(Box<Stream>),
    /// A value of a type that is not built in.
    Custom(Custom),
}

impl Object {
    /// The kind of value.
    pub fn kind(&self) -> Kind {
        match self {
            Self::List(_) => List::KIND,
            Self::Set(_) => Set::KIND,
            Self::Hash(_) => Hash::KIND,
            Self::ZSet(_) => ZSet::KIND,
            Self::Stream(_) => Stream::KIND,
            Self::Custom(_) => Kind::Custom,
        }
    }

    /// The name of its type, which TYPE replies.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Custom(value) => value.type_name(),
            built_in => built_in.kind().name(),
        }
    }

    /// The name of the encoding, for OBJECT ENCODING.
    ///
    /// A list is a `quicklist` whatever its size, as in Redis 7.0: a small one is the case of a single node.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::List(_) => "quicklist",
            Self::Set(set) => set.encoding(),
            Self::Hash(hash) => hash.encoding(),
            Self::ZSet(set) => set.encoding(),
            Self::Stream(_) => "stream",
            // As Redis has it for the values of modules.
            Self::Custom(_) => "raw",
        }
    }

    /// How many elements, members, fields or entries there are. What is in a custom value is its own affair: it is one, or
    /// nothing.
    pub fn len(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Set(set) => set.len(),
            Self::Hash(hash) => hash.len(),
            Self::ZSet(set) => set.len(),
            Self::Stream(stream) => stream.entries.len() as usize,
            Self::Custom(value) => usize::from(!value.is_empty()),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the key must go, as there are no collections without elements. A stream stays: without entries, it still
    /// remembers its ids and has its groups.
    pub fn must_go(&self) -> bool {
        self.is_empty() && !matches!(self, Self::Stream(_))
    }

    /// How many bytes the value holds of the heap, without the `Object` itself.
    pub fn memory(&self) -> usize {
        match self {
            Self::List(list) => list.memory(),
            Self::Set(set) => set.memory(),
            Self::Hash(hash) => hash.memory(),
            Self::ZSet(set) => set.memory(),
            Self::Stream(stream) => stream.memory(),
            Self::Custom(value) => value.memory(),
        }
    }

    /// When the first member of the value ends by itself, a field of a hash for instance. [`NO_DEADLINE`] if none does.
    #[inline]
    pub fn next_deadline(&self) -> u64 {
        match self {
            Self::Hash(hash) => hash.next_deadline(),
            Self::Set(set) => set.next_deadline(),
            Self::ZSet(set) => set.next_deadline(),
            Self::List(_) | Self::Stream(_) | Self::Custom(_) => NO_DEADLINE,
        }
    }

    /// Whether the value itself looks at the time when it is read, and does not show members that are due: a hash does,
    /// because what is due counts in HLEN. Of any other value they must be taken out before it is read.
    pub fn hides_due_members(&self) -> bool {
        matches!(self, Self::Hash(_))
    }

    /// Takes members out of memory whose deadline is not after `now`, at most `limit`, earliest first, and shows each to
    /// `gone`. Returns how many.
    pub fn reap(&mut self, now: u64, limit: usize, gone: &mut dyn FnMut(&[u8])) -> usize {
        match self {
            Self::Hash(hash) => hash.reap(now, limit, &mut |field, _| gone(field)),
            Self::Set(set) => set.reap(now, limit, gone),
            Self::ZSet(set) => set.reap(now, limit, gone),
            Self::List(_) | Self::Stream(_) | Self::Custom(_) => 0,
        }
    }

    /// One step of the walk that moves what is wanted elsewhere, beginning with 0; answers where to go on, 0 at the end.
    /// What changes between two steps may be passed over. Values of other types stay where they are.
    pub(crate) fn relocate(&mut self, place: u64, relocator: &mut Relocator<'_>) -> u64 {
        match self {
            Self::List(list) => list.relocate(place, relocator),
            Self::Set(set) => set.relocate(place, relocator),
            Self::Hash(hash) => hash.relocate(place, relocator),
            Self::ZSet(set) => set.relocate(place, relocator),
            Self::Stream(stream) => stream.entries.relocate(place, relocator),
            Self::Custom(_) => 0,
        }
    }

    /// About how many allocations there are to free, by which it is decided whether to free them elsewhere.
    pub fn free_effort(&self) -> usize {
        match self {
            Self::List(list) => list.free_effort(),
            Self::Set(set) => set.free_effort(),
            Self::Hash(hash) => hash.free_effort(),
            Self::ZSet(set) => set.free_effort(),
            Self::Stream(stream) => stream.free_effort(),
            Self::Custom(value) => value.free_effort(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, Value};
    use super::*;

    #[test]
    fn an_object_is_three_words() {
        assert!(size_of::<Object>() <= 24, "{}", size_of::<Object>());
    }

    #[test]
    fn values_go_in_and_come_out() {
        let mut set = Set::new();
        assert!(set.add(b"member", &Limits::default()));
        let mut object = set.into_object();
        assert_eq!((object.kind().name(), object.encoding(), object.len()), ("set", "listpack", 1));
        assert!(Set::from_object(&object).is_some_and(|set| set.contains(b"member")));
        assert!(List::from_object(&object).is_none() && Hash::from_object_mut(&mut object).is_none());
        let copy = object.clone();
        assert!(Set::from_object_mut(&mut object).is_some_and(|set| set.remove(b"member")));
        assert!(object.must_go() && !copy.must_go());
        assert_eq!(object.next_deadline(), NO_DEADLINE);
        assert!(!Stream::new().into_object().must_go());
    }
}

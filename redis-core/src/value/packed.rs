//! Small collections as bytes that stand in the entry of their key.
//!
//! A collection of a few elements is one listpack or one intset. As an allocation of its own it would cost a key some 30
//! bytes more and every command a cache miss, so its bytes stand in the entry, behind the key:
//!
//! ```text
//! a listpack    how many elements, one byte    the elements' entries
//! an intset     the width, one byte            the integers
//! ```
//!
//! Whoever reads gets an [`Object`] that shows these bytes without owning them ([`ObjectRef`]). For a writer the entry is
//! opened: then the object stands there by itself, until the entry is closed again. One of the few modules with `unsafe`.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Deref;

use super::intset::IntSet;
use super::tight::Buffer;
use super::{Hash, Kind, List, Listpack, Object, Set, ZSet};
use crate::table::NO_DEADLINE;

/// The most bytes that stand in an entry: as many as one byte can tell, with two values to spare.
const PACKED_MAX: usize = 253;

/// What bytes in an entry are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Listpack,
    IntSet,
}

/// A small collection, taken apart: one byte, and those that follow it.
pub(crate) struct Packed<'a> {
    pub(crate) packing: Packing,
    pub(crate) first: u8,
    pub(crate) rest: &'a [u8],
}

impl Packed<'_> {
    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        1 + self.rest.len()
    }
}

impl Object {
    /// The bytes by which the value can stand in an entry, if it is small enough. An empty one is not: it is about to be
    /// filled, or to go.
    pub(crate) fn packed(&self) -> Option<Packed<'_>> {
        let listpack = match self {
            Self::List(list) => list.as_listpack(),
            Self::Hash(hash) => hash.as_listpack(),
            Self::ZSet(set) => set.as_listpack().filter(|_| set.next_deadline() == NO_DEADLINE),
            Self::Set(set) => match set.as_intset() {
                Some(intset) => {
                    let (first, rest) = intset.as_bytes().split_first()?;
                    let small = !rest.is_empty() && rest.len() < PACKED_MAX;
                    return small.then_some(Packed { packing: Packing::IntSet, first: *first, rest });
                }
                None => set.as_listpack(),
            },
            Self::Stream(_) | Self::Custom(_) => None,
        }?;
        let rest = listpack.entries();
        let first = u8::try_from(listpack.len()).ok()?;
        let small = !rest.is_empty() && rest.len() < PACKED_MAX;
        small.then_some(Packed { packing: Packing::Listpack, first, rest })
    }
}

/// A value to be looked at, which stands in an entry by itself or as bytes.
#[derive(Debug)]
pub struct ObjectRef<'a>(Inner<'a>);

#[derive(Debug)]
enum Inner<'a> {
    Object(&'a Object),
    /// An object that shows the bytes of an entry.
    Bytes(Object, PhantomData<&'a [u8]>),
}

impl<'a> ObjectRef<'a> {
    /// The value of that kind that is packed in `bytes`.
    ///
    /// # Safety
    ///
    /// The bytes are those of a [`Packed`] value of this kind and packing.
    ///
    /// # Panics
    ///
    /// If there are none, or no value of the kind is ever packed.
    #[inline]
    pub(crate) unsafe fn of_packed(kind: Kind, packing: Packing, bytes: &'a [u8]) -> Self {
        let (count, entries) = bytes.split_first().expect("what is packed begins with a byte");
        // SAFETY: the bytes are borrowed for as long as the reference that is made here lives; it never lends the object
        // to be changed.
        let buffer = || unsafe { Buffer::lent(entries, u32::from(*count)) };
        let listpack = || Listpack::from_buffer(buffer());
        let object = match (kind, packing) {
            (Kind::List, Packing::Listpack) => Object::List(List::of_listpack(listpack())),
            (Kind::Hash, Packing::Listpack) => Object::Hash(Hash::of_listpack(listpack())),
            (Kind::ZSet, Packing::Listpack) => Object::ZSet(ZSet::of_listpack(listpack())),
            (Kind::Set, Packing::Listpack) => Object::Set(Set::of_listpack(listpack())),
            (Kind::Set, Packing::IntSet) => {
                // SAFETY: as above.
                let buffer = unsafe { Buffer::lent(bytes, ()) };
                Object::Set(Set::of_intset(IntSet::from_buffer(buffer)))
            }
            _ => unreachable!("nothing else is packed"),
        };
        Self(Inner::Bytes(object, PhantomData))
    }

    /// The object, put where it stays as long as the borrow needs it, if it does not stand in the entry.
    #[inline]
    pub(crate) fn kept(self, arena: &'a ObjectArena) -> &'a Object {
        match self.0 {
            Inner::Object(object) => object,
            Inner::Bytes(object, _) => arena.keep(object),
        }
    }
}

impl<'a> From<&'a Object> for ObjectRef<'a> {
    #[inline]
    fn from(object: &'a Object) -> Self {
        Self(Inner::Object(object))
    }
}

impl Deref for ObjectRef<'_> {
    type Target = Object;

    #[inline]
    fn deref(&self) -> &Object {
        match &self.0 {
            Inner::Object(object) => object,
            Inner::Bytes(object, _) => object,
        }
    }
}

/// Where the objects stand that a command reads and whose bytes are in entries. They own nothing, so nothing is lost when
/// they are forgotten.
#[derive(Default)]
pub struct ObjectArena {
    bump: bumpalo::Bump,
    used: Cell<bool>,
}

impl ObjectArena {
    #[inline]
    fn keep(&self, object: Object) -> &Object {
        self.used.set(true);
        self.bump.alloc(object)
    }

    /// Forgets all objects.
    #[inline]
    pub(crate) fn clear(&mut self) {
        if self.used.take() {
            self.reset();
        }
    }

    fn reset(&mut self) {
        /// What is kept for the next command.
        const KEPT: usize = 1 << 16;
        if self.bump.allocated_bytes() > KEPT {
            self.bump = bumpalo::Bump::new();
        }
        self.bump.reset();
    }
}

//! One node of a quicklist: a listpack of short elements, or one long element.

use crate::value::listpack::{self, Element, Listpack};
use crate::value::tight;

/// What a node holds. Compressed nodes (`list-compress-depth`) would be a third variant, opened by `Quicklist::edit` and
/// by the iterator, which are the only ones to look inside.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Elements. The listpack knows their number, so that searching an index touches nothing but the nodes themselves.
    Packed(Listpack),
    /// An element too long to be moved about in a listpack.
    Plain(Box<[u8]>),
}

/// A node to be looked at: what a dump is made of.
#[derive(Clone, Copy, Debug)]
pub enum NodeRef<'a> {
    /// Elements.
    Packed(&'a Listpack),
    /// One long element, always a text even if it looks like a number.
    Plain(&'a [u8]),
}

impl Node {
    pub(super) fn of_element(element: Element<'_>) -> Self {
        let mut listpack = Listpack::new();
        listpack.push_back(element);
        Self::Packed(listpack)
    }

    #[inline]
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Packed(listpack) => listpack.len(),
            Self::Plain(_) => 1,
        }
    }

    /// How many bytes it holds of the heap.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Packed(listpack) => listpack.memory(),
            Self::Plain(element) => tight::size_class(element.len()),
        }
    }

    pub(super) fn view(&self) -> NodeRef<'_> {
        match self {
            Self::Packed(listpack) => NodeRef::Packed(listpack),
            Self::Plain(element) => NodeRef::Plain(element),
        }
    }
}

impl<'a> NodeRef<'a> {
    /// How many elements there are.
    pub fn len(self) -> usize {
        match self {
            Self::Packed(listpack) => listpack.len(),
            Self::Plain(_) => 1,
        }
    }

    /// Whether there is none, which no node of a list that is not empty is.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    pub(super) fn get(self, index: usize) -> Option<Element<'a>> {
        match self {
            Self::Packed(listpack) => listpack.get(index as i64),
            Self::Plain(element) => (index == 0).then_some(Element::Bytes(element)),
        }
    }

    /// The elements from number `index` on, or back to the first.
    pub(super) fn iter_from(self, index: usize, backward: bool) -> NodeIter<'a> {
        match self {
            Self::Plain(element) => NodeIter::Plain((index == 0).then_some(element)),
            Self::Packed(listpack) => match listpack.seek(index as i64) {
                Some(offset) if backward => NodeIter::Packed(listpack.iter_through(offset)),
                Some(offset) => NodeIter::Packed(listpack.iter_from(offset)),
                None => NodeIter::Plain(None),
            },
        }
    }
}

/// The elements of one node.
#[derive(Clone)]
pub(super) enum NodeIter<'a> {
    Packed(listpack::Iter<'a>),
    Plain(Option<&'a [u8]>),
}

impl<'a> NodeIter<'a> {
    #[inline]
    pub(super) fn step(&mut self, backward: bool) -> Option<Element<'a>> {
        match self {
            Self::Packed(elements) if backward => elements.next_back(),
            Self::Packed(elements) => elements.next(),
            Self::Plain(element) => element.take().map(Element::Bytes),
        }
    }
}

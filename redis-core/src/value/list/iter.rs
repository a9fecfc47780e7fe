//! Walking a list from any element, in either direction.

use std::iter::FusedIterator;

use super::List;
use super::node::NodeIter;
use crate::value::listpack::Element;

/// Elements of a list, one after another; see [`List::iter_from`] and [`List::iter_back_from`].
#[derive(Clone)]
pub struct Iter<'a> {
    list: &'a List,
    /// The number of the node that is being walked.
    node: usize,
    elements: NodeIter<'a>,
    backward: bool,
    left: usize,
}

impl<'a> Iter<'a> {
    /// From element number `index` on. Nothing if there is no such element.
    pub(super) fn new(list: &'a List, index: usize, backward: bool) -> Self {
        let place = list.locate(index);
        let node = place.and_then(|place| list.node(place.node));
        let (Some(place), Some(node)) = (place, node) else {
            return Self { list, node: 0, elements: NodeIter::Plain(None), backward, left: 0 };
        };
        Self {
            list,
            node: place.node,
            elements: node.iter_from(place.index, backward),
            backward,
            left: if backward { index + 1 } else { list.len() - index },
        }
    }

    /// Goes on with the next node, or with the one before.
    #[cold]
    fn turn(&mut self) -> Option<()> {
        self.node = if self.backward { self.node.checked_sub(1)? } else { self.node + 1 };
        let node = self.list.node(self.node)?;
        let first = if self.backward { node.len().checked_sub(1)? } else { 0 };
        self.elements = node.iter_from(first, self.backward);
        Some(())
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        loop {
            if let Some(element) = self.elements.step(self.backward) {
                return Some(element);
            }
            self.turn()?;
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl FusedIterator for Iter<'_> {}

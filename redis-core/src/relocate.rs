//! Moving allocations to where they stand closer together.
//!
//! What is freed here and there leaves pages that are mostly empty and cannot be given back. Whoever owns an allocation
//! can make another one, copy, and free the first: the allocator fills the pages that are fullest. Only the allocator
//! knows for which allocations that is worth while, so a [`Relocator`] asks.

/// Asks for each allocation whether it shall move, and counts.
pub(crate) struct Relocator<'a> {
    is_sparse: &'a dyn Fn(*const u8) -> bool,
    /// How many allocations were moved.
    pub(crate) moved: u64,
    /// How many were left where they are.
    pub(crate) left: u64,
}

impl<'a> Relocator<'a> {
    /// `is_sparse` tells of an address whether the allocation that begins there has few others beside it.
    pub(crate) fn new(is_sparse: &'a dyn Fn(*const u8) -> bool) -> Self {
        Self { is_sparse, moved: 0, left: 0 }
    }

    /// Whether the allocation that begins at an address shall move. If so, the caller moves it.
    pub(crate) fn wants<T>(&mut self, start: *const T) -> bool {
        let wanted = (self.is_sparse)(start.cast());
        *if wanted { &mut self.moved } else { &mut self.left } += 1;
        wanted
    }

    /// Moves a boxed value.
    pub(crate) fn boxed<T: Default>(&mut self, boxed: &mut Box<T>) {
        if size_of::<T>() > 0 && self.wants(&raw const **boxed) {
            let moved = Box::new(std::mem::take(&mut **boxed));
            *boxed = moved;
        }
    }

    /// Moves the elements of a vector, whose capacity stays.
    pub(crate) fn vec<T>(&mut self, vec: &mut Vec<T>) {
        if size_of::<T>() > 0 && vec.capacity() > 0 && self.wants(vec.as_ptr()) {
            let mut moved = Vec::with_capacity(vec.capacity());
            moved.append(vec);
            *vec = moved;
        }
    }

    /// Moves a boxed text.
    pub(crate) fn text(&mut self, text: &mut Box<[u8]>) {
        if !text.is_empty() && self.wants(text.as_ptr()) {
            *text = text.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_moves_and_stays_what_it_is() {
        for wanted in [false, true] {
            let answer = |_: *const u8| wanted;
            let mut relocator = Relocator::new(&answer);
            let (mut boxed, mut vec, mut text): (_, _, Box<[u8]>) =
                (Box::new(7_u64), vec![1_u8, 2, 3], b"text"[..].into());
            let before = (&raw const *boxed, vec.as_ptr(), text.as_ptr());
            relocator.boxed(&mut boxed);
            relocator.vec(&mut vec);
            relocator.text(&mut text);
            let after = (&raw const *boxed, vec.as_ptr(), text.as_ptr());
            assert_eq!((*boxed, &*vec, &*text), (7, &[1, 2, 3][..], &b"text"[..]));
            assert_eq!((relocator.moved, relocator.left), if wanted { (3, 0) } else { (0, 3) });
            assert_eq!(before == after, !wanted);
            relocator.vec(&mut Vec::<u8>::new());
            relocator.text(&mut Box::default());
            assert_eq!(relocator.moved + relocator.left, 3, "nothing is no allocation");
        }
    }
}

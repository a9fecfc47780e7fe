//! One iterator type for the encodings of a value, so that a walk over any of them allocates nothing.

/// An iterator that is one of three.
pub(super) enum Either<A, B, C> {
    First(A),
    Second(B),
    Third(C),
}

impl<T, A, B, C> Iterator for Either<A, B, C>
where
    A: Iterator<Item = T>,
    B: Iterator<Item = T>,
    C: Iterator<Item = T>,
{
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        match self {
            Self::First(items) => items.next(),
            Self::Second(items) => items.next(),
            Self::Third(items) => items.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::First(items) => items.size_hint(),
            Self::Second(items) => items.size_hint(),
            Self::Third(items) => items.size_hint(),
        }
    }
}

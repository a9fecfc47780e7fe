//! List commands: sequences of strings, pushed and popped at both ends.
//!
//! A list that becomes empty is removed with its key, which [`Db::changed`] sees to. What is popped goes from the list
//! straight into the reply.

mod blocking;
mod edit;
mod pop;
mod push;
mod read;
mod transfer;

use redis_core::prelude::*;
use redis_core::value::list;

family!("list", acl = LIST);

/// An end of a list, as commands name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Options)]
enum Side {
    /// The head.
    Left,
    /// The tail.
    Right,
}

impl Side {
    /// The event of a push at this end.
    fn pushed(self) -> &'static str {
        match self {
            Side::Left => "lpush",
            Side::Right => "rpush",
        }
    }

    /// The event of a pop at this end.
    fn popped(self) -> &'static str {
        match self {
            Side::Left => "lpop",
            Side::Right => "rpop",
        }
    }

    /// The word for it.
    fn token(self) -> &'static str {
        match self {
            Side::Left => "LEFT",
            Side::Right => "RIGHT",
        }
    }
}

impl From<Side> for list::Side {
    fn from(side: Side) -> Self {
        match side {
            Side::Left => list::Side::Front,
            Side::Right => list::Side::Back,
        }
    }
}

/// The elements from index `start` to index `stop`, both included and negative from the end, of a list of `len`: the
/// first one's number, and how many there are.
fn span(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_front = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let (start, stop) = (from_front(start).max(0), from_front(stop).min(len - 1));
    if start > stop {
        return (0, 0);
    }
    // Both lie within the list now.
    (start.unsigned_abs() as usize, (stop - start + 1).unsigned_abs() as usize)
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_are_cut_to_the_list() {
        for (start, stop, expected) in [
            (0, -1, (0, 5)),
            (1, 3, (1, 3)),
            (-2, -1, (3, 2)),
            (-100, 100, (0, 5)),
            (3, 1, (0, 0)),
            (5, 9, (0, 0)),
            (0, -6, (0, 0)),
            (i64::MIN, i64::MAX, (0, 5)),
            (i64::MAX, i64::MIN, (0, 0)),
        ] {
            assert_eq!(span(start, stop, 5), expected, "{start} to {stop}");
        }
        assert_eq!(span(0, -1, 0), (0, 0));
    }
}

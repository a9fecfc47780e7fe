//! Random choices among the members of a collection.

use std::collections::HashSet;

use crate::rng::{below, next_u64};
use crate::table::{Table, TableEntry};

/// `count` of the items, every choice equally likely; all of them if there are no more. In one pass, without knowing
/// beforehand how many there are.
pub(super) fn reservoir<T>(items: impl Iterator<Item = T>, count: usize) -> Vec<T> {
    let mut chosen = Vec::new();
    if count == 0 {
        return chosen;
    }
    for (seen, item) in items.enumerate() {
        if chosen.len() < count {
            chosen.push(item);
        } else if let Some(place) = chosen.get_mut(below(seen + 1)) {
            *place = item;
        }
    }
    chosen
}

/// Visits `count` entries of a table, no one twice. Draws again what was drawn before while that is rare, and goes through
/// all entries when it is not.
pub(super) fn distinct<E: TableEntry>(table: &Table<E>, count: usize, visit: &mut dyn FnMut(&E)) {
    if count.saturating_mul(3) > table.len() {
        reservoir(table.iter(), count).into_iter().for_each(visit);
        return;
    }
    let mut drawn = HashSet::with_capacity(count);
    while drawn.len() < count {
        let Some(entry) = table.random(next_u64) else {
            return;
        };
        if drawn.insert(entry.key()) {
            visit(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reservoir_is_fair() {
        let mut counts = [0; 10];
        for _ in 0..10_000 {
            reservoir(0..10, 3).into_iter().for_each(|item| counts[item] += 1);
        }
        for count in counts {
            assert!((2_600..3_400).contains(&count), "{counts:?}");
        }
        assert_eq!(reservoir(0..3, 5), [0, 1, 2]);
        assert!(reservoir(0..3, 0).is_empty());
    }
}

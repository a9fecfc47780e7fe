//! A map from names to values that remembers the order in which the names came.
//!
//! Patterns are tried, and a connection's subscriptions are dropped, in the order of subscription. Removal must
//! stay cheap with many names too, so this is not a list: a hash map gives a name its number and a tree keeps
//! numbers in order.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

/// An insertion-ordered map keyed by name.
#[derive(Debug)]
pub(super) struct OrderedMap<V> {
    numbers: HashMap<Bytes, u64>,
    entries: BTreeMap<u64, (Bytes, V)>,
    next: u64,
}

impl<V> Default for OrderedMap<V> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), entries: BTreeMap::new(), next: 0 }
    }
}

impl<V> OrderedMap<V> {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn contains(&self, name: &[u8]) -> bool {
        self.numbers.contains_key(name)
    }

    pub(super) fn get_mut(&mut self, name: &[u8]) -> Option<&mut V> {
        let number = self.numbers.get(name)?;
        self.entries.get_mut(number).map(|(_, value)| value)
    }

    /// Adds a name that is known to be absent, behind all others.
    pub(super) fn insert_new(&mut self, name: Bytes, value: V) {
        self.numbers.insert(name.clone(), self.next);
        self.entries.insert(self.next, (name, value));
        self.next += 1;
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Option<V> {
        let number = self.numbers.remove(name)?;
        self.entries.remove(&number).map(|(_, value)| value)
    }

    /// Takes the oldest name out.
    pub(super) fn pop_first(&mut self) -> Option<(Bytes, V)> {
        let (_, entry) = self.entries.pop_first()?;
        self.numbers.remove(&entry.0);
        Some(entry)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Bytes, &V)> {
        self.entries.values().map(|(name, value)| (name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order_of_insertion() {
        let mut map = OrderedMap::default();
        for (value, name) in ["c", "a", "b"].into_iter().enumerate() {
            map.insert_new(Bytes::from_static(name.as_bytes()), value);
        }
        assert_eq!(map.remove(b"a"), Some(1));
        assert_eq!(map.remove(b"a"), None);
        map.insert_new(Bytes::from_static(b"a"), 9);
        *map.get_mut(b"b").unwrap() += 10;
        let all: Vec<_> = map.iter().map(|(n, v)| (n.to_vec(), *v)).collect();
        assert_eq!(all, [(b"c".to_vec(), 0), (b"b".to_vec(), 12), (b"a".to_vec(), 9)]);
        assert_eq!(map.pop_first().unwrap().0, "c");
        assert!(!map.contains(b"c"));
        assert_eq!(map.len(), 2);
    }
}

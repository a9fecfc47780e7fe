//! DEBUG DIGEST: a hash of the data that does not depend on the order in which they are found.
//!
//! Two data sets with the same keys, values, deadlines of members and expiring keys have the same digest, in whatever
//! encodings and order they are. It is compared with digests of the same program only.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher};

use redis_core::db::Entry;
use redis_core::prelude::*;
use redis_core::value::stream::StreamId;
use redis_core::value::{Element, Object};

/// A hash of 160 bits; that of nothing is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest([u64; 3]);

impl Digest {
    /// The digest of parts in this order.
    fn of(parts: &[&[u8]]) -> Self {
        Self::fed(|mut state| parts.hash(&mut state))
    }

    /// The digest of what `feed` tells a hash, which it does several times.
    fn fed(feed: impl Fn(&mut dyn Hasher)) -> Self {
        let word = |seed: u64| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u64(seed);
            feed(&mut hasher);
            hasher.finish()
        };
        Digest([word(0), word(1), word(2) >> 32])
    }

    /// Adds a part whose place does not matter. The same part twice is nothing.
    fn join(&mut self, part: Digest) {
        self.0.iter_mut().zip(part.0).for_each(|(own, other)| *own ^= other);
    }

    fn bytes(self) -> Vec<u8> {
        self.0.iter().flat_map(|word| word.to_be_bytes()).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.0;
        write!(f, "{a:016x}{b:016x}{c:08x}")
    }
}

/// The digest of all databases.
pub(super) fn dataset(keyspace: &Keyspace) -> Digest {
    let mut digest = Digest::default();
    for database in 0..keyspace.databases() {
        for entry in keyspace.entries_of(database).filter(|entry| keyspace.is_live(entry)) {
            let value = of_entry(entry, keyspace.now()).bytes();
            let expires = [u8::from(entry.expires_at() != redis_core::table::NO_DEADLINE)];
            digest.join(Digest::of(&[&database.to_be_bytes(), entry.key(), &value, &expires]));
        }
    }
    digest
}

/// The digest of a key's value in the selected database; zero if there is no such key.
pub(super) fn value(keyspace: &Keyspace, key: &[u8]) -> Digest {
    keyspace.find(key).map_or_else(Digest::default, |entry| of_entry(entry, keyspace.now()))
}

fn of_entry(entry: &Entry, now: u64) -> Digest {
    let text = |element: Element<'_>| element.to_vec();
    match entry.object().as_deref() {
        None => Digest::of(&[b"string", entry.string_bytes()]),
        Some(Object::List(list)) => {
            let elements: Vec<_> = list.iter().map(text).collect();
            let mut parts: Vec<&[u8]> = vec![b"list"];
            parts.extend(elements.iter().map(Vec::as_slice));
            Digest::of(&parts)
        }
        Some(Object::Set(set)) => {
            let mut digest = Digest::of(&[b"set"]);
            for (member, deadline) in set.iter_with_deadlines().filter(|(.., deadline)| *deadline > now) {
                digest.join(Digest::of(&[&text(member), &deadline.to_be_bytes()]));
            }
            digest
        }
        Some(Object::Hash(hash)) => {
            let mut digest = Digest::of(&[b"hash"]);
            for (field, value, deadline) in hash.iter_with_deadlines().filter(|(.., deadline)| *deadline > now) {
                digest.join(Digest::of(&[&text(field), &text(value), &deadline.to_be_bytes()]));
            }
            digest
        }
        Some(Object::ZSet(set)) => {
            let mut digest = Digest::of(&[b"zset"]);
            for (member, score, deadline) in set.iter_with_deadlines().filter(|(.., deadline)| *deadline > now) {
                digest.join(Digest::of(&[&text(member), &score.to_be_bytes(), &deadline.to_be_bytes()]));
            }
            digest
        }
        Some(Object::Stream(stream)) => of_stream(stream),
        Some(Object::Custom(value)) => Digest::fed(|state| {
            state.write(value.type_name().as_bytes());
            value.digest(state);
        }),
        Some(_) => Digest::of(&[entry.type_name().as_bytes()]),
    }
}

/// Entries and groups with what is pending; the times at which consumers were there are left out.
fn of_stream(stream: &Stream) -> Digest {
    let entries = &stream.entries;
    let counters = format!("{} {} {}", entries.last_id(), entries.max_deleted_id(), entries.entries_added());
    let mut digest = Digest::of(&[b"stream", counters.as_bytes()]);
    for entry in entries.range(StreamId::MIN, StreamId::MAX) {
        let mut texts = vec![entry.id.to_text().to_vec()];
        texts.extend(entry.fields().flat_map(|(name, value)| [name.to_vec(), value.to_vec()]));
        let parts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        digest.join(Digest::of(&parts));
    }
    for (name, group) in &stream.groups {
        let position = format!("{} {:?}", group.last_id, group.entries_read);
        digest.join(Digest::of(&[b"group", name, position.as_bytes()]));
        for (consumer, _) in group.consumers() {
            digest.join(Digest::of(&[b"consumer", name, consumer]));
        }
        for (id, nack) in group.pending(StreamId::MIN, StreamId::MAX) {
            let delivery = format!("{id} {} {}", nack.delivery_time, nack.delivery_count);
            digest.join(Digest::of(&[b"pending", name, nack.consumer(), delivery.as_bytes()]));
        }
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_matters_within_a_part_only() {
        let (a, b) = (Digest::of(&[b"a", b"b"]), Digest::of(&[b"ab"]));
        assert_ne!(a, b);
        let (mut first, mut second) = (a, b);
        first.join(b);
        second.join(a);
        assert_eq!(first, second);
        assert_eq!(a.to_string().len(), 40);
        assert_eq!(Digest::default().to_string(), "0".repeat(40));
    }
}

//! A connection's own view of what it is subscribed to.
//!
//! The registry in the parent module knows who listens to a channel; this knows, for one connection, which channels
//! those are. It answers the counts in the replies, drives `UNSUBSCRIBE` without arguments and is what a disconnect
//! walks. Only [`PubSub`](super::PubSub) changes it, so that the two views agree.

use bytes::Bytes;

use super::ordered::OrderedMap;

/// The three separate name spaces of publish/subscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionKind {
    /// `SUBSCRIBE`: a channel by its name.
    Channel,
    /// `PSUBSCRIBE`: all channels whose name matches a pattern.
    Pattern,
    /// `SSUBSCRIBE`: a channel that lives in the hash slot of its name.
    Shard,
}

impl SubscriptionKind {
    /// All of them, in the order in which a disconnecting client leaves them.
    pub const ALL: [Self; 3] = [Self::Channel, Self::Shard, Self::Pattern];

    /// The first element of the reply to subscribing.
    pub fn subscribe_verb(self) -> &'static str {
        match self {
            Self::Channel => "subscribe",
            Self::Pattern => "psubscribe",
            Self::Shard => "ssubscribe",
        }
    }

    /// The first element of the reply to unsubscribing.
    pub fn unsubscribe_verb(self) -> &'static str {
        match self {
            Self::Channel => "unsubscribe",
            Self::Pattern => "punsubscribe",
            Self::Shard => "sunsubscribe",
        }
    }
}

/// What one connection is subscribed to, in the order of subscription.
///
/// Takes one pointer until the first subscription: nearly all connections have none.
#[derive(Debug, Default)]
pub struct Subscriptions(Option<Box<Sets>>);

#[derive(Debug, Default)]
struct Sets {
    by_kind: [OrderedMap<()>; 3],
    /// The bytes of all names.
    names: usize,
}

/// About what a subscription occupies beside its name: its places in the lists and indexes of the connection and of the
/// channel.
const SUBSCRIPTION: usize = 256;

impl Subscriptions {
    /// No subscription.
    pub fn new() -> Self {
        Self::default()
    }

    fn set(&self, kind: SubscriptionKind) -> Option<&OrderedMap<()>> {
        self.0.as_ref().map(|sets| &sets.by_kind[kind as usize])
    }

    /// How many of one kind.
    pub fn len(&self, kind: SubscriptionKind) -> usize {
        self.set(kind).map_or(0, OrderedMap::len)
    }

    /// How many of all kinds: a RESP2 connection is in subscribed mode while this is not zero.
    pub fn total(&self) -> usize {
        SubscriptionKind::ALL.iter().map(|kind| self.len(*kind)).sum()
    }

    /// Whether there is none of any kind.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_none() || self.total() == 0
    }

    /// The count that replies to (un)subscribing carry: channels and patterns together, shard channels on their own.
    pub fn reported(&self, kind: SubscriptionKind) -> usize {
        use SubscriptionKind::{Channel, Pattern, Shard};
        match kind {
            Channel | Pattern => self.len(Channel) + self.len(Pattern),
            Shard => self.len(Shard),
        }
    }

    /// About how much memory they occupy.
    pub fn memory(&self) -> usize {
        self.0.as_ref().map_or(0, |sets| size_of::<Sets>() + sets.names + self.total() * SUBSCRIPTION)
    }

    /// Whether subscribed to that name.
    pub fn contains(&self, kind: SubscriptionKind, name: &[u8]) -> bool {
        self.set(kind).is_some_and(|set| set.contains(name))
    }

    /// The names of one kind, oldest first.
    pub fn names(&self, kind: SubscriptionKind) -> impl Iterator<Item = &Bytes> {
        self.set(kind).into_iter().flat_map(|set| set.iter().map(|(name, ())| name))
    }

    pub(super) fn insert_new(&mut self, kind: SubscriptionKind, name: Bytes) {
        let sets = self.0.get_or_insert_default();
        sets.names += name.len();
        sets.by_kind[kind as usize].insert_new(name, ());
    }

    pub(super) fn remove(&mut self, kind: SubscriptionKind, name: &[u8]) -> bool {
        let Some(sets) = &mut self.0 else { return false };
        let removed = sets.by_kind[kind as usize].remove(name).is_some();
        if removed {
            sets.names -= name.len();
        }
        removed
    }

    pub(super) fn pop_first(&mut self, kind: SubscriptionKind) -> Option<Bytes> {
        let sets = self.0.as_mut()?;
        let (name, ()) = sets.by_kind[kind as usize].pop_first()?;
        sets.names -= name.len();
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_kind() {
        let mut own = Subscriptions::new();
        assert!(own.is_empty() && own.names(SubscriptionKind::Channel).next().is_none());
        own.insert_new(SubscriptionKind::Channel, Bytes::from_static(b"b"));
        own.insert_new(SubscriptionKind::Channel, Bytes::from_static(b"a"));
        own.insert_new(SubscriptionKind::Pattern, Bytes::from_static(b"*"));
        own.insert_new(SubscriptionKind::Shard, Bytes::from_static(b"a"));
        assert_eq!(own.total(), 4);
        assert_eq!(own.reported(SubscriptionKind::Pattern), 3);
        assert_eq!(own.reported(SubscriptionKind::Shard), 1);
        let names: Vec<_> = own.names(SubscriptionKind::Channel).collect();
        assert_eq!(names, ["b", "a"]);
        assert!(own.remove(SubscriptionKind::Channel, b"b"));
        assert!(!own.remove(SubscriptionKind::Channel, b"b"));
        assert_eq!(own.pop_first(SubscriptionKind::Channel).unwrap(), "a");
        assert_eq!(own.pop_first(SubscriptionKind::Channel), None);
        assert!(!own.is_empty());
    }
}

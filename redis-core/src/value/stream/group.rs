//! Consumer groups: who was sent what and has not acknowledged it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{StreamId, map_memory};
use crate::value::tight;

/// A consumer group of a stream.
///
/// What is pending is kept twice, as in Redis: for the group, each id with its [`Nack`]; and for each consumer the bare ids.
/// Every id that a consumer has, the group has with that consumer's name, and the other way round.
#[derive(Clone, Debug)]
pub struct Group {
    /// The id of the last entry that was delivered: what the group reads next is behind it.
    pub last_id: StreamId,
    /// How many of all entries ever added come up to `last_id`, for its lag. `None` if it is not known.
    pub entries_read: Option<u64>,
    pending: BTreeMap<StreamId, Nack>,
    consumers: BTreeMap<Arc<[u8]>, Consumer>,
}

/// An entry that was delivered and is not acknowledged.
#[derive(Clone, Debug)]
pub struct Nack {
    consumer: Arc<[u8]>,
    /// When it was delivered last, unix milliseconds.
    pub delivery_time: u64,
    /// How often it was delivered.
    pub delivery_count: u64,
}

impl Nack {
    /// The name of the consumer that it was delivered to.
    pub fn consumer(&self) -> &[u8] {
        &self.consumer
    }
}

/// A consumer of a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// The key that it has in the group, to be shared by what is pending.
    name: Arc<[u8]>,
    /// When it last asked for anything, unix milliseconds.
    pub seen_time: u64,
    /// When an entry last became pending for it, delivered or claimed, unix milliseconds; `None` if none ever did.
    pub active_time: Option<u64>,
    pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// How many entries it has not acknowledged.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }
}

/// Pending entries.
impl Group {
    /// A group without consumers that has come to `last_id`.
    pub fn new(last_id: StreamId, entries_read: Option<u64>) -> Self {
        Self { last_id, entries_read, pending: BTreeMap::new(), consumers: BTreeMap::new() }
    }

    /// How many entries are pending.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The pending entries with ids from `from` to `to`, both included. None if `from` is above `to`.
    pub fn pending(&self, from: StreamId, to: StreamId) -> impl DoubleEndedIterator<Item = (StreamId, &Nack)> {
        let range = (from <= to).then(|| self.pending.range(from..=to));
        range.into_iter().flatten().map(|(id, nack)| (*id, nack))
    }

    /// The pending entries of one consumer, likewise.
    pub fn pending_of(
        &self,
        consumer: &[u8],
        from: StreamId,
        to: StreamId,
    ) -> impl DoubleEndedIterator<Item = (StreamId, &Nack)> {
        let consumer = self.consumers.get(consumer).filter(|_| from <= to);
        let ids = consumer.into_iter().flat_map(move |consumer| consumer.pending.range(from..=to));
        ids.filter_map(|id| Some((*id, self.pending.get(id)?)))
    }

    /// The pending entry with this id.
    pub fn nack(&self, id: StreamId) -> Option<&Nack> {
        self.pending.get(&id)
    }

    /// Counts a pending entry as delivered to its consumer once more.
    pub(super) fn deliver_again(&mut self, id: StreamId, now: u64) {
        if let Some(nack) = self.pending.get_mut(&id) {
            nack.delivery_time = now;
            nack.delivery_count = nack.delivery_count.saturating_add(1);
        }
    }

    /// Makes an entry pending for a consumer, who is made if there is none of that name: a new one, or one that another
    /// consumer had until now.
    pub fn assign(&mut self, id: StreamId, consumer: &[u8], delivery_time: u64, delivery_count: u64) {
        self.ack(id);
        self.create_consumer(consumer, delivery_time);
        let consumer = self.consumers.get_mut(consumer).expect("it was made, if there was none");
        consumer.pending.insert(id);
        let nack = Nack { consumer: Arc::clone(&consumer.name), delivery_time, delivery_count };
        self.pending.insert(id, nack);
    }

    /// Ends that an entry is pending: it was acknowledged, or is no more. False if it is not.
    pub fn ack(&mut self, id: StreamId) -> bool {
        let Some(nack) = self.pending.remove(&id) else { return false };
        if let Some(consumer) = self.consumers.get_mut(&nack.consumer) {
            consumer.pending.remove(&id);
        }
        true
    }
}

/// Consumers.
impl Group {
    /// The consumers in the order of their names.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = (&[u8], &Consumer)> {
        self.consumers.iter().map(|(name, consumer)| (&**name, consumer))
    }

    /// The consumer of this name.
    pub fn consumer(&self, name: &[u8]) -> Option<&Consumer> {
        self.consumers.get(name)
    }

    /// The consumer of this name, to set its times.
    pub fn consumer_mut(&mut self, name: &[u8]) -> Option<&mut Consumer> {
        self.consumers.get_mut(name)
    }

    /// Makes a consumer, who is seen at the time `now`. False if there is one of that name already, who stays as it is.
    pub fn create_consumer(&mut self, name: &[u8], now: u64) -> bool {
        let absent = !self.consumers.contains_key(name);
        if absent {
            let name = Arc::from(name);
            let pending = BTreeSet::new();
            let consumer = Consumer { name: Arc::clone(&name), seen_time: now, active_time: None, pending };
            self.consumers.insert(name, consumer);
        }
        absent
    }

    /// Removes a consumer, and ends that its entries are pending. Returns how many there were; `None` if there is no such
    /// consumer.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let consumer = self.consumers.remove(name)?;
        for id in &consumer.pending {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    /// About how many bytes are held of the heap.
    pub fn memory(&self) -> usize {
        const NACK: usize = size_of::<StreamId>() + size_of::<Nack>();
        const CONSUMER: usize = size_of::<Arc<[u8]>>() + size_of::<Consumer>();
        // A counted name has two counters in front of it.
        let name = |name: &[u8]| tight::size_class(2 * size_of::<usize>() + name.len());
        let consumers = self.consumers();
        let names: usize = consumers
            .map(|(text, consumer)| name(text) + map_memory(consumer.pending.len(), size_of::<StreamId>()))
            .sum();
        names + map_memory(self.pending.len(), NACK) + map_memory(self.consumers.len(), CONSUMER)
    }
}

//! The map from channel names to subscribers, cut into pieces so that workers publishing to different channels
//! seldom meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::{Mutex, MutexGuard};

use super::subscribers::{Subscriber, SubscriberSet};
use crate::hash::hash;

/// Number of pieces; a power of two.
const PIECES: usize = 16;

/// A channel somebody is subscribed to.
#[derive(Debug)]
struct Channel {
    name: Bytes,
    subscribers: SubscriberSet,
}

/// One piece on its own cache line: a lock taken by one worker does not slow down its neighbours.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Piece(Mutex<HashTable<Channel>>);

/// All channels of one name space. A channel exists while it has subscribers.
#[derive(Debug, Default)]
pub(super) struct ChannelMap {
    pieces: [Piece; PIECES],
    len: AtomicUsize,
}

/// The piece of one channel, locked: all that is published to a channel passes here one by one, which gives all its
/// subscribers the same order.
pub(super) struct Locked<'a> {
    table: MutexGuard<'a, HashTable<Channel>>,
    hash: u64,
}

impl Locked<'_> {
    pub(super) fn subscribers(&self, name: &[u8]) -> Option<&SubscriberSet> {
        self.table.find(self.hash, |channel| channel.name == name).map(|channel| &channel.subscribers)
    }
}

impl ChannelMap {
    /// How many channels have subscribers.
    pub(super) fn len(&self) -> usize {
        self.len.load(Relaxed)
    }

    pub(super) fn lock(&self, name: &[u8]) -> Locked<'_> {
        let hash = hash(name);
        // The table inside uses the low bits to place and the top seven to tag, so the piece comes from between.
        let piece = &self.pieces[(hash >> 48) as usize % PIECES];
        Locked { table: piece.0.lock(), hash }
    }

    /// Adds a subscriber and returns the channel's name as the map holds it, so that the subscriber can share it.
    pub(super) fn subscribe(&self, name: &[u8], subscriber: &Arc<Subscriber>) -> Bytes {
        let mut locked = self.lock(name);
        let found = locked.table.entry(locked.hash, |channel| channel.name == name, |channel| hash(&channel.name));
        let mut entry = match found {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => {
                self.len.fetch_add(1, Relaxed);
                entry.insert(Channel { name: Bytes::copy_from_slice(name), subscribers: SubscriberSet::default() })
            }
        };
        let channel = entry.get_mut();
        channel.subscribers.insert(subscriber);
        channel.name.clone()
    }

    /// Takes a subscriber out, and the channel with its last one.
    pub(super) fn unsubscribe(&self, name: &[u8], id: u64) {
        let mut locked = self.lock(name);
        let hash = locked.hash;
        let found = locked.table.find_entry(hash, |channel| channel.name == name);
        if let Ok(mut entry) = found {
            let subscribers = &mut entry.get_mut().subscribers;
            subscribers.remove(id);
            if subscribers.is_empty() {
                entry.remove();
                self.len.fetch_sub(1, Relaxed);
            }
        }
    }

    /// The names that `wanted` accepts, in no order.
    pub(super) fn names(&self, mut wanted: impl FnMut(&[u8]) -> bool) -> Vec<Bytes> {
        let mut names = Vec::new();
        for piece in &self.pieces {
            let table = piece.0.lock();
            let accepted = table.iter().filter(|channel| wanted(&channel.name));
            names.extend(accepted.map(|channel| channel.name.clone()));
        }
        names
    }

    pub(super) fn subscriber_count(&self, name: &[u8]) -> usize {
        self.lock(name).subscribers(name).map_or(0, SubscriberSet::len)
    }
}

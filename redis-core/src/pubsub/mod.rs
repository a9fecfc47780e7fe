//! Publish/subscribe: who listens to what, and the way of a message to its listeners.
//!
//! Connections of all worker threads subscribe and publish, so this is shared state. A publisher encodes its
//! message (once for each protocol that is needed), and leaves a reference to it in the [`Mailbox`] of
//! every subscriber; the tasks that own the connections write it out. Publishing never waits for a socket.
//!
//! Order. All that is published to one channel passes under the lock of that channel's piece of the map, pattern
//! subscribers included. So every subscriber sees the messages of a channel in the same order, whichever threads
//! published them, and a client that is subscribed both by name and by pattern gets the `message` before the
//! `pmessage`. Locks are taken in this order: piece of the map, list of patterns, mailbox.
//!
//! Most servers have no subscriber at all while keyspace notifications publish at every write, hence the check of two
//! counters that comes before anything is hashed or locked.

mod channels;
mod mailbox;
mod message;
mod ordered;
mod subscribers;
mod subscriptions;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use parking_lot::RwLock;

pub use mailbox::{AtomicLimits, CloseReason, Mail, Mailbox, OutputLimits};
pub use subscribers::Subscriber;
pub use subscriptions::{SubscriptionKind, Subscriptions};

use crate::glob;
use channels::ChannelMap;
use message::Message;
use ordered::OrderedMap;
use subscribers::SubscriberSet;

/// The registry of all subscriptions of a server.
#[derive(Debug, Default)]
pub struct PubSub {
    channels: ChannelMap,
    shard_channels: ChannelMap,
    patterns: RwLock<OrderedMap<SubscriberSet>>,
    /// Length of `patterns`, readable without the lock.
    pattern_count: AtomicUsize,
    /// Connections with at least one subscription.
    clients: AtomicUsize,
    /// The `pubsub` class of `client-output-buffer-limit`.
    output_limits: AtomicLimits,
}

impl PubSub {
    /// A registry without subscribers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how much may wait for a subscriber before it is asked to close.
    ///
    /// The owner of a connection leaves its messages in the mailbox while its socket does not accept more, so that
    /// this sees a reader who has stopped reading.
    pub fn set_output_limits(&self, limits: OutputLimits) {
        self.output_limits.set(limits);
    }

    /// How much may wait for a subscriber.
    pub fn output_limits(&self) -> OutputLimits {
        self.output_limits.get()
    }

    /// `PUBLISH`: returns how many subscriptions received the message.
    pub fn publish(&self, channel: &[u8], payload: &[u8]) -> usize {
        if self.channels.len() == 0 && self.pattern_count.load(Relaxed) == 0 {
            return 0;
        }
        let limits = self.output_limits.get();
        let locked = self.channels.lock(channel);
        let mut receivers = 0;
        if let Some(subscribers) = locked.subscribers(channel) {
            let mut message = Message::new("message", None, channel, payload);
            receivers += subscribers.deliver(&mut message, limits);
        }
        if self.pattern_count.load(Relaxed) != 0 {
            for (pattern, subscribers) in self.patterns.read().iter() {
                if glob::matches(pattern, channel) {
                    let mut message = Message::new("pmessage", Some(pattern), channel, payload);
                    receivers += subscribers.deliver(&mut message, limits);
                }
            }
        }
        receivers
    }

    /// `SPUBLISH`: as [`publish`](Self::publish), to shard channels, which patterns do not reach.
    pub fn publish_shard(&self, channel: &[u8], payload: &[u8]) -> usize {
        if self.shard_channels.len() == 0 {
            return 0;
        }
        let limits = self.output_limits.get();
        let locked = self.shard_channels.lock(channel);
        locked.subscribers(channel).map_or(0, |subscribers| {
            let mut message = Message::new("smessage", None, channel, payload);
            subscribers.deliver(&mut message, limits)
        })
    }

    /// Subscribes a connection to a name. False if it was subscribed already.
    ///
    /// `own` must be the view that belongs to `subscriber`.
    pub fn subscribe(
        &self,
        kind: SubscriptionKind,
        subscriber: &Arc<Subscriber>,
        own: &mut Subscriptions,
        name: &[u8],
    ) -> bool {
        if own.contains(kind, name) {
            return false;
        }
        if own.is_empty() {
            self.clients.fetch_add(1, Relaxed);
        }
        let shared = match kind {
            SubscriptionKind::Channel => self.channels.subscribe(name, subscriber),
            SubscriptionKind::Shard => self.shard_channels.subscribe(name, subscriber),
            SubscriptionKind::Pattern => self.subscribe_pattern(name, subscriber),
        };
        own.insert_new(kind, shared);
        true
    }

    /// Ends one subscription. False if there was none.
    pub fn unsubscribe(
        &self,
        kind: SubscriptionKind,
        subscriber: &Subscriber,
        own: &mut Subscriptions,
        name: &[u8],
    ) -> bool {
        if !own.remove(kind, name) {
            return false;
        }
        self.forget(kind, subscriber, own, name);
        true
    }

    /// Ends all subscriptions of one kind, oldest first, calling `each` after each one with its name and the count
    /// that the reply carries.
    pub fn unsubscribe_kind(
        &self,
        kind: SubscriptionKind,
        subscriber: &Subscriber,
        own: &mut Subscriptions,
        mut each: impl FnMut(&Bytes, usize),
    ) {
        while let Some(name) = own.pop_first(kind) {
            self.forget(kind, subscriber, own, &name);
            each(&name, own.reported(kind));
        }
    }

    /// Ends every subscription of a connection: what a disconnect and `RESET` do.
    pub fn unsubscribe_all(&self, subscriber: &Subscriber, own: &mut Subscriptions) {
        for kind in SubscriptionKind::ALL {
            self.unsubscribe_kind(kind, subscriber, own, |_, _| {});
        }
    }

    /// `PUBSUB CHANNELS`: the names of the channels with subscribers, all or those that match.
    pub fn channels(&self, pattern: Option<&[u8]>) -> Vec<Bytes> {
        self.channels.names(|name| accepts(pattern, name))
    }

    /// `PUBSUB SHARDCHANNELS`.
    pub fn shard_channels(&self, pattern: Option<&[u8]>) -> Vec<Bytes> {
        self.shard_channels.names(|name| accepts(pattern, name))
    }

    /// `PUBSUB NUMSUB` of one channel: its subscribers, those by pattern not counted.
    pub fn subscriber_count(&self, channel: &[u8]) -> usize {
        self.channels.subscriber_count(channel)
    }

    /// `PUBSUB SHARDNUMSUB` of one shard channel.
    pub fn shard_subscriber_count(&self, channel: &[u8]) -> usize {
        self.shard_channels.subscriber_count(channel)
    }

    /// Channels with subscribers: `pubsub_channels` of `INFO`.
    pub fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// Distinct patterns with subscribers: `PUBSUB NUMPAT` and `pubsub_patterns` of `INFO`.
    pub fn pattern_count(&self) -> usize {
        self.pattern_count.load(Relaxed)
    }

    /// Shard channels with subscribers: `pubsubshard_channels` of `INFO`.
    pub fn shard_channel_count(&self) -> usize {
        self.shard_channels.len()
    }

    /// Connections with a subscription of any kind: `pubsub_clients` of `INFO`.
    pub fn client_count(&self) -> usize {
        self.clients.load(Relaxed)
    }

    fn subscribe_pattern(&self, name: &[u8], subscriber: &Arc<Subscriber>) -> Bytes {
        let shared = Bytes::copy_from_slice(name);
        let mut patterns = self.patterns.write();
        match patterns.get_mut(name) {
            Some(subscribers) => {
                subscribers.insert(subscriber);
            }
            None => {
                let mut subscribers = SubscriberSet::default();
                subscribers.insert(subscriber);
                patterns.insert_new(shared.clone(), subscribers);
            }
        }
        self.pattern_count.store(patterns.len(), Relaxed);
        shared
    }

    /// The registry's half of unsubscribing; the name has left `own` already.
    fn forget(&self, kind: SubscriptionKind, subscriber: &Subscriber, own: &Subscriptions, name: &[u8]) {
        match kind {
            SubscriptionKind::Channel => self.channels.unsubscribe(name, subscriber.id),
            SubscriptionKind::Shard => self.shard_channels.unsubscribe(name, subscriber.id),
            SubscriptionKind::Pattern => {
                let mut patterns = self.patterns.write();
                if let Some(subscribers) = patterns.get_mut(name) {
                    subscribers.remove(subscriber.id);
                    if subscribers.is_empty() {
                        patterns.remove(name);
                    }
                }
                self.pattern_count.store(patterns.len(), Relaxed);
            }
        }
        if own.is_empty() {
            self.clients.fetch_sub(1, Relaxed);
        }
    }
}

fn accepts(pattern: Option<&[u8]>, name: &[u8]) -> bool {
    pattern.is_none_or(|pattern| glob::matches(pattern, name))
}

#[cfg(test)]
mod tests;

//! A subscriber as the registry sees it, and the set of subscribers of one channel.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use super::mailbox::{Mailbox, OutputLimits};
use super::message::Message;

/// The face of a connection towards publishers: where its messages go, and in which protocol.
#[derive(Debug)]
pub struct Subscriber {
    /// The client's id, unique for the life of the server.
    pub id: u64,
    /// Where its messages are left.
    pub mailbox: Arc<Mailbox>,
    protocol: AtomicU8,
}

impl Subscriber {
    /// A subscriber that speaks RESP2 until told otherwise.
    pub fn new(id: u64, mailbox: Arc<Mailbox>) -> Self {
        Self { id, mailbox, protocol: AtomicU8::new(2) }
    }

    /// The protocol its messages are encoded in: 2 or 3.
    #[inline]
    pub fn protocol(&self) -> u8 {
        self.protocol.load(Relaxed)
    }

    /// Follows `HELLO`. Messages that already wait keep the form they have.
    pub fn set_protocol(&self, protocol: u8) {
        self.protocol.store(protocol, Relaxed);
    }
}

/// Above this many subscribers a set keeps an index; below, looking through the list is as fast and takes no memory.
const INDEX_FROM: usize = 32;

/// The subscribers of one channel.
///
/// A list, because publishing walks it; with an index of positions once it is long, because when a hundred thousand
/// subscribers disconnect together, each searching the list would take seconds. The order is not kept: it cannot be
/// observed across connections.
#[derive(Debug, Default)]
pub(super) struct SubscriberSet {
    list: Vec<Arc<Subscriber>>,
    index: Option<HashMap<u64, usize>>,
}

impl SubscriberSet {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn position(&self, id: u64) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(&id).copied(),
            None => self.list.iter().position(|member| member.id == id),
        }
    }

    /// Adds a subscriber; false if it is a member already.
    pub(super) fn insert(&mut self, subscriber: &Arc<Subscriber>) -> bool {
        if self.position(subscriber.id).is_some() {
            return false;
        }
        self.list.push(subscriber.clone());
        let last = self.list.len() - 1;
        if let Some(index) = &mut self.index {
            index.insert(subscriber.id, last);
        } else if self.list.len() > INDEX_FROM {
            let members = self.list.iter().enumerate();
            self.index = Some(members.map(|(at, member)| (member.id, at)).collect());
        }
        true
    }

    /// Takes a subscriber out; false if it was none.
    pub(super) fn remove(&mut self, id: u64) -> bool {
        let Some(at) = self.position(id) else {
            return false;
        };
        self.list.swap_remove(at);
        if let Some(index) = &mut self.index {
            index.remove(&id);
            if let Some(moved) = self.list.get(at) {
                index.insert(moved.id, at);
            }
        }
        // Half of the threshold, so that a set at the border does not build and drop its index by turns.
        if self.list.len() < INDEX_FROM / 2 && self.index.is_some() {
            self.index = None;
            self.list.shrink_to_fit();
        }
        true
    }

    /// Leaves the message with every subscriber and returns how many there are. A mailbox that then holds more than
    /// `limits` allow is asked to close.
    pub(super) fn deliver(&self, message: &mut Message<'_>, limits: OutputLimits) -> usize {
        for subscriber in &self.list {
            subscriber.mailbox.push_within(message.encoded(subscriber.protocol()), limits);
        }
        self.list.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pubsub::CloseReason;

    fn subscriber(id: u64) -> Arc<Subscriber> {
        Arc::new(Subscriber::new(id, Arc::new(Mailbox::new())))
    }

    #[test]
    fn insert_and_remove_with_and_without_index() {
        let mut set = SubscriberSet::default();
        for id in 0..100 {
            assert!(set.insert(&subscriber(id)));
            assert!(!set.insert(&subscriber(id)));
        }
        assert!(set.index.is_some());
        for id in (0..100).rev().step_by(2).chain((0..100).step_by(2)) {
            assert!(set.remove(id), "{id}");
            assert!(!set.remove(id));
            for member in &set.list {
                assert_eq!(set.position(member.id).map(|at| set.list[at].id), Some(member.id));
            }
        }
        assert!(set.is_empty() && set.index.is_none());
    }

    #[test]
    fn a_full_mailbox_is_asked_to_close() {
        let mut set = SubscriberSet::default();
        let slow = subscriber(1);
        set.insert(&slow);
        for _ in 0..3 {
            set.deliver(&mut Message::new("message", None, b"ch", &[b'x'; 60]), OutputLimits { hard: 200, soft: 0 });
        }
        assert_eq!(slow.mailbox.close_requested(), Some(CloseReason::OutputBufferLimit));
        let other = subscriber(2);
        set.insert(&other);
        set.deliver(&mut Message::new("message", None, b"ch", &[b'x'; 999]), OutputLimits::default());
        assert_eq!(other.mailbox.close_requested(), None);
    }
}

//! What a call did to the data, for those who are told after it.

use super::event::Event;
use crate::args::OwnedArgs;
use crate::value::Kind;

/// What a call did, for those who are told after it.
#[derive(Debug, Default)]
pub struct Changes {
    /// How many changes there were.
    pub dirty: u64,
    /// Events that subscribers asked for.
    pub events: Vec<Event>,
    /// Keys that changed and for which clients are blocked: database, hash, name.
    pub ready: Vec<(usize, u64, Box<[u8]>)>,
    /// What the call found expired, or removed on its own account; logged as deletions before the command's own effect.
    pub vanished: Vec<Vanished>,
    /// Keys that have changed or are gone, if somebody wants to know their names.
    pub touched: Vec<Touched>,
    /// Whole databases have been emptied.
    pub flushed: bool,
    /// How many keys expired.
    pub expired: u64,
    /// How many keys were given up to make room.
    pub evicted: u64,
    /// How many fields of hashes expired.
    pub expired_fields: u64,
    /// How many members of sets and sorted sets expired.
    pub expired_members: u64,
}

impl Changes {
    /// Whether nobody needs to be told anything.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.dirty == 0
            && !self.flushed
            && self.events.is_empty()
            && self.ready.is_empty()
            && self.vanished.is_empty()
            && self.touched.is_empty()
    }
}

/// A key that has changed or is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Its name.
    pub name: Box<[u8]>,
    /// It is the command's doing, and not that of time.
    pub by_command: bool,
}

/// Something that is gone although no command asked for it: a key, or members of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vanished {
    /// The logical database.
    pub database: usize,
    /// The key.
    pub key: Box<[u8]>,
    /// The kind of collection.
    pub kind: Kind,
    /// The members; none if it is the whole key that is gone.
    pub members: Vec<Box<[u8]>>,
}

impl Vanished {
    /// The command that does the same to a copy of the data.
    #[must_use]
    pub fn effect(&self) -> OwnedArgs {
        let name: &[u8] = match self.kind {
            _ if self.members.is_empty() => b"DEL",
            Kind::Hash => b"HDEL",
            Kind::ZSet => b"ZREM",
            _ => b"SREM",
        };
        OwnedArgs::new([name, &*self.key].into_iter().chain(self.members.iter().map(|member| &**member)))
    }
}

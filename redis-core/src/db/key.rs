//! A key that the running command declared.

/// A key of the running command: the position of its name among the arguments, and the hash of the name.
///
/// Only the dispatcher makes one, from the key specifications of the command's declaration, after it has locked the
/// key's shard. So a handler cannot name a key that was not declared, and the name is hashed once, for the shard, the
/// table and the prefetch alike. The name itself is [`Db::name`](super::Db::name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub(crate) hash: u64,
    pub(crate) index: u32,
}

//! A command that waits for a key.
//!
//! Its arguments are kept so that whoever makes one of its keys ready can run it again, on any thread, on the waiting
//! connection's behalf. Exactly one party ends the wait: the one that takes the [`Blocked`] out of its connection, and
//! that leaves the answer in the connection's mailbox before anyone else can see that the wait is over.

use crate::args::OwnedArgs;
use crate::db::Key;
use crate::resp::Reply;

/// A command that waits.
#[derive(Debug)]
pub struct Blocked {
    /// Number of the command.
    pub command: u16,
    /// The request.
    pub args: OwnedArgs,
    /// All declared keys of the request, as the key walk found them.
    pub keys: Box<[Key]>,
    /// Those it waits for.
    pub waits_for: Box<[Key]>,
    /// The database that was selected.
    pub database: usize,
    /// The protocol of the reply.
    pub protocol: u8,
    /// When the wait ends, in milliseconds since 1970.
    pub deadline: Option<u64>,
    /// Whether the command runs again with one of the keys in the place of all it waits for.
    pub one_key: bool,
    /// Writes what is answered when the time is over.
    pub at_timeout: fn(&mut Reply),
    /// The connection wants no reply to this command (CLIENT REPLY).
    pub silent: bool,
}

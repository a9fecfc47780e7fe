//! What `#[command]`, `family!` and `container!` submit to the linker's list.

use super::call::Call;
use super::caller::Task;
use super::docs::Docs;
use super::flags::{Categories, Flags, KeySpec};
use super::schema::Schema;
use crate::error::Error;
use crate::resp::Reply;

/// A family of commands: one module, one Cargo feature.
#[derive(Debug)]
pub struct Family {
    /// The group in COMMAND DOCS.
    pub group: &'static str,
    /// The ACL categories of all its commands.
    pub acl: Categories,
}

/// What a command touches, hence which locks the dispatcher takes before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// No key.
    None,
    /// The shards of the declared keys.
    Keys,
    /// All shards, all the time.
    All,
    /// All shards, one at a time: a [`Walk`](crate::db::Walk) through the keyspace.
    Each,
}

/// The declaration of a command, as the macros build it.
#[derive(Debug)]
pub struct CommandDef {
    /// Name in capitals; for a subcommand the part behind the container.
    pub name: &'static str,
    /// The container in capitals, for a subcommand.
    pub container: Option<&'static str>,
    /// The name as errors and COMMAND show it: `get`, `config|get`.
    pub full_name: &'static str,
    /// Its family.
    pub family: &'static Family,
    /// Number of arguments, name included; negative for a minimum.
    pub arity: i16,
    /// Declared and derived flags.
    pub flags: Flags,
    /// ACL categories beside those of the family and of the flags.
    pub acl: Categories,
    /// Its keys.
    pub keys: &'static [KeySpec],
    /// What it touches.
    pub access: Access,
    /// How it runs.
    pub run: Run,
    /// The shape of its reply.
    pub reply: Schema,
    /// Documentation.
    pub docs: Docs,
}

inventory::collect!(CommandDef);

/// How a command runs.
#[derive(Clone, Copy)]
pub enum Run {
    /// At once, under the locks of its keys.
    Sync(fn(&mut Call<'_>) -> Result<Outcome, Error>),
    /// Not by itself: its subcommands run.
    Container,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Run::Sync(_) => "Sync",
            Run::Container => "Container",
        })
    }
}

/// What became of a call that did not fail.
pub enum Outcome {
    /// The reply is written.
    Done,
    /// Nothing could be done yet: wait until a key changes.
    Wait(Box<Waiting>),
    /// The command is `async`: its task answers.
    Later(Box<Task>),
}

/// What a blocked command waits for.
pub struct Waiting {
    /// The arguments that are the keys, as positions.
    pub keys: smallvec::SmallVec<[crate::db::Key; 4]>,
    /// Arguments that have another text when the command runs again, by position.
    pub remembered: Vec<(usize, Box<[u8]>)>,
    /// What one of the keys must hold; the command then runs with that key in the place of them all. Without it, any
    /// change makes it run as it is.
    pub kind: Option<crate::value::Kind>,
    /// How long; none is for ever.
    pub timeout: Option<std::time::Duration>,
    /// Writes what is answered where nothing may wait.
    pub instead: fn(&mut Reply),
    /// Writes what is answered when the time is over.
    pub at_timeout: fn(&mut Reply),
}

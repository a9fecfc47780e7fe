//! One call of a command: everything that its parameters can be taken from.

use std::sync::Arc;

use super::argument::{Context, Cursor, Secrets};
use super::propagation::Propagation;
use super::registry::Command;
use crate::args::Args;
use crate::db::{Key, Keyspace, Walk};
use crate::resp::Reply;
use crate::server::{Client, Server};

/// A call in progress. The fields are separate so that the code `#[command]` generates can lend them side by side.
pub struct Call<'a> {
    /// The command that runs.
    pub command: &'static Command,
    /// The request.
    pub args: Args<'a>,
    /// Arguments that are found to be secret.
    pub secrets: &'a Secrets,
    /// The keys among the arguments, their shards locked.
    pub keys: &'a [Key],
    /// The data; what the command did not declare is not locked.
    pub keyspace: &'a mut Keyspace,
    /// The connection that asks.
    pub client: &'a mut Client,
    /// Where the reply is written.
    pub reply: &'a mut Reply,
    /// How the change, if any, is logged.
    pub log: &'a mut Propagation,
    /// The worker that runs the command: the way to the server, and for those that run others (EXEC).
    pub worker: &'a mut super::worker::Runner,
}

impl<'a> Call<'a> {
    /// The server.
    #[must_use]
    #[inline]
    pub fn server(&self) -> &Arc<Server> {
        &self.worker.server
    }

    /// The arguments behind the command's name.
    #[must_use]
    #[inline]
    pub fn cursor(&self) -> Cursor<'a> {
        let def = self.command.def;
        Cursor::new(self.args, self.keys, 1 + usize::from(def.container.is_some()), def.full_name, self.secrets)
    }

    /// All keys, one shard at a time.
    #[must_use]
    pub fn walk(&mut self) -> Walk<'_> {
        Walk::new(self.keyspace)
    }

    /// Has the configuration take effect at once, for whatever follows in the same batch or transaction. Other workers
    /// see it when they begin their next batch.
    pub fn refresh_settings(&mut self) {
        self.worker.refresh(self.keyspace);
    }

    /// What the value pass needs to know.
    #[must_use]
    #[inline]
    pub fn context(&self) -> Context {
        Context { command: self.command.def.full_name, now: self.keyspace.now() }
    }
}

//! DEBUG RELOAD, DEBUG LOADAOF: the data set through files and back.

use redis_core::db::Duplicate;
use redis_core::persistence::aof;
use redis_core::persistence::rdb::{self, ReloadError, ReloadOptions};
use redis_core::prelude::*;

/// Saves the data set, removes and loads it, as the words say.
pub(super) fn reload(call: &mut Call, words: &[&[u8]]) -> Result<()> {
    let mut options = ReloadOptions { save: true, flush: true, duplicate: Duplicate::Refuse };
    for word in words {
        match &word.to_ascii_lowercase()[..] {
            b"merge" => options.duplicate = Duplicate::Replace,
            b"noflush" => options.flush = false,
            b"nosave" => options.save = false,
            _ => {
                let text = "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.";
                return Err(Error::new(text));
            }
        }
    }
    match rdb::reload(call.keyspace, &call.worker.server, options) {
        Ok(()) => {
            tracing::warn!("DB reloaded by DEBUG RELOAD");
            call.reply.simple("OK");
            Ok(())
        }
        Err(ReloadError::Save(error)) => {
            tracing::warn!("Error saving the DB: {error}");
            Err(Error::new("ERR"))
        }
        Err(ReloadError::Load(error)) => {
            tracing::warn!("Error loading the DB: {error}");
            Err(Error::new("ERR Error trying to load the RDB dump, check server logs."))
        }
    }
}

/// Removes the data set and loads it from the append only file.
pub(super) fn load_append_only(call: &mut Call) -> Result<()> {
    match aof::reload(call.keyspace, &call.worker.server) {
        Ok(()) => {
            tracing::warn!("Append Only File loaded by DEBUG LOADAOF");
            call.reply.simple("OK");
            Ok(())
        }
        Err(error) => {
            // Half of the data is no data set to be served, nor to be written.
            tracing::warn!("Error trying to load the AOF files: {error}. Exiting.");
            call.server().lifecycle.fail();
            Err(Error::new("ERR Error trying to load the AOF files, check server logs."))
        }
    }
}

//! DEBUG RELOAD: the data set through a file and back.

use redis_core::db::Duplicate;
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
    match rdb::reload(call.keyspace, call.server, options) {
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

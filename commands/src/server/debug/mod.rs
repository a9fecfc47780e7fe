//! DEBUG: what tests need to look behind the commands and to make time pass.
//!
//! Its subcommands are not declared as such, as in Redis: they are no interface for applications, and no client knows
//! them by COMMAND DOCS. `enable-debug-command` decides who may use them.

mod digest;
mod objects;
mod protocol;
mod reload;

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use redis_core::num;
use redis_core::observe::memory::allocator_number;
use redis_core::prelude::*;

use super::{FAMILY, Undocumented};

/// A container for debugging commands.
#[command(
    since = "1.0.0",
    complexity = "Depends on subcommand.",
    flags(ADMIN, NOSCRIPT, LOADING, STALE, SYSTEM),
    access = all,
    reply = Any
)]
fn debug(call: &mut Call, words: Undocumented<1>) -> Result<()> {
    let local = call.client.shared.origin.is_local();
    if !call.server().config.enable_debug_command.get().allows(local) {
        return Err(Error::new(
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it \
             from a local connection, otherwise you need to set this option in the configuration file, and then \
             restart the server.",
        ));
    }
    // What DEBUG does to the data is not told to those who follow them.
    call.log.nothing();
    let name = words.0[0].to_ascii_lowercase();
    match (&name[..], &words.0[1..]) {
        (b"help", []) => write_help(call.reply),
        (b"sleep", [seconds]) => {
            // The locks of all keys are held meanwhile, so that everybody sleeps.
            std::thread::sleep(sleep_time(seconds));
            ok(call);
        }
        (b"set-active-expire", [flag]) => {
            call.server().active_expire.store(is_on(flag), Relaxed);
            ok(call);
        }
        (b"set-skip-checksum-validation", [flag]) => {
            call.server().skip_checksums.store(is_on(flag), Relaxed);
            ok(call);
        }
        (b"pause-cron", [flag]) => {
            call.server().cron_paused.store(is_on(flag), Relaxed);
            ok(call);
        }
        (b"replybuffer", [what, flag]) if what.eq_ignore_ascii_case(b"resizing") => {
            call.server().keep_reply_buffers.store(!is_on(flag), Relaxed);
            ok(call);
        }
        (b"config-rewrite-force-all", []) => {
            call.server().config.rewrite_all().map_err(|error| Error::from(error.to_string()))?;
            ok(call);
        }
        (b"log", [message]) => {
            tracing::warn!("DEBUG LOG: {}", String::from_utf8_lossy(message));
            ok(call);
        }
        (b"error", [message]) => call.reply.error(message),
        (b"mallctl", [name]) => {
            let number = allocator_number(&String::from_utf8_lossy(name));
            let number = number.and_then(|number| i64::try_from(number).ok());
            call.reply.integer(number.ok_or(Error::new("ERR the allocator has no number of that name"))?);
        }
        (b"protocol", [kind]) => protocol::write(kind, call.reply)?,
        (b"quicklist-packed-threshold", [size]) => {
            set_packed_threshold(call, size)?;
            ok(call);
        }
        (b"loadaof", []) => reload::load_append_only(call)?,
        (b"reload", options) => reload::reload(call, options)?,
        (b"digest", []) => call.reply.simple(&digest::dataset(call.keyspace).to_string()),
        (b"digest-value", keys @ [_, ..]) => {
            call.reply.array(keys.len());
            for key in keys {
                call.reply.simple(&digest::value(call.keyspace, key).to_string());
            }
        }
        (b"object", [key]) => objects::describe(call, key, false)?,
        (b"object", [key, fast]) if fast.eq_ignore_ascii_case(b"fast") => objects::describe(call, key, true)?,
        (b"populate", [count]) => objects::populate(call, count, b"key", None)?,
        (b"populate", [count, prefix]) => objects::populate(call, count, prefix, None)?,
        (b"populate", [count, prefix, size]) => objects::populate(call, count, prefix, Some(size))?,
        (b"htstats", [database]) => objects::table_stats(call, database)?,
        (b"htstats", [database, full]) if full.eq_ignore_ascii_case(b"full") => objects::table_stats(call, database)?,
        (b"htstats-key", [key]) => objects::value_table_stats(call, key)?,
        (b"htstats-key", [key, full]) if full.eq_ignore_ascii_case(b"full") => {
            objects::value_table_stats(call, key)?;
        }
        _ => {
            let name = String::from_utf8_lossy(words.0[0]);
            return Err(Error::from(format!(
                "ERR unknown subcommand or wrong number of arguments for '{}'. Try DEBUG HELP.",
                name.chars().take(128).collect::<String>()
            )));
        }
    }
    Ok(())
}

fn ok(call: &mut Call) {
    call.reply.simple("OK");
}

/// Whether a word is a number other than zero.
fn is_on(word: &[u8]) -> bool {
    num::parse_i64(word).is_some_and(|number| number != 0)
}

/// What is no number of seconds is no time.
fn sleep_time(seconds: &[u8]) -> Duration {
    let seconds = num::parse_f64(seconds).unwrap_or(0.0).max(0.0);
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
}

fn set_packed_threshold(call: &mut Call, size: &[u8]) -> Result<()> {
    const MAX: u64 = 4 << 30;
    let bytes = num::parse_memory_size(size).ok().filter(|bytes| *bytes <= MAX);
    let bytes = bytes
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or(Error::new("ERR argument must be a memory value bigger than 1 and smaller than 4gb"))?;
    call.server().config.set_quicklist_packed_threshold(bytes);
    call.refresh_settings();
    Ok(())
}

const HELP: &[(&str, &str)] = &[
    ("CONFIG-REWRITE-FORCE-ALL", "Rewrites the configuration file with a line for every directive."),
    ("DIGEST", "Replies with a hash of all keys and values, the same for the same data."),
    ("DIGEST-VALUE <key> [<key> ...]", "Replies with a hash of each value."),
    ("ERROR <message>", "Replies with that error."),
    ("HTSTATS <database> [full]", "Describes the hash table of a database."),
    ("HTSTATS-KEY <key> [full]", "Describes the hash table of a value."),
    ("LOADAOF", "Writes what is left to the append only file, removes the data and loads them from there."),
    ("LOG <message>", "Writes a message to the log."),
    ("MALLCTL <name>", "Replies with a number of the allocator's, by its own name for it."),
    ("OBJECT <key> [fast]", "Describes how a value is stored; 'fast' leaves out what takes time to find."),
    ("PAUSE-CRON <0|1>", "Stops periodic work, or lets it go on."),
    (
        "POPULATE <count> [<prefix>] [<size>]",
        "Makes keys <prefix>:0 and so on, 'key' being the prefix if none is given, each with a string of <size> bytes.",
    ),
    (
        "PROTOCOL <string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false>",
        "Replies with a value of that type.",
    ),
    (
        "QUICKLIST-PACKED-THRESHOLD <size>",
        "Sets from which size on an element has a list node of its own; 0 for the default.",
    ),
    (
        "RELOAD [MERGE] [NOFLUSH] [NOSAVE]",
        "Saves the data, removes and loads them. MERGE and NOFLUSH keep what is there, with MERGE replacing keys that are in the file, too; NOSAVE loads the file that is there.",
    ),
    ("REPLYBUFFER RESIZING <0|1>", "Keeps reply buffers that have grown large, or goes on giving them back."),
    ("SET-ACTIVE-EXPIRE <0|1>", "Stops the removal of expired keys that nobody asks for, or lets it go on."),
    (
        "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
        "Stops looking at the checksums of snapshots and payloads, or goes on with it.",
    ),
    ("SLEEP <seconds>", "Lets the server do nothing for that long."),
];

fn write_help(reply: &mut Reply) {
    reply.array(1 + 2 * HELP.len());
    reply.simple("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    for (subcommand, text) in HELP {
        reply.simple(subcommand);
        reply.simple(&format!("    {text}"));
    }
}

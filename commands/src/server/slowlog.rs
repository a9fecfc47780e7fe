//! SLOWLOG and COMMANDLOG: commands that took long, or had a large request or reply.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::num;
use redis_core::observe::CommandLog;
use redis_core::prelude::*;

use super::FAMILY;

container!("SLOWLOG", since = "2.2.12", help_since = "6.2.0", "A container for slow log commands.");
container!("COMMANDLOG", since = "8.1.0", help_since = "8.1.0", "A container for command log commands.");

/// How many entries are shown if nobody says.
const DEFAULT_COUNT: usize = 10;

/// How many entries to show; -1 is all of them.
struct EntryCount(usize);

impl<'a> Argument<'a> for EntryCount {
    type Raw = &'a [u8];
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::Integer);

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        cursor.next()
    }

    fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
        match num::parse_i64(raw) {
            Some(-1) => Ok(EntryCount(usize::MAX)),
            Some(count) if count >= 0 => Ok(EntryCount(usize::try_from(count).unwrap_or(usize::MAX))),
            _ => Err(Error::new("ERR count should be greater than or equal to -1")),
        }
    }
}

/// Which log. A word, not a token: a wrong one is a wrong value.
struct LogType(CommandLog);

impl<'a> Argument<'a> for LogType {
    type Raw = &'a [u8];
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = {
        const LOGS: &[ArgDoc] = &[
            ArgDoc::new(ArgKind::PureToken).named("slow").token("SLOW"),
            ArgDoc::new(ArgKind::PureToken).named("large-request").token("LARGE-REQUEST"),
            ArgDoc::new(ArgKind::PureToken).named("large-reply").token("LARGE-REPLY"),
        ];
        ArgDoc::of(ArgKind::OneOf, LOGS).named("type")
    };

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        cursor.next()
    }

    fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
        const UNKNOWN: Error = Error::new("ERR type should be one of the following: slow, large-request, large-reply");
        CommandLog::from_name(raw).map(LogType).ok_or(UNKNOWN)
    }
}

fn write_entries(server: &Server, log: CommandLog, count: usize, reply: &mut Reply) {
    let entries = server.logs.get(log, count);
    reply.array(entries.len());
    for entry in entries {
        reply.array(6);
        for number in [entry.id, entry.time, entry.value] {
            reply.integer(i64::try_from(number).unwrap_or(i64::MAX));
        }
        reply.array(entry.arguments.len());
        entry.arguments.iter().for_each(|argument| reply.bulk(argument));
        reply.bulk(entry.client_address.as_bytes());
        reply.bulk(&entry.client_name);
    }
}

/// Returns the slow log's entries.
#[command(
    "SLOWLOG GET",
    since = "2.2.12",
    complexity = "O(N) where N is the number of entries returned",
    flags(ADMIN, LOADING, STALE),
    tips(REQUEST_POLICY_ALL_NODES, NONDETERMINISTIC_OUTPUT),
    history("4.0.0" = "Added client IP address, port and name to the reply."),
    reply = Array(&Tuple(&[Integer, Integer, Integer, Array(&Bulk), Bulk, Bulk]))
)]
fn slowlog_get(server: &Server, count: Option<EntryCount>, reply: &mut Reply) {
    write_entries(server, CommandLog::Slow, count.map_or(DEFAULT_COUNT, |count| count.0), reply);
}

/// Returns the number of entries in the slow log.
#[command(
    "SLOWLOG LEN",
    since = "2.2.12",
    complexity = "O(1)",
    flags(ADMIN, LOADING, STALE),
    tips(REQUEST_POLICY_ALL_NODES, RESPONSE_POLICY_AGG_SUM, NONDETERMINISTIC_OUTPUT)
)]
fn slowlog_len(server: &Server) -> usize {
    server.logs.len(CommandLog::Slow)
}

/// Clears all entries from the slow log.
#[command(
    "SLOWLOG RESET",
    since = "2.2.12",
    complexity = "O(N) where N is the number of entries in the slow log",
    flags(ADMIN, LOADING, STALE),
    tips(REQUEST_POLICY_ALL_NODES, RESPONSE_POLICY_ALL_SUCCEEDED)
)]
fn slowlog_reset(server: &Server) -> Okay {
    server.logs.reset(CommandLog::Slow);
    Okay
}

/// Returns the entries of one of the command logs.
#[command(
    "COMMANDLOG GET",
    since = "8.1.0",
    complexity = "O(N) where N is the number of entries returned",
    flags(ADMIN, LOADING, STALE),
    tips(REQUEST_POLICY_ALL_NODES, NONDETERMINISTIC_OUTPUT),
    reply = Array(&Tuple(&[Integer, Integer, Integer, Array(&Bulk), Bulk, Bulk]))
)]
fn commandlog_get(server: &Server, count: EntryCount, log: LogType, reply: &mut Reply) {
    write_entries(server, log.0, count.0, reply);
}

/// Returns the number of entries in one of the command logs.
#[command(
    "COMMANDLOG LEN",
    since = "8.1.0",
    complexity = "O(1)",
    flags(ADMIN, LOADING, STALE),
    tips(REQUEST_POLICY_ALL_NODES, RESPONSE_POLICY_AGG_SUM, NONDETERMINISTIC_OUTPUT)
)]
fn commandlog_len(server: &Server, log: LogType) -> usize {
    server.logs.len(log.0)
}

/// Clears all entries from one of the command logs.
#[command(
    "COMMANDLOG RESET",
    since = "8.1.0",
    complexity = "O(N) where N is the number of entries in the log",
    flags(ADMIN, LOADING, STALE),
    tips(REQUEST_POLICY_ALL_NODES, RESPONSE_POLICY_ALL_SUCCEEDED)
)]
fn commandlog_reset(server: &Server, log: LogType) -> Okay {
    server.logs.reset(log.0);
    Okay
}

//! Stream commands: entries that are added at one end and read by id, and groups of consumers who share them out.
//!
//! A stream without entries stays, as it remembers its last id, so nothing here removes a key. What happens to a group
//! (an entry is delivered, claimed, acknowledged) is logged, but is no change to those who watch the key: see
//! [`Db::changed_aside`].
//!
//! | module | |
//! |---|---|
//! | `id` | ids as arguments |
//! | `add`, `trim`, `delete` | changing the entries (and what groups remember of them: `references`) |
//! | `range`, `read` | reading them (the arguments of the latter: `read_options`) |
//! | `groups`, `group_read` | consumer groups, and reading as one of them |
//! | `pending`, `claim` | what was delivered and not acknowledged |
//! | `info` | looking inside |

mod add;
mod claim;
mod delete;
mod group_read;
mod groups;
mod id;
mod info;
mod pending;
mod range;
mod read;
mod read_options;
mod references;
mod trim;

use redis_core::prelude::*;
use redis_core::value::stream::{Group, StreamEntry};

family!("stream", acl = STREAM);

/// An entry in a reply: its id, and a list of fields and values by turns.
const ENTRY: Schema = Schema::Tuple(&[Schema::Bulk, Schema::Array(&Schema::Bulk)]);

/// Writes an entry: its id, and a list of fields and values by turns.
fn write_entry(entry: &StreamEntry<'_>, reply: &mut Reply) {
    reply.array(2);
    reply.bulk(&entry.id.to_text());
    reply.array(2 * entry.field_count());
    for (field, value) in entry.fields() {
        field.write(reply);
        value.write(reply);
    }
}

/// Writes entries as an array. Answers how many there were.
fn write_entries<'e>(entries: impl Iterator<Item = StreamEntry<'e>>, reply: &mut Reply) -> usize {
    let mark = reply.begin_array();
    let mut count = 0;
    for entry in entries {
        write_entry(&entry, reply);
        count += 1;
    }
    reply.finish_array(mark, count);
    count
}

/// The group of that name, for writing.
fn group_mut<'s>(stream: &'s mut Stream, name: &[u8]) -> Option<&'s mut Group> {
    stream.groups.get_mut(name)
}

/// There is no such group, or no such key; `context` follows.
fn no_group(db: &Db, key: Key, group: &[u8], context: &str) -> Error {
    let (key, context) = (db.name(key), context.as_bytes());
    Error::quoting(&[b"NOGROUP No such key '", key, b"' or consumer group '", group, b"'", context])
}

/// There is no such group at a key that exists.
fn no_group_at_key(db: &Db, key: Key, group: &[u8]) -> Error {
    Error::quoting(&[b"NOGROUP No such consumer group '", group, b"' for key name '", db.name(key), b"'"])
}

/// The first `count` of a range; all of them if that is not positive.
fn limit(count: i64) -> usize {
    match usize::try_from(count) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(count) => count,
    }
}

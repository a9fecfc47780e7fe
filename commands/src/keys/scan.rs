//! Walks through the keyspace: KEYS, SCAN, RANDOMKEY.

use redis_core::db::Entry;
use redis_core::prelude::*;

use super::FAMILY;
use crate::scan_options::{ScanCount, matches};

/// Returns all keys whose names match a pattern.
#[command(
    since = "1.0.0",
    complexity = "O(N) where N is the number of keys in the database; O(1) if the pattern is a plain name.",
    acl(KEYSPACE, DANGEROUS),
    tips(REQUEST_POLICY_ALL_SHARDS, NONDETERMINISTIC_OUTPUT_ORDER),
    reply = Array(&Bulk)
)]
fn keys(keyspace: &Keyspace, pattern: Pattern, reply: &mut Reply) {
    let Pattern(pattern) = pattern;
    if is_plain(pattern) {
        reply.array(keyspace.find(pattern).is_some().into());
        keyspace.find(pattern).into_iter().for_each(|entry| reply.bulk(entry.key()));
        return;
    }
    let mark = reply.begin_array();
    let mut count = 0;
    for entry in keyspace.entries() {
        if matches(Some(Pattern(pattern)), entry.key()) && keyspace.is_live(entry) {
            reply.bulk(entry.key());
            count += 1;
        }
    }
    reply.finish_array(mark, count);
}

/// Whether a pattern matches nothing but itself.
fn is_plain(pattern: &[u8]) -> bool {
    !pattern.iter().any(|byte| b"*?[\\".contains(byte))
}

/// Returns some keys of the database, and where to go on.
#[command(
    since = "2.8.0",
    complexity = "O(1) for a call, O(N) until the cursor is 0 again, where N is the number of keys.",
    acl(KEYSPACE),
    tips(NONDETERMINISTIC_OUTPUT, REQUEST_POLICY_SPECIAL, RESPONSE_POLICY_SPECIAL),
    history("6.0.0" = "Takes `TYPE`."),
    reply = Tuple(&[Bulk, Array(&Bulk)])
)]
fn scan(keyspace: &Keyspace, cursor: ScanCursor, options: Late<KeyScanOptions>, reply: &mut Reply) -> Result<()> {
    let options = options.get()?;
    // The cursor stands before the keys in the reply, but is known after them.
    let mut found = Reply::new(reply.protocol());
    let mut count = 0;
    let next = keyspace.scan(cursor.0, ScanCount::or_default(options.count), |entry| {
        match (options.wants(entry), keyspace.is_live(entry)) {
            (true, true) => {
                found.bulk(entry.key());
                count += 1;
            }
            (true, false) => keyspace.note_expired(entry),
            (false, _) => {}
        }
    });
    reply.array(2);
    reply.bulk(next.to_string().as_bytes());
    reply.array(count);
    reply.raw(found.as_bytes());
    Ok(())
}

/// What SCAN looks for.
#[derive(Options)]
struct KeyScanOptions<'a> {
    /// Answer only names that match.
    #[arg(token = "MATCH")]
    pattern: Option<Pattern<'a>>,
    /// About how many keys to look at.
    count: Option<ScanCount>,
    /// Answer only keys that hold a value of this type.
    #[arg(name = "type", token = "TYPE", since = "6.0.0")]
    kind: Option<&'a [u8]>,
}

impl KeyScanOptions<'_> {
    fn wants(&self, entry: &Entry) -> bool {
        let kind = entry.type_name().as_bytes();
        matches(self.pattern, entry.key()) && self.kind.is_none_or(|wanted| wanted.eq_ignore_ascii_case(kind))
    }
}

/// Returns the name of some key, all with the same chance.
#[command(
    since = "1.0.0",
    complexity = "O(1)",
    acl(KEYSPACE),
    tips(REQUEST_POLICY_ALL_SHARDS, RESPONSE_POLICY_SPECIAL, NONDETERMINISTIC_OUTPUT)
)]
fn randomkey(keyspace: &Keyspace) -> Option<&[u8]> {
    keyspace.random().map(Entry::key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pattern_without_signs_is_plain() {
        assert!(is_plain(b"user:1") && is_plain(b"") && is_plain(b"a]b^-"));
        assert!(!is_plain(b"a*") && !is_plain(b"a?") && !is_plain(b"[a]") && !is_plain(b"a\\*"));
    }
}

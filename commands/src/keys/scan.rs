//! Walks through the keyspace: KEYS, SCAN, RANDOMKEY.

use redis_core::db::Entry;
use redis_core::prelude::*;

use super::FAMILY;
use crate::scan_options::{ScanCount, matches};

/// About how many bytes the names of one step of a walk take in a reply.
const STEP: usize = 64 * 1024;

/// Returns all keys whose names match a pattern.
#[command(
    since = "1.0.0",
    complexity = "O(N) where N is the number of keys in the database; O(1) if the pattern is a plain name.",
    acl(KEYSPACE, DANGEROUS),
    tips(REQUEST_POLICY_ALL_SHARDS, NONDETERMINISTIC_OUTPUT_ORDER),
    reply = Array(&Bulk)
)]
fn keys(mut walk: Walk, pattern: Pattern, reply: &mut Reply) {
    let Pattern(name) = pattern;
    if is_plain(name) {
        let there = walk.contains(name);
        reply.array(there.into());
        if there {
            reply.bulk(name);
        }
        return;
    }
    let mark = reply.begin_array();
    let mut count = 0;
    while walk.advance(|entry| {
        if matches(Some(pattern), entry.key()) {
            reply.bulk(entry.key());
            count += 1;
        }
    }) {
        // To move a long reply takes its time, which nobody should wait for.
        reply.reserve(STEP);
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
fn scan(mut walk: Walk, cursor: ScanCursor, options: Late<KeyScanOptions>, reply: &mut Reply) -> Result<()> {
    let options = options.get()?;
    // The cursor stands before the keys in the reply, but is known after them.
    let mut found = Reply::new(reply.protocol());
    let mut count = 0;
    let wanted = |entry: &Entry| options.wants(entry);
    let next = walk.scan(cursor.0, ScanCount::or_default(options.count), wanted, |entry| {
        found.bulk(entry.key());
        count += 1;
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
fn randomkey(mut walk: Walk) -> Option<Bulk> {
    walk.random().map(|name| Bulk(name.into()))
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

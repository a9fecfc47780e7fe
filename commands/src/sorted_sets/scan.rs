//! Walking through the members of a sorted set.

use redis_core::num;
use redis_core::prelude::*;
use redis_core::value::TextBuffer;

use super::FAMILY;
use crate::scan_options::{ScanCount, matches, scan_about};

/// Iterates over the members and scores of a sorted set.
#[command(
    since = "2.8.0",
    complexity = "O(1) for every call. O(N) for a complete iteration, where N is the number of members.",
    tips(NONDETERMINISTIC_OUTPUT),
    history("8.0.0" = "Added the option `NOSCORES`."),
    reply = Tuple(&[Bulk, Array(&Bulk)])
)]
fn zscan(db: &Db, key: Key, cursor: ScanCursor, options: Late<ZscanOptions>, reply: &mut Reply) -> Result<()> {
    let zset = db.get::<ZSet>(key)?;
    reply.array(2);
    let Some(zset) = zset else {
        reply.bulk(b"0");
        reply.array(0);
        return Ok(());
    };
    let ZscanOptions { pattern, count, noscores } = options.get()?;
    // The cursor to go on with stands before the members but is known after them.
    let mut found = Reply::new(reply.protocol());
    let mut elements = 0;
    let mut text = Vec::new();
    let next = scan_about(ScanCount::or_default(count), cursor.0, |cursor| {
        let mut visited = 0;
        let next = zset.scan(cursor, &mut |member, score| {
            visited += 1;
            if matches(pattern, member.text(&mut TextBuffer::new())) {
                elements += 1;
                member.write(&mut found);
                if !noscores {
                    elements += 1;
                    // A string, whatever the protocol: Redis answers all that is scanned alike.
                    text.clear();
                    num::format_f64(score, &mut text);
                    found.bulk(&text);
                }
            }
        });
        (next, visited)
    });
    reply.bulk_integer(next as i64);
    reply.array(elements);
    reply.raw(found.as_bytes());
    Ok(())
}

/// What ZSCAN looks for, and what it answers of it.
#[derive(Options)]
struct ZscanOptions<'a> {
    /// Answer only members that match.
    #[arg(token = "MATCH")]
    pattern: Option<Pattern<'a>>,
    /// About how many members to look at.
    count: Option<ScanCount>,
    /// Answer the members without their scores.
    noscores: bool,
}

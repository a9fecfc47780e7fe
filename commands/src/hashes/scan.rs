//! Walking through the fields of a hash.

use redis_core::prelude::*;
use redis_core::value::TextBuffer;

use super::FAMILY;
use crate::scan_options::{ScanCount, matches, scan_about};

/// Iterates over the fields and values of a hash.
#[command(
    since = "2.8.0",
    complexity = "O(1) for every call. O(N) for a complete iteration, where N is the number of fields.",
    tips(NONDETERMINISTIC_OUTPUT),
    reply = Tuple(&[Bulk, Array(&Bulk)])
)]
fn hscan(db: &Db, key: Key, cursor: ScanCursor, options: Late<HscanOptions>, reply: &mut Reply) -> Result<()> {
    let hash = db.get::<Hash>(key)?;
    reply.array(2);
    let Some(hash) = hash else {
        reply.bulk(b"0");
        reply.array(0);
        return Ok(());
    };
    let HscanOptions { pattern, count, novalues } = options.get()?;
    // The cursor to go on with stands before the fields but is known after them.
    let mut found = Reply::new(reply.protocol());
    let mut elements = 0;
    let next = scan_about(ScanCount::or_default(count), cursor.0, |cursor| {
        let mut visited = 0;
        let next = hash.scan(cursor, db.expiry_time(), &mut |field, value| {
            visited += 1;
            if matches(pattern, field.text(&mut TextBuffer::new())) {
                elements += 1;
                field.write(&mut found);
                if !novalues {
                    elements += 1;
                    value.write(&mut found);
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

/// What HSCAN looks for, and what it answers of it.
#[derive(Options)]
struct HscanOptions<'a> {
    /// Answer only fields that match.
    #[arg(token = "MATCH")]
    pattern: Option<Pattern<'a>>,
    /// About how many fields to look at.
    count: Option<ScanCount>,
    /// Answer the fields without their values.
    novalues: bool,
}

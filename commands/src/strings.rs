//! String commands.

use redis_core::prelude::*;

family!("string", acl = STRING);

/// Returns the string value of a key.
#[command(since = "1.0.0", complexity = "O(1)", flags(FAST))]
fn get(db: &Db, key: Key) -> Result<Option<&Str>> {
    db.get(key)
}

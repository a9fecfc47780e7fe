//! A Redis server with a data type more: token buckets, which limit how often something may be done.

use redis_commands as _; // links every stock family
use redis_core::prelude::*;

family!("acme");

/// A token bucket. A new one was refilled last when time began, so it is full.
#[derive(Clone, Default)]
struct Bucket {
    tokens: f64,
    refilled_at: i64,
}

#[data_type(name = "acme-bckt", version = 1)]
impl DataType for Bucket {
    fn save(&self, rdb: &mut RdbWriter) {
        rdb.double(self.tokens);
        rdb.signed(self.refilled_at);
    }

    fn load(rdb: &mut RdbReader, _version: u16) -> Result<Self, RdbError> {
        Ok(Self { tokens: rdb.double()?, refilled_at: rdb.signed()? })
    }
}

impl Bucket {
    /// Lets the tokens in that have come since the last time.
    fn refill(&mut self, now: i64, capacity: f64, per_second: f64) {
        let seconds = now.saturating_sub(self.refilled_at) as f64 / 1000.0;
        self.tokens = (self.tokens + seconds * per_second).min(capacity);
        self.refilled_at = now;
    }
}

/// Takes a token out of a bucket. Answers whether there was one.
#[command("ACME.TAKE", since = "0.1.0", complexity = "O(1)", flags(FAST, DENYOOM))]
fn take(db: &mut Db, key: Key, capacity: f64, per_second: f64) -> Result<bool> {
    let now = db.now().cast_signed();
    let bucket = db.get_or_insert::<Bucket>(key)?;
    bucket.refill(now, capacity, per_second);
    let taken = bucket.tokens >= 1.0;
    bucket.tokens -= f64::from(taken);
    db.changed(key, "acme.take");
    Ok(taken)
}

/// Tells how many whole tokens were left in a bucket when one was asked for last.
#[command("ACME.TOKENS", since = "0.1.0", complexity = "O(1)", flags(FAST))]
fn tokens(db: &Db, key: Key) -> Result<Option<i64>> {
    Ok(db.get::<Bucket>(key)?.map(|bucket| bucket.tokens as i64))
}

fn main() -> std::process::ExitCode {
    Server::from_args().run()
}

#[cfg(test)]
mod tests;

//! WAIT, WAITAOF: until what this connection wrote is where it is safe.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::prelude::*;

use super::FAMILY;

/// Waits until a number of replicas have what this connection has written.
///
/// Without replicas nobody acknowledges anything: who asks for none has an answer at once, others at their timeout.
#[command(
    since = "3.0.0",
    complexity = "O(1)",
    acl(CONNECTION),
    tips(REQUEST_POLICY_ALL_SHARDS, RESPONSE_POLICY_AGG_MIN)
)]
fn wait(_server: &Server, numreplicas: i64, timeout: Milliseconds) -> Wait<Acknowledged> {
    let acknowledged = 0;
    if acknowledged >= numreplicas {
        return Wait::Ready(Acknowledged(acknowledged));
    }
    Wait::For(Default::default(), timeout.0)
}

/// Waits until what this connection has written is on the disk, here and at a number of replicas.
///
/// Without replicas nobody acknowledges anything: who asks for one waits until the timeout.
#[command(
    since = "7.2.0",
    complexity = "O(1)",
    flags(BLOCKING),
    acl(CONNECTION),
    tips(REQUEST_POLICY_ALL_SHARDS, RESPONSE_POLICY_AGG_MIN)
)]
async fn waitaof(caller: Caller, numlocal: i64, numreplicas: Positive, timeout: Milliseconds) -> Result<(i64, i64)> {
    let server = caller.server().clone();
    if !(0..=1).contains(&numlocal) {
        return Err(Error::new("ERR value is out of range, value must between 0 and 1"));
    }
    if numlocal > 0 && !server.config.appendonly.get() {
        return Err(Error::new("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."));
    }
    let written = caller.written();
    let local = || server.config.appendonly.get() && server.aof.is_synced(written);
    // Nobody has what a replica has acknowledged, as there is none.
    let awaited = if numreplicas.0 > 0 { u64::MAX } else { written * u64::from(numlocal > 0) };
    server.aof.wait_synced(awaited, timeout.0.0).await;
    Ok((i64::from(local()), 0))
}

/// How many replicas have acknowledged.
struct Acknowledged(i64);

impl IntoReply for Acknowledged {
    const SCHEMA: Schema = Schema::Integer;

    fn write(self, reply: &mut Reply) {
        reply.integer(self.0);
    }

    fn write_nil(reply: &mut Reply) {
        reply.integer(0);
    }

    fn write_timeout(reply: &mut Reply) {
        reply.integer(0);
    }
}

/// A number that is not negative.
struct Positive(i64);

impl<'a> Argument<'a> for Positive {
    type Raw = &'a [u8];
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::Integer);

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        cursor.next()
    }

    fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
        let number = redis_core::num::parse_i64(raw).filter(|number| *number >= 0);
        number.map(Positive).ok_or(Error::new("ERR value is out of range, must be positive"))
    }
}

/// A timeout in whole milliseconds; zero is for ever.
struct Milliseconds(Timeout);

impl<'a> Argument<'a> for Milliseconds {
    type Raw = &'a [u8];
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::Integer);

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        cursor.next()
    }

    fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
        Timeout::from_millis(raw).map(Milliseconds)
    }
}

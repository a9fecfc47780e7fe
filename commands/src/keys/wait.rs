//! WAIT: until enough replicas have what this connection wrote.

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

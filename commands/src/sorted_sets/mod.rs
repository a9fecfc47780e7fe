//! Sorted set commands: members in the order of their scores, and equal scores in the order of the members' bytes.
//!
//! Whatever selects members, by rank, by score or lexically, ends up as a range of ranks (`bounds`), and what is done with
//! that range, to answer it, to store it, to remove it or to count it, is the same for all three (`range`, `remove`,
//! `read`). Where sorted sets are combined, sets take part as sorted sets with scores of 1 (`combine`).

mod add;
mod blocking;
mod bounds;
mod combine;
mod expiry;
mod pop;
mod random;
mod range;
mod read;
mod remove;
mod scan;
mod store;

use redis_core::prelude::*;
use redis_core::value::Element;

family!("sorted-set", acl = SORTEDSET);

/// Members in a reply, each with its score if that was asked for.
const MEMBERS: Schema = {
    const WITH_SCORE: Schema = Schema::Tuple(&[Schema::Bulk, Schema::Double]);
    Schema::Array(&Schema::OneOf(&[Schema::Bulk, WITH_SCORE]))
};

/// Writes the header of `count` members, or of members with their scores. These are pairs to version 3 of the protocol,
/// and to version 2 one element after the other.
fn write_header(reply: &mut Reply, count: usize, with_scores: bool) {
    reply.array(if with_scores && reply.protocol() < 3 { count * 2 } else { count });
}

/// Writes a member below such a header.
fn write_member(reply: &mut Reply, member: impl IntoReply, score: f64, with_scores: bool) {
    if with_scores && reply.protocol() >= 3 {
        reply.array(2);
    }
    member.write(reply);
    if with_scores {
        reply.double(score);
    }
}

/// Writes a member and its score as a pair of its own, whatever the protocol.
fn write_pair(reply: &mut Reply, member: Element<'_>, score: f64) {
    reply.array(2);
    member.write(reply);
    reply.double(score);
}

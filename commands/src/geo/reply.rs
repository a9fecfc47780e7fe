//! Positions and distances as replies.

use redis_core::num::LongDouble;
use redis_core::prelude::*;

use super::geohash::Position;

/// A position is longitude and latitude, with all their digits.
impl IntoReply for Position {
    fn write(self, reply: &mut Reply) {
        reply.array(2);
        for coordinate in [self.longitude, self.latitude] {
            let mut digits = Vec::new();
            LongDouble::from(coordinate).format(&mut digits);
            reply.decimal(&digits);
        }
    }

    fn write_nil(reply: &mut Reply) {
        reply.nil_array();
    }
}

/// A distance in the unit that was asked for. It is text with four decimals to every client.
pub(super) struct Distance(pub(super) f64);

impl IntoReply for Distance {
    fn write(self, reply: &mut Reply) {
        reply.bulk(format!("{:.4}", self.0).as_bytes());
    }
}

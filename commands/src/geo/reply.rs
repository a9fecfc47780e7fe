//! Positions and distances as replies.

use redis_core::num::LongDouble;
use redis_core::prelude::*;

use super::geohash::Position;

/// A position is longitude and latitude, with all their digits.
impl IntoReply for Position {
    const SCHEMA: Schema = Schema::Tuple(&[Schema::Double, Schema::Double]);

    fn write(self, reply: &mut Reply) {
        reply.array(2);
        for coordinate in [self.longitude, self.latitude] {
            LongDouble::from(coordinate).write(reply);
        }
    }

    fn write_nil(reply: &mut Reply) {
        reply.nil_array();
    }
}

/// A distance in the unit that was asked for. It is text with four decimals to every client.
pub(super) struct Distance(pub(super) f64);

impl IntoReply for Distance {
    const SCHEMA: Schema = Schema::Bulk;

    fn write(self, reply: &mut Reply) {
        reply.bulk(format!("{:.4}", self.0).as_bytes());
    }
}

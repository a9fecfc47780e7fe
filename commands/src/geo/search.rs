//! Searches: what lies in an area, in which order, and what is told or kept of it.

use std::cmp::Ordering;

use redis_core::prelude::*;
use redis_core::value::{Element, Limits, Object, TextBuffer};

use super::FAMILY;
use super::arguments::{GeoSearch, GeoSearchStore, Query, Unit};
use super::cover;
use super::geohash::Position;
use super::reply::Distance;
use super::shape::Shape;

/// What a search answers: members, each alone or with what else is told of it.
pub(super) const HITS: Schema = {
    const DETAIL: Schema = Schema::OneOf(&[Schema::Bulk, Schema::Integer, <Position as IntoReply>::SCHEMA]);
    Schema::Array(&Schema::OneOf(&[Schema::Bulk, Schema::Array(&DETAIL)]))
};

/// Returns the members that lie in a circle, a box or a polygon.
#[command(
    since = "6.2.0",
    complexity = "O(N+log(M)) where N is the number of members in the grid-aligned surroundings of the area, and M the number of members of the sorted set.",
    history(
        "7.0.0" = "Units of length are accepted in upper case.",
        "9.0.0" = "Added the `BYPOLYGON` option."
    ),
    reply = HITS
)]
fn geosearch(db: &Db, key: Key, query: Query<GeoSearch>, reply: &mut Reply) -> Result<()> {
    let search = query.read(db.get(key)?)?;
    search.answer(&search.run(), reply);
    Ok(())
}

/// Stores the members that lie in a circle, a box or a polygon, in a sorted set under another key.
#[command(
    since = "6.2.0",
    complexity = "O(N+log(M)) where N is the number of members in the grid-aligned surroundings of the area, and M the number of members of the sorted set.",
    flags(DENYOOM),
    history(
        "7.0.0" = "Units of length are accepted in upper case.",
        "9.0.0" = "Added the `BYPOLYGON` option."
    )
)]
fn geosearchstore(
    db: &mut Db,
    #[key(OW, UPDATE)] destination: Key,
    #[key(RO, ACCESS)] source: Key,
    query: Query<GeoSearchStore>,
) -> Result<usize> {
    let limits = db.limits();
    let search = query.read(db.get(source)?)?;
    let result = search.collect(&search.run(), &limits);
    Ok(store(db, destination, result, "geosearchstore"))
}

/// Which end of an answer comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The nearest to the centre.
    Ascending,
    /// The farthest from it.
    Descending,
}

/// What is told of a member beside its name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct With {
    pub(super) distance: bool,
    pub(super) hash: bool,
    pub(super) position: bool,
}

impl With {
    pub(super) fn any(self) -> bool {
        self.distance || self.hash || self.position
    }
}

/// A search as it was asked for.
pub(super) struct Search<'z> {
    /// What is searched, and where. Nothing is found without.
    pub(super) place: Option<(&'z ZSet, Shape)>,
    /// The unit of the distances.
    pub(super) unit: Unit,
    pub(super) order: Option<Order>,
    pub(super) with: With,
    /// How many members are wanted; all if none.
    pub(super) count: Option<usize>,
    /// Whether any members will do, so that the search ends when there are as many as wanted.
    pub(super) any: bool,
    /// Where the result is to be kept, if an option said so.
    pub(super) store: Option<Key>,
    /// Whether the distances are kept and not the positions.
    pub(super) store_distances: bool,
}

/// A member that was found.
pub(super) struct Hit<'z> {
    member: Element<'z>,
    score: f64,
    position: Position,
    /// From the centre, in metres.
    distance: f64,
}

impl<'z> Search<'z> {
    /// What is found, in order.
    pub(super) fn run(&self) -> Vec<Hit<'z>> {
        let Some((zset, shape)) = &self.place else { return Vec::new() };
        let enough = if self.any { self.count.unwrap_or(usize::MAX) } else { usize::MAX };
        let mut hits = Vec::new();
        for cell in cover::cells(shape) {
            let (first, end) = cell.scores();
            let from = zset.partition_point(|_, score| score < first);
            let to = zset.partition_point(|_, score| score < end);
            for (member, score) in zset.range(from..to) {
                if hits.len() >= enough {
                    break;
                }
                let position = Position::of_score(score);
                if let Some(distance) = shape.distance_within(position) {
                    hits.push(Hit { member, score, position, distance });
                }
            }
        }
        self.sort(hits)
    }

    /// As many as are wanted, in the order that is wanted. Of several the nearest are meant, unless any will do. Those at
    /// the same distance stay in the order in which they were found.
    fn sort(&self, mut hits: Vec<Hit<'z>>) -> Vec<Hit<'z>> {
        let count = self.count.unwrap_or(usize::MAX);
        let order = match self.order {
            None if self.any || self.count.is_none() => {
                hits.truncate(count);
                return hits;
            }
            order => order.unwrap_or(Order::Ascending),
        };
        let compare = |a: &Hit<'_>, b: &Hit<'_>| {
            let nearest = a.distance.partial_cmp(&b.distance).unwrap_or(Ordering::Equal);
            if order == Order::Ascending { nearest } else { nearest.reverse() }
        };
        if count >= hits.len() {
            hits.sort_by(compare);
            return hits;
        }
        // Only those that are wanted need to be sorted; a place in the row decides between equal distances.
        let mut row: Vec<(usize, Hit<'_>)> = hits.into_iter().enumerate().collect();
        let compare = |a: &(usize, Hit<'_>), b: &(usize, Hit<'_>)| compare(&a.1, &b.1).then(a.0.cmp(&b.0));
        row.select_nth_unstable_by(count, compare);
        row.truncate(count);
        row.sort_unstable_by(compare);
        row.into_iter().map(|(_, hit)| hit).collect()
    }

    /// Writes what was found.
    pub(super) fn answer(&self, hits: &[Hit<'_>], reply: &mut Reply) {
        let With { distance, hash, position } = self.with;
        reply.array(hits.len());
        for hit in hits {
            if self.with.any() {
                reply.array(1 + usize::from(distance) + usize::from(hash) + usize::from(position));
            }
            hit.member.write(reply);
            if distance {
                Distance(hit.distance / self.unit.0).write(reply);
            }
            if hash {
                reply.integer(hit.score as i64);
            }
            if position {
                hit.position.write(reply);
            }
        }
    }

    /// Makes a sorted set of what was found.
    pub(super) fn collect(&self, hits: &[Hit<'_>], limits: &Limits) -> ZSet {
        let mut buffer = TextBuffer::new();
        let longest = hits.iter().map(|hit| hit.member.text(&mut buffer).len()).max().unwrap_or_default();
        let mut result = ZSet::for_members(longest, hits.len(), limits);
        for hit in hits {
            let score = if self.store_distances { hit.distance / self.unit.0 } else { hit.score };
            result.insert(hit.member.text(&mut buffer), score, limits);
        }
        result
    }
}

/// Stores a result, and answers how many members it has. An empty one deletes the key.
pub(super) fn store(db: &mut Db, destination: Key, result: ZSet, event: &'static str) -> usize {
    let count = result.len();
    if count > 0 {
        db.set_object(destination, Object::ZSet(result), Ttl::Clear);
        db.changed_by(destination, event, count as u64);
    } else if db.remove(destination) {
        db.changed(destination, "del");
    }
    count
}

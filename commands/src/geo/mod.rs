//! Geo commands: members of sorted sets that are positions on earth.
//!
//! There is no type of value for them. The score of a member is the number of a cell of a fine grid (`geohash.rs`), so that
//! every command for sorted sets works on them, and one that adds a score of its own adds a position.
//!
//! | file | |
//! |---|---|
//! | `geohash.rs` | the grid: positions, cells, scores |
//! | `shape.rs` | circles, boxes and polygons on a sphere |
//! | `cover.rs` | the cells of the grid that a shape lies in |
//! | `arguments.rs`, `search.rs`, `radius.rs` | the commands that search |
//! | `reply.rs` | positions and distances as replies |

mod arguments;
mod cover;
mod geohash;
mod radius;
mod reply;
mod search;
mod shape;

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::prelude::*;

use arguments::Unit;
use geohash::Position;
use reply::Distance;

family!("geo", acl = GEO);

/// Adds members at positions to a sorted set, or moves them there.
///
/// The key is created if it does not exist.
#[command(
    since = "3.2.0",
    complexity = "O(log(N)) for each member, where N is the number of members of the sorted set.",
    flags(DENYOOM),
    history("6.2.0" = "Added the `CH`, `NX` and `XX` options.")
)]
fn geoadd(
    db: &mut Db,
    #[key(RW, UPDATE)] key: Key,
    options: GeoAddOptions,
    #[arg(name = "data")] members: Placed,
) -> Result<usize> {
    let limits = db.limits();
    if options.condition == Some(Condition::Xx) && !db.exists(key) {
        return Ok(0);
    }
    let zset = db.get_or_insert::<ZSet>(key)?;
    let (mut added, mut moved) = (0, 0);
    for (position, member) in members.0 {
        if let Some(condition) = options.condition
            && zset.score(member).is_some() != (condition == Condition::Xx)
        {
            continue;
        }
        let score = position.score();
        match zset.insert(member, score, &limits) {
            None => added += 1,
            Some(old) if old != score => moved += 1,
            Some(_) => {}
        }
    }
    if added + moved > 0 {
        db.changed_by(key, "zadd", (added + moved) as u64);
    }
    Ok(if options.change { added + moved } else { added })
}

/// The options of GEOADD.
#[derive(Clone, Copy, Debug, Options)]
struct GeoAddOptions {
    #[arg(since = "6.2.0")]
    condition: Option<Condition>,
    /// Count the members that moved, too.
    #[arg(token = "CH", since = "6.2.0")]
    change: bool,
}

/// Which members GEOADD touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Options)]
enum Condition {
    /// Those that are new.
    Nx,
    /// Those that are there.
    Xx,
}

/// Positions, each with a member, to the end of the arguments.
struct Placed<'a>(Vec<(Position, &'a [u8])>);

impl<'a> Argument<'a> for Placed<'a> {
    type Raw = Cursor<'a>;
    const SHAPE: Shape = Shape::at_least(3);
    const DOC: ArgDoc = {
        const PARTS: &[ArgDoc] = &[
            ArgDoc::new(ArgKind::Double).named("longitude"),
            ArgDoc::new(ArgKind::Double).named("latitude"),
            ArgDoc::new(ArgKind::String).named("member"),
        ];
        ArgDoc::of(ArgKind::Block, PARTS).multiple()
    };

    fn shape(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>> {
        // The last three arguments are left to the member. Where one of them is an option, there is none.
        let is_option =
            |word: &[u8]| ["NX", "XX", "CH"].iter().any(|option| word.eq_ignore_ascii_case(option.as_bytes()));
        if !cursor.left().is_multiple_of(3) || cursor.peek().is_none_or(is_option) {
            return Err(Error::SYNTAX);
        }
        cursor.split(cursor.left())
    }

    fn value(mut raw: Cursor<'a>, _: &Context) -> Result<Self> {
        let mut placed = Vec::with_capacity(raw.left() / 3);
        while raw.left() > 0 {
            placed.push((arguments::position(&mut raw)?, raw.next()?));
        }
        Ok(Placed(placed))
    }
}

/// Returns the longitude and latitude of members.
#[command(
    since = "3.2.0",
    complexity = "O(N) where N is the number of members asked for.",
    reply = Array(&<Option<Position> as IntoReply>::SCHEMA)
)]
fn geopos(db: &Db, key: Key, #[arg(name = "member")] members: Rest<&[u8]>, reply: &mut Reply) -> Result<()> {
    let zset = db.get::<ZSet>(key)?;
    reply.array(members.len());
    for member in members {
        position_of(zset, member).write(reply);
    }
    Ok(())
}

/// Returns the distance between two members.
#[command(since = "3.2.0", complexity = "O(1)", extra = syntax)]
fn geodist(db: &Db, key: Key, member1: &[u8], member2: &[u8], unit: Option<Unit>) -> Result<Option<Distance>> {
    let zset = db.get::<ZSet>(key)?;
    let (Some(from), Some(to)) = (position_of(zset, member1), position_of(zset, member2)) else { return Ok(None) };
    let Unit(metres) = unit.unwrap_or(Unit::METRE);
    Ok(Some(Distance(shape::distance(from, to) / metres)))
}

/// Returns members' positions as geohashes, as other programs know them.
#[command(
    since = "3.2.0",
    complexity = "O(N) where N is the number of members asked for.",
    reply = Array(&OneOf(&[Bulk, Null]))
)]
fn geohash(db: &Db, key: Key, #[arg(name = "member")] members: Rest<&[u8]>, reply: &mut Reply) -> Result<()> {
    let zset = db.get::<ZSet>(key)?;
    reply.array(members.len());
    for member in members {
        match position_of(zset, member) {
            Some(position) => reply.bulk(&position.text()),
            None => reply.nil(),
        }
    }
    Ok(())
}

fn position_of(zset: Option<&ZSet>, member: &[u8]) -> Option<Position> {
    zset?.score(member).map(Position::of_score)
}

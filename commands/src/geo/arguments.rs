//! The arguments of searches.
//!
//! Redis reads them one by one, with the sorted set at hand: a key of another type is refused before anything is read, a
//! number or a member before the word behind it is looked at, and where there is no key the member need not make sense. So
//! a handler takes a [`Query`], which keeps the arguments as they are, and reads it when it has the key. What there is to
//! read, and what COMMAND DOCS says of it, depends on the command: that is its [`Form`].

use std::marker::PhantomData;

use redis_core::command::{ArgDoc, ArgKind, Begin, Cursor, Find, KeyFlags, KeyShape, KeySpec, Shape as Grammar};
use redis_core::num;
use redis_core::prelude::*;

use super::geohash::Position;
use super::search::{Order, Search, With};
use super::shape::{Polygon, Shape};

/// A unit of length, in metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit(pub(super) f64);

impl Unit {
    pub(super) const METRE: Unit = Unit(1.0);

    fn parse(raw: &[u8]) -> Result<Unit> {
        const UNITS: [(&str, f64); 4] = [("m", 1.0), ("km", 1000.0), ("ft", 0.3048), ("mi", 1609.34)];
        let unit = UNITS.iter().find(|(name, _)| raw.eq_ignore_ascii_case(name.as_bytes()));
        unit.map(|(_, metres)| Unit(*metres))
            .ok_or(Error::new("ERR unsupported unit provided. please use M, KM, FT, MI"))
    }
}

impl<'a> Argument<'a> for Unit {
    type Raw = &'a [u8];
    const SHAPE: Grammar = Grammar::exactly(1);
    const DOC: ArgDoc = UNIT;

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        cursor.next()
    }

    fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
        Unit::parse(raw)
    }
}

/// Takes longitude and latitude.
pub(super) fn position(args: &mut Cursor<'_>) -> Result<Position> {
    let mut coordinate = || num::parse_f64(args.next()?).ok_or(Error::NOT_FLOAT);
    let (longitude, latitude) = (coordinate()?, coordinate()?);
    Position::new(longitude, latitude)
        .ok_or_else(|| Error::from(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}")))
}

/// Takes a number, and refuses what is none with the given text.
fn number(args: &mut Cursor<'_>, refusal: &'static str) -> Result<f64> {
    num::parse_f64(args.next()?).ok_or(Error::new(refusal))
}

/// How a command says what it searches.
pub(super) trait Form {
    /// The least number of arguments behind the source key.
    const MIN: u16;
    /// What stands before the options.
    const LEAD: Lead;
    /// Whether the result can be stored.
    const STORES: Stores;
    /// What may stand behind the source key.
    const DOCS: &'static [ArgDoc];
    /// The keys among the options.
    const KEYS: &'static [KeySpec] = &[];
}

/// What stands before the options.
pub(super) enum Lead {
    /// A position and a radius.
    Position,
    /// A member and a radius.
    Member,
    /// Nothing: there are options for that.
    Nothing,
}

/// Whether the result can be stored.
pub(super) enum Stores {
    /// It is only answered.
    Never,
    /// With an option that names the key.
    IfAsked,
    /// It always is; an option has the distances stored.
    Always,
}

/// GEOSEARCH.
pub(super) struct GeoSearch;

/// GEOSEARCHSTORE.
pub(super) struct GeoSearchStore;

/// GEORADIUS.
pub(super) struct Radius;

/// GEORADIUS_RO.
pub(super) struct RadiusRo;

/// GEORADIUSBYMEMBER.
pub(super) struct RadiusByMember;

/// GEORADIUSBYMEMBER_RO.
pub(super) struct RadiusByMemberRo;

impl Form for GeoSearch {
    const MIN: u16 = 5;
    const LEAD: Lead = Lead::Nothing;
    const STORES: Stores = Stores::Never;
    const DOCS: &'static [ArgDoc] = &[FROM, BY, ORDER, COUNT, WITH_COORD, WITH_DIST, WITH_HASH];
}

impl Form for GeoSearchStore {
    const MIN: u16 = 5;
    const LEAD: Lead = Lead::Nothing;
    const STORES: Stores = Stores::Always;
    const DOCS: &'static [ArgDoc] = &[FROM, BY, ORDER, COUNT, word("storedist", "STOREDIST").optional()];
}

impl Form for Radius {
    const MIN: u16 = 4;
    const LEAD: Lead = Lead::Position;
    const STORES: Stores = Stores::IfAsked;
    const DOCS: &'static [ArgDoc] =
        &[LONGITUDE, LATITUDE, RADIUS, UNIT, WITH_COORD, WITH_DIST, WITH_HASH, COUNT_ANY_SINCE_6_2, ORDER, STORE];
    const KEYS: &'static [KeySpec] = &[stored_behind("STORE", 6), stored_behind("STOREDIST", 6)];
}

impl Form for RadiusRo {
    const MIN: u16 = 4;
    const LEAD: Lead = Lead::Position;
    const STORES: Stores = Stores::Never;
    const DOCS: &'static [ArgDoc] =
        &[LONGITUDE, LATITUDE, RADIUS, UNIT, WITH_COORD, WITH_DIST, WITH_HASH, COUNT_ANY_SINCE_6_2, ORDER];
}

impl Form for RadiusByMember {
    const MIN: u16 = 3;
    const LEAD: Lead = Lead::Member;
    const STORES: Stores = Stores::IfAsked;
    const DOCS: &'static [ArgDoc] = &[MEMBER, RADIUS, UNIT, WITH_COORD, WITH_DIST, WITH_HASH, COUNT, ORDER, STORE];
    const KEYS: &'static [KeySpec] = &[stored_behind("STORE", 5), stored_behind("STOREDIST", 5)];
}

impl Form for RadiusByMemberRo {
    const MIN: u16 = 3;
    const LEAD: Lead = Lead::Member;
    const STORES: Stores = Stores::Never;
    const DOCS: &'static [ArgDoc] = &[MEMBER, RADIUS, UNIT, WITH_COORD, WITH_DIST, WITH_HASH, COUNT, ORDER];
}

const fn double(name: &'static str) -> ArgDoc {
    ArgDoc::new(ArgKind::Double).named(name)
}

const fn word(name: &'static str, token: &'static str) -> ArgDoc {
    ArgDoc::new(ArgKind::PureToken).named(name).token(token)
}

const LONGITUDE: ArgDoc = double("longitude");
const LATITUDE: ArgDoc = double("latitude");
const RADIUS: ArgDoc = double("radius");
const MEMBER: ArgDoc = ArgDoc::new(ArgKind::String).named("member");
const UNIT: ArgDoc =
    ArgDoc::of(ArgKind::OneOf, &[word("m", "M"), word("km", "KM"), word("ft", "FT"), word("mi", "MI")]).named("unit");
const WITH_COORD: ArgDoc = word("withcoord", "WITHCOORD").optional();
const WITH_DIST: ArgDoc = word("withdist", "WITHDIST").optional();
const WITH_HASH: ArgDoc = word("withhash", "WITHHASH").optional();
const ORDER: ArgDoc = ArgDoc::of(ArgKind::OneOf, &[word("asc", "ASC"), word("desc", "DESC")]).named("order").optional();
const LIMIT: ArgDoc = ArgDoc::new(ArgKind::Integer).named("count").token("COUNT");
const COUNT: ArgDoc =
    ArgDoc::of(ArgKind::Block, &[LIMIT, word("any", "ANY").optional()]).named("count-block").optional();
const COUNT_ANY_SINCE_6_2: ArgDoc =
    ArgDoc::of(ArgKind::Block, &[LIMIT, word("any", "ANY").since("6.2.0").optional()]).named("count-block").optional();
const FROM: ArgDoc = ArgDoc::of(
    ArgKind::OneOf,
    &[
        MEMBER.token("FROMMEMBER"),
        ArgDoc::of(ArgKind::Block, &[LONGITUDE, LATITUDE]).named("fromlonlat").token("FROMLONLAT"),
    ],
)
.named("from")
.optional();
const BY: ArgDoc = ArgDoc::of(
    ArgKind::OneOf,
    &[
        ArgDoc::of(ArgKind::Block, &[RADIUS.token("BYRADIUS"), UNIT]).named("circle"),
        ArgDoc::of(ArgKind::Block, &[double("width").token("BYBOX"), double("height"), UNIT]).named("box"),
        ArgDoc::of(
            ArgKind::Block,
            &[
                ArgDoc::new(ArgKind::Integer).named("num-vertices").token("BYPOLYGON"),
                ArgDoc::of(ArgKind::Block, &[LONGITUDE, LATITUDE]).named("vertices").multiple(),
            ],
        )
        .named("polygon")
        .since("9.0.0"),
    ],
)
.named("by");
// The source key has the first key specification.
const STORE: ArgDoc = ArgDoc::of(
    ArgKind::OneOf,
    &[
        ArgDoc::new(ArgKind::Key).named("storekey").token("STORE").key_spec(1),
        ArgDoc::new(ArgKind::Key).named("storedistkey").token("STOREDIST").key_spec(2),
    ],
)
.named("store")
.optional();

/// The key behind a token that is looked for from argument `from` on.
const fn stored_behind(token: &'static str, from: i16) -> KeySpec {
    KeySpec {
        flags: KeyFlags::OW.union(KeyFlags::UPDATE).union(KeyFlags::VARIABLE_FLAGS),
        begin: Begin::Keyword { token, from },
        find: Find::Range { last: 0, step: 1, limit: 0 },
    }
}

/// The arguments of a search, to be read.
pub(super) struct Query<'a, F> {
    args: Cursor<'a>,
    form: PhantomData<F>,
}

impl<'a, F: Form> Argument<'a> for Query<'a, F> {
    type Raw = Cursor<'a>;
    const SHAPE: Grammar = Grammar::at_least(F::MIN).with_tokens().with_keys(KeyShape::Specs(F::KEYS));
    const DOC: ArgDoc = ArgDoc::of(ArgKind::Inline, F::DOCS);

    fn shape(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>> {
        cursor.split(cursor.left())
    }

    fn value(args: Cursor<'a>, _: &Context) -> Result<Self> {
        Ok(Query { args, form: PhantomData })
    }
}

/// What was said so far about the area to search.
#[derive(Default)]
struct Area {
    from: Option<From>,
    by: Option<By>,
    unit: Option<Unit>,
}

/// What the centre is taken from.
enum From {
    /// A member; without a source it is not known where that is.
    Member(Option<Position>),
    Position(Position),
}

/// What the size is given by, in the unit.
enum By {
    Radius(f64),
    Box { width: f64, height: f64 },
    Polygon(Vec<Position>),
}

impl<F: Form> Query<'_, F> {
    /// What is asked of a source, or of none.
    ///
    /// # Errors
    /// The first mistake, in the order in which Redis finds them.
    pub(super) fn read(self, source: Option<&ZSet>) -> Result<Search<'_>> {
        let mut args = self.args;
        let mut area = Area::default();
        match F::LEAD {
            Lead::Position => {
                area.from = Some(From::Position(position(&mut args)?));
                area.read_radius(&mut args)?;
            }
            Lead::Member if source.is_none() => drop(args.split(F::MIN.into())?),
            Lead::Member => {
                area.from = Some(From::Member(locate(args.next()?, source)?));
                area.read_radius(&mut args)?;
            }
            Lead::Nothing => {}
        }
        let (mut order, mut with, mut count, mut any) = (None, With::default(), None, false);
        let (mut store, mut store_distances) = (None, false);
        while args.left() > 0 {
            if args.take_token("WITHDIST") {
                with.distance = true;
            } else if args.take_token("WITHHASH") {
                with.hash = true;
            } else if args.take_token("WITHCOORD") {
                with.position = true;
            } else if args.take_token("ANY") {
                any = true;
            } else if args.take_token("ASC") {
                order = Some(Order::Ascending);
            } else if args.take_token("DESC") {
                order = Some(Order::Descending);
            } else if args.take_token("COUNT") {
                count = Some(read_count(&mut args)?);
            } else if matches!(F::STORES, Stores::IfAsked) && args.take_token("STORE") {
                (store, store_distances) = (Some(args.next_key()?), false);
            } else if matches!(F::STORES, Stores::IfAsked) && args.take_token("STOREDIST") {
                (store, store_distances) = (Some(args.next_key()?), true);
            } else if matches!(F::STORES, Stores::Always) && args.take_token("STOREDIST") {
                store_distances = true;
            } else if !matches!(F::LEAD, Lead::Nothing) || !area.read_option(&mut args, source)? {
                return Err(Error::SYNTAX);
            }
        }
        if with.any() {
            let stored = match F::STORES {
                Stores::Always => Some("GEOSEARCHSTORE"),
                _ => store.map(|_| "STORE option in GEORADIUS"),
            };
            if let Some(stored) = stored {
                let options = "WITHDIST, WITHHASH and WITHCOORD options";
                return Err(Error::from(format!("ERR {stored} is not compatible with {options}")));
            }
        }
        if matches!(F::LEAD, Lead::Nothing) {
            area.check(args.written_name())?;
        }
        if any && count.is_none() {
            return Err(Error::new("ERR the ANY argument requires COUNT argument"));
        }
        let unit = area.unit.unwrap_or(Unit::METRE);
        let place = source.zip(area.into_shape());
        Ok(Search { place, unit, order, with, count, any, store, store_distances })
    }
}

impl Area {
    /// Takes an option about the area, if one is next.
    fn read_option(&mut self, args: &mut Cursor<'_>, source: Option<&ZSet>) -> Result<bool> {
        if args.take_token("FROMMEMBER") {
            let member = args.next()?;
            if matches!(self.from, Some(From::Position(_))) || matches!(self.by, Some(By::Polygon(_))) {
                return Err(Error::SYNTAX);
            }
            self.from = Some(From::Member(locate(member, source)?));
        } else if args.take_token("FROMLONLAT") {
            let mut coordinates = args.split(2)?;
            if matches!(self.from, Some(From::Member(_))) || matches!(self.by, Some(By::Polygon(_))) {
                return Err(Error::SYNTAX);
            }
            self.from = Some(From::Position(position(&mut coordinates)?));
        } else if args.take_token("BYRADIUS") {
            let mut radius = args.split(2)?;
            if !matches!(self.by, None | Some(By::Radius(_))) {
                return Err(Error::SYNTAX);
            }
            self.read_radius(&mut radius)?;
        } else if args.take_token("BYBOX") {
            let mut sides = args.split(3)?;
            if !matches!(self.by, None | Some(By::Box { .. })) {
                return Err(Error::SYNTAX);
            }
            self.read_box(&mut sides)?;
        } else if args.take_token("BYPOLYGON") {
            if args.left() < 2 || self.from.is_some() || !matches!(self.by, None | Some(By::Polygon(_))) {
                return Err(Error::SYNTAX);
            }
            self.by = Some(By::Polygon(read_polygon(args)?));
            self.unit = Some(Unit::METRE);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn read_radius(&mut self, args: &mut Cursor<'_>) -> Result<()> {
        let radius = number(args, "ERR need numeric radius")?;
        if radius < 0.0 {
            return Err(Error::new("ERR radius cannot be negative"));
        }
        self.unit = Some(Unit::parse(args.next()?)?);
        self.by = Some(By::Radius(radius));
        Ok(())
    }

    fn read_box(&mut self, args: &mut Cursor<'_>) -> Result<()> {
        let width = number(args, "ERR need numeric width")?;
        let height = number(args, "ERR need numeric height")?;
        if width < 0.0 || height < 0.0 {
            return Err(Error::new("ERR height or width cannot be negative"));
        }
        self.unit = Some(Unit::parse(args.next()?)?);
        self.by = Some(By::Box { width, height });
        Ok(())
    }

    /// Whether the options say where and how far. `command` is its name, as the client wrote it.
    fn check(&self, command: &[u8]) -> Result<()> {
        let one_of = |options: &str| {
            let command = String::from_utf8_lossy(command);
            Error::from(format!("ERR exactly one of {options} can be specified for {command}"))
        };
        if self.from.is_none() && !matches!(self.by, Some(By::Polygon(_))) {
            return Err(one_of("FROMMEMBER or FROMLONLAT"));
        }
        if self.by.is_none() {
            return Err(one_of("BYRADIUS and BYBOX"));
        }
        Ok(())
    }

    /// The shape, if it is known where it is.
    fn into_shape(self) -> Option<Shape> {
        let Unit(metres) = self.unit?;
        let centre = match self.from {
            Some(From::Position(position)) => Some(position),
            Some(From::Member(position)) => position,
            None => None,
        };
        Some(match self.by? {
            By::Radius(radius) => Shape::Circle { centre: centre?, radius: radius * metres },
            By::Box { width, height } => Shape::Box { centre: centre?, width: width * metres, height: height * metres },
            By::Polygon(corners) => Shape::Polygon(Polygon::new(corners)),
        })
    }
}

/// Where a member is; not known without a source.
fn locate(member: &[u8], source: Option<&ZSet>) -> Result<Option<Position>> {
    let Some(source) = source else { return Ok(None) };
    let score = source.score(member).ok_or(Error::new("ERR could not decode requested zset member"))?;
    Ok(Some(Position::of_score(score)))
}

fn read_count(args: &mut Cursor<'_>) -> Result<usize> {
    let count = redis_core::command::integer(args.next()?)?;
    if count <= 0 {
        return Err(Error::new("ERR COUNT must be > 0"));
    }
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

fn read_polygon(args: &mut Cursor<'_>) -> Result<Vec<Position>> {
    let count = num::parse_i64(args.next()?).and_then(|count| i32::try_from(count).ok());
    let count = count.ok_or(Error::new("ERR invalid number of vertices"))?;
    match usize::try_from(count) {
        Ok(count) if count >= 3 && count <= args.left() / 2 => (0..count).map(|_| position(args)).collect(),
        _ => Err(Error::new("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices")),
    }
}

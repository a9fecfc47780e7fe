//! Which connections CLIENT LIST shows and CLIENT KILL closes.
//!
//! Both take the same filters, all of which must hold. Filters came in the course of many versions, and the two commands
//! word some errors differently; Redis 7.0's words stand wherever it has the filter.

use std::mem::discriminant;
use std::sync::atomic::Ordering::Relaxed;

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::num::parse_i64;
use redis_core::prelude::*;
use redis_core::server::ClientShared;

/// All letters that may stand in the `flags` of CLIENT LIST.
const FLAGS: &[u8] = b"OSMPxbtRBdcuAUreTIiEN";

/// The filters of one request.
#[derive(Default)]
pub(super) struct Filters<'a> {
    filters: Vec<Filter<'a>>,
    /// Whether the connection that asks is left out, if the request says so.
    pub(super) skip_me: Option<bool>,
}

struct Filter<'a> {
    /// `NOT-...`: the connections that it does not hold for.
    negated: bool,
    test: Test<'a>,
}

enum Test<'a> {
    Id(Vec<i64>),
    Kind(ClientKind),
    User(&'a [u8]),
    Address(&'a [u8]),
    LocalAddress(&'a [u8]),
    MaxAge(i64),
    Name(&'a [u8]),
    Idle(i64),
    Flags(&'a [u8]),
    Library(&'a [u8]),
    Version(&'a [u8]),
    Database(usize),
    Capabilities(&'a [u8]),
    Ip(&'a [u8]),
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientKind {
    Normal,
    Master,
    Replica,
    Pubsub,
}

impl ClientKind {
    fn parse(name: &[u8]) -> Result<Self> {
        Ok(match name.to_ascii_lowercase().as_slice() {
            b"normal" => ClientKind::Normal,
            b"master" | b"primary" => ClientKind::Master,
            b"replica" | b"slave" => ClientKind::Replica,
            b"pubsub" => ClientKind::Pubsub,
            _ => return Err(quoting("ERR Unknown client type ", name)),
        })
    }

    fn of(client: &ClientShared) -> Self {
        if client.is.subscriber.load(Relaxed) { ClientKind::Pubsub } else { ClientKind::Normal }
    }
}

/// Which command the filters are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    List,
    Kill,
}

impl<'a> Filters<'a> {
    /// Reads filters to the end of the arguments.
    pub(super) fn parse(mut words: Cursor<'a>, purpose: Use, databases: i64) -> Result<Self> {
        let mut filters = Filters::default();
        while words.left() > 0 {
            let word = words.next()?.to_ascii_uppercase();
            if words.left() == 0 {
                return Err(Error::SYNTAX);
            }
            if word == b"SKIPME" {
                filters.skip_me = Some(match words.next()?.to_ascii_lowercase().as_slice() {
                    b"yes" => true,
                    b"no" => false,
                    _ => return Err(Error::SYNTAX),
                });
                continue;
            }
            let (negated, name) = word.strip_prefix(b"NOT-").map_or((false, &word[..]), |name| (true, name));
            let test = Test::parse(name, negated, &mut words, purpose, databases)?;
            // The same filter again replaces the first.
            let same =
                |filter: &Filter<'_>| filter.negated == negated && discriminant(&filter.test) == discriminant(&test);
            filters.filters.retain(|filter| !same(filter));
            filters.filters.push(Filter { negated, test });
        }
        Ok(filters)
    }

    /// Whether all filters hold for a connection.
    pub(super) fn accept(&self, client: &ClientShared, now: u64) -> bool {
        self.filters.iter().all(|filter| filter.test.holds(client, now) != filter.negated)
    }
}

impl<'a> Test<'a> {
    fn parse(name: &[u8], negated: bool, words: &mut Cursor<'a>, purpose: Use, databases: i64) -> Result<Self> {
        // The ages have no negation.
        if negated && matches!(name, b"MAXAGE" | b"IDLE") {
            return Err(Error::SYNTAX);
        }
        Ok(match name {
            b"ID" => Test::Id(ids(words, purpose)?),
            b"TYPE" => Test::Kind(ClientKind::parse(words.next()?)?),
            b"USER" => Test::User(known_user(words.next()?)?),
            b"ADDR" => Test::Address(words.next()?),
            b"LADDR" => Test::LocalAddress(words.next()?),
            b"MAXAGE" => Test::MaxAge(age("maxage", words.next()?)?),
            b"NAME" => Test::Name(words.next()?),
            b"IDLE" => Test::Idle(age("idle", words.next()?)?),
            b"FLAGS" => Test::Flags(letters("flags", FLAGS, words.next()?)?),
            b"LIB-NAME" => Test::Library(words.next()?),
            b"LIB-VER" => Test::Version(words.next()?),
            b"DB" => Test::Database(database(words.next()?, databases)?),
            b"CAPA" => Test::Capabilities(letters("capa", b"r", words.next()?)?),
            b"IP" => Test::Ip(words.next()?),
            _ => return Err(Error::SYNTAX),
        })
    }

    fn holds(&self, client: &ClientShared, now: u64) -> bool {
        let lasts = |since: u64, seconds: i64| (now.saturating_sub(since) / 1000) as i64 >= seconds;
        match self {
            Test::Id(ids) => ids.contains(&i64::try_from(client.id).unwrap_or(i64::MAX)),
            Test::Kind(kind) => ClientKind::of(client) == *kind,
            Test::User(user) => client.user.read().as_bytes() == *user,
            Test::Address(address) => client.origin.address.as_bytes() == *address,
            Test::LocalAddress(address) => client.origin.local_address.as_bytes() == *address,
            Test::MaxAge(seconds) => lasts(client.created, *seconds),
            Test::Name(name) => *client.name() == **name,
            Test::Idle(seconds) => lasts(client.last_active.load(Relaxed), *seconds),
            Test::Flags(wanted) => {
                let flags = client.flags();
                wanted.iter().all(|letter| flags.as_bytes().contains(letter))
            }
            Test::Library(name) => *client.library.read().name == **name,
            Test::Version(version) => *client.library.read().version == **version,
            Test::Database(database) => client.database.load(Relaxed) == *database,
            Test::Capabilities(wanted) => wanted.is_empty() || client.capabilities.load(Relaxed) & 1 != 0,
            Test::Ip(ip) => {
                let address = &client.origin.address;
                address.rsplit_once(':').map_or(address.as_str(), |(ip, _)| ip).as_bytes() == *ip
            }
        }
    }
}

/// One or more numbers.
fn ids(words: &mut Cursor<'_>, purpose: Use) -> Result<Vec<i64>> {
    let invalid = match purpose {
        Use::Kill => Error::new("ERR client-id should be greater than 0"),
        Use::List => Error::new("ERR Invalid client ID"),
    };
    let mut ids = Vec::new();
    while let Some(word) = words.peek() {
        match parse_i64(word) {
            Some(id) if id > 0 || purpose == Use::List => ids.push(id),
            None if !ids.is_empty() && (purpose == Use::Kill || names_a_filter(word)) => break,
            _ => return Err(invalid),
        }
        words.next()?;
    }
    Ok(ids)
}

fn names_a_filter(word: &[u8]) -> bool {
    let word = word.to_ascii_uppercase();
    word == b"SKIPME"
        || word.starts_with(b"NOT-")
        || [
            &b"ID"[..],
            b"TYPE",
            b"USER",
            b"ADDR",
            b"LADDR",
            b"MAXAGE",
            b"NAME",
            b"IDLE",
            b"FLAGS",
            b"LIB-NAME",
            b"LIB-VER",
            b"DB",
            b"CAPA",
            b"IP",
        ]
        .contains(&&word[..])
}

/// There is only one user.
fn known_user(name: &[u8]) -> Result<&[u8]> {
    if name == b"default" { Ok(name) } else { Err(quoting("ERR No such user ", name)) }
}

fn age(name: &str, word: &[u8]) -> Result<i64> {
    match parse_i64(word) {
        Some(seconds) if seconds > 0 => Ok(seconds),
        Some(_) => Err(Error::from(format!("ERR {name} should be greater than 0"))),
        None => Err(Error::from(format!("ERR {name} is not an integer or out of range"))),
    }
}

fn letters<'a>(name: &str, known: &[u8], word: &'a [u8]) -> Result<&'a [u8]> {
    if word.iter().all(|letter| known.contains(letter)) {
        return Ok(word);
    }
    let word = String::from_utf8_lossy(word);
    Err(Error::from(format!("ERR Unknown {name} found in the provided filter: {word}")))
}

fn database(word: &[u8], databases: i64) -> Result<usize> {
    let database = parse_i64(word).ok_or(Error::new("ERR DB is not an integer or out of range"))?;
    if !(0..databases).contains(&database) {
        return Err(Error::from(format!("ERR DB number should be between 0 and {}", databases - 1)));
    }
    Ok(database as usize)
}

fn quoting(text: &str, name: &[u8]) -> Error {
    Error::from(format!("{text}'{}'", String::from_utf8_lossy(name)))
}

/// The arguments of CLIENT LIST, kept until the handler knows the number of databases.
#[derive(Clone, Copy)]
pub(super) struct ListFilters<'a>(pub(super) Cursor<'a>);

/// The arguments of CLIENT KILL: an address, or filters.
#[derive(Clone, Copy)]
pub(super) enum KillTarget<'a> {
    Address(&'a [u8]),
    Filters(Cursor<'a>),
}

impl<'a> Argument<'a> for ListFilters<'a> {
    type Raw = Cursor<'a>;
    const SHAPE: Shape = Shape::at_least(0);
    const DOC: ArgDoc = ArgDoc::of(ArgKind::Inline, &LIST_DOCS);

    fn shape(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>> {
        cursor.split(cursor.left())
    }

    fn value(raw: Cursor<'a>, _: &Context) -> Result<Self> {
        Ok(ListFilters(raw))
    }
}

impl<'a> Argument<'a> for KillTarget<'a> {
    type Raw = Cursor<'a>;
    const SHAPE: Shape = Shape::at_least(1);
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::OneOf,
        &[
            ArgDoc::new(ArgKind::String).named("old-format").deprecated_since("2.8.12"),
            ArgDoc::of(ArgKind::OneOf, &KILL_DOCS).named("new-format").multiple(),
        ],
    );

    fn shape(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>> {
        cursor.split(cursor.left())
    }

    fn value(mut raw: Cursor<'a>, _: &Context) -> Result<Self> {
        match raw.left() {
            1 => raw.next().map(KillTarget::Address),
            _ => Ok(KillTarget::Filters(raw)),
        }
    }
}

const LIST_TYPES: &[ArgDoc] = &[word("normal"), word("master"), word("replica"), word("pubsub")];
const KILL_TYPES: &[ArgDoc] = &[
    word("normal"),
    word("master").since("3.2.0"),
    word("primary").since("8.0.0"),
    word("slave"),
    word("replica").since("5.0.0"),
    word("pubsub"),
];
const KILL_NOT_TYPES: &[ArgDoc] =
    &[word("normal"), word("master"), word("primary"), word("slave"), word("replica"), word("pubsub")];

/// A word that stands for itself.
const fn word(name: &'static str) -> ArgDoc {
    let token = match name.as_bytes() {
        b"normal" => "NORMAL",
        b"master" => "MASTER",
        b"primary" => "PRIMARY",
        b"slave" => "SLAVE",
        b"replica" => "REPLICA",
        b"pubsub" => "PUBSUB",
        b"yes" => "YES",
        _ => "NO",
    };
    ArgDoc::new(ArgKind::PureToken).named(name).token(token)
}

const fn filter(kind: ArgKind, name: &'static str, token: &'static str) -> ArgDoc {
    ArgDoc::new(kind).named(name).token(token).optional()
}

const fn types(name: &'static str, token: &'static str, types: &'static [ArgDoc]) -> ArgDoc {
    ArgDoc::of(ArgKind::OneOf, types).named(name).token(token).optional()
}

/// The filters that came with Valkey 9.
const fn recent(not_types: &'static [ArgDoc]) -> [ArgDoc; 20] {
    use ArgKind::{Integer, String};
    let mut docs = [
        filter(String, "name", "NAME"),
        filter(Integer, "idle", "IDLE"),
        filter(String, "flags", "FLAGS"),
        filter(String, "lib-name", "LIB-NAME"),
        filter(String, "lib-ver", "LIB-VER"),
        filter(Integer, "db", "DB"),
        filter(String, "capa", "CAPA"),
        filter(String, "ip", "IP"),
        types("not-client-type", "NOT-TYPE", not_types),
        filter(Integer, "not-client-id", "NOT-ID").multiple(),
        filter(String, "not-username", "NOT-USER"),
        filter(String, "not-addr", "NOT-ADDR"),
        filter(String, "not-laddr", "NOT-LADDR"),
        filter(String, "not-name", "NOT-NAME"),
        filter(String, "not-flags", "NOT-FLAGS"),
        filter(String, "not-lib-name", "NOT-LIB-NAME"),
        filter(String, "not-lib-ver", "NOT-LIB-VER"),
        filter(Integer, "not-db", "NOT-DB"),
        filter(String, "not-capa", "NOT-CAPA"),
        filter(String, "not-ip", "NOT-IP"),
    ];
    let mut i = 0;
    while i < docs.len() {
        docs[i] = docs[i].since("9.0.0");
        i += 1;
    }
    docs
}

/// The older filters, and behind them the recent ones.
const fn all<const OLD: usize, const ALL: usize>(old: [ArgDoc; OLD], not_types: &'static [ArgDoc]) -> [ArgDoc; ALL] {
    let recent = recent(not_types);
    let mut all = [ArgDoc::new(ArgKind::String); ALL];
    let mut i = 0;
    while i < ALL {
        all[i] = if i < OLD { old[i] } else { recent[i - OLD] };
        i += 1;
    }
    all
}

const SKIP_ME: ArgDoc = types("skipme", "SKIPME", &[word("yes"), word("no")]);

const LIST_DOCS: [ArgDoc; 27] = all(
    [
        types("client-type", "TYPE", LIST_TYPES).since("5.0.0"),
        filter(ArgKind::Integer, "client-id", "ID").multiple().since("6.2.0"),
        filter(ArgKind::String, "username", "USER").since("8.1.0"),
        filter(ArgKind::String, "addr", "ADDR").since("8.1.0"),
        filter(ArgKind::String, "laddr", "LADDR").since("8.1.0"),
        SKIP_ME.since("8.1.0"),
        filter(ArgKind::Integer, "maxage", "MAXAGE").since("8.1.0"),
    ],
    LIST_TYPES,
);

const KILL_DOCS: [ArgDoc; 27] = all(
    [
        filter(ArgKind::Integer, "client-id", "ID").multiple().since("2.8.12"),
        types("client-type", "TYPE", KILL_TYPES).since("2.8.12"),
        filter(ArgKind::String, "username", "USER"),
        filter(ArgKind::String, "addr", "ADDR"),
        filter(ArgKind::String, "laddr", "LADDR").since("6.2.0"),
        SKIP_ME,
        filter(ArgKind::Integer, "maxage", "MAXAGE").since("8.0.0"),
    ],
    KILL_NOT_TYPES,
);

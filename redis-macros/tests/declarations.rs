//! What declarations turn into: the entries that they submit, and the two passes of options.

use redis_core::args::OwnedArgs;
use redis_core::command::{
    Access, ArgDoc, ArgKind, Begin, Command, Cursor, EffectArgs, Find, Flags, KeyFlags, Registry, Secrets,
};
use redis_core::prelude::*;
use redis_core::resp::Value;

family!("test", acl = STRING | HASH);

/// Reads.
#[command(since = "1.0.0", complexity = "O(1)", flags(FAST), tips(REQUEST_POLICY_ALL_SHARDS))]
fn read(db: &Db, keys: Keys) {
    let _ = (db, keys);
}

/// Writes. Its summary is two sentences
/// on two lines.
///
/// This is for rustdoc alone.
#[command(since = "1.0.0", complexity = "O(1)", history("2.6.12" = "Added options."))]
fn write(
    db: &mut Db,
    #[key(OW, UPDATE)] destination: Key,
    /// What to write.
    #[key(RO)]
    #[arg(name = "source")]
    _sources: NumKeys<1>,
    options: SetOptions,
    #[arg(name = "data", names("field", "value"))] pairs: Many<(&[u8], i64)>,
) -> Okay {
    let _ = (db, destination, options, pairs);
    Okay
}

/// Waits.
#[command(since = "2.0.0", complexity = "O(N)", acl(DANGEROUS))]
fn wait(db: &mut Db, keys: Keys, timeout: Timeout) -> Result<Wait<i64>> {
    let _ = db;
    Ok(Wait::For(keys.into(), timeout))
}

/// Sorts.
#[command(since = "1.0.0", complexity = "O(N)", extra = syntax)]
fn sort(keyspace: &mut Keyspace, #[key(RO, ACCESS)] key: Key, options: SortOptions) {
    let _ = (keyspace, key, options.by, options.limit.map(|limit| (limit.offset, limit.count)), options.store);
}

/// Counts.
#[command(since = "1.0.0", complexity = "O(N)")]
fn count(mut walk: Walk) -> usize {
    walk.size()
}

container!("BOX", since = "2.0.0", "A container.", help_since = "5.0.0");

/// Opens.
#[command("BOX NO-OPEN", since = "3.0.0", complexity = "O(1)", deprecated(since = "4.0.0", replaced_by = "`SET`"))]
fn open(client: &mut Client, #[arg(token = "ID", since = "3.2.0")] id: Option<i64>) {
    let _ = (client, id);
}

#[derive(Debug, Options, PartialEq)]
#[options(check = not_get_with_xx)]
struct SetOptions {
    #[arg(since = "2.6.12", conflict = "ERR one of them")]
    condition: Option<Condition>,
    get: bool,
    expiry: Option<Expiry>,
    weights: Vec<i64>,
}

#[derive(Debug, Options, PartialEq)]
enum Condition {
    Nx,
    Xx,
}

#[derive(Debug, Options, PartialEq)]
enum Expiry {
    Ex(i64),
    #[arg(since = "6.0.0")]
    KeepTtl,
    Between {
        low: i64,
        high: i64,
    },
}

fn not_get_with_xx(raw: &SetOptionsRaw<'_>) -> Result<()> {
    match raw.condition {
        Some(Condition::Xx) if raw.get => Err(Error::new("ERR GET and XX")),
        _ => Ok(()),
    }
}

#[derive(Options)]
struct SortOptions<'a> {
    #[key(RO, ACCESS, unknown)]
    by: Option<Pattern<'a>>,
    limit: Option<Limit>,
    #[key(OW, UPDATE, from = -2)]
    store: Option<Key>,
}

#[derive(Debug, Options)]
#[options(sequence)]
struct Limit {
    offset: i64,
    count: Option<i64>,
}

#[derive(Debug, Options)]
struct Required {
    #[arg(missing = "ERR say by what")]
    by: Condition,
    #[arg(error = "ERR limit is no number")]
    limit: i64,
}

#[derive(Debug, Options)]
#[options(order)]
struct Ordered {
    first: bool,
    second: Option<i64>,
}

#[derive(Debug, Options)]
#[options(once)]
struct Once {
    flag: bool,
    choice: Option<Condition>,
    value: Option<i64>,
}

/// Options that are written back.
#[derive(Clone, Debug, Options, PartialEq)]
#[options(to_args)]
struct Written {
    flag: bool,
    choice: Option<Form>,
    #[arg(token = "AT")]
    place: i64,
    words: Vec<Vec<u8>>,
    range: Option<Span>,
}

#[derive(Clone, Debug, Options, PartialEq)]
#[options(to_args)]
enum Form {
    Plain,
    Until(UnixMillis),
    Between { low: i64, high: i64 },
}

#[derive(Clone, Debug, Options, PartialEq)]
#[options(sequence, to_args)]
struct Span {
    first: i64,
    #[arg(token = "TO")]
    last: Option<i64>,
}

#[derive(Debug, Options)]
struct Single {
    #[arg(conflict = "ERR one is enough")]
    value: Option<i64>,
}

fn command(name: &str) -> &'static Command {
    let registry = Registry::get().expect("the declarations of this file are sound");
    registry.find_full(name.as_bytes()).expect("declared in this file")
}

fn names(docs: &[ArgDoc]) -> Vec<&'static str> {
    docs.iter().map(|doc| doc.name).collect()
}

#[test]
fn arity_flags_and_access_follow_from_the_signature() {
    let of = |name| {
        let command = command(name);
        (command.def.arity, command.flags, command.def.access)
    };
    assert_eq!(of("read"), (-2, Flags::READONLY.union(Flags::FAST), Access::Keys));
    assert_eq!(of("write"), (-6, Flags::WRITE.union(Flags::MOVABLEKEYS), Access::Keys));
    assert_eq!(of("wait"), (-3, Flags::WRITE.union(Flags::BLOCKING), Access::Keys));
    assert_eq!(of("sort"), (-2, Flags::WRITE.union(Flags::MOVABLEKEYS), Access::All));
    assert_eq!(of("count"), (1, Flags::READONLY, Access::Each));
    assert_eq!(of("box"), (-2, Flags::NONE, Access::None));
    assert_eq!(of("box|no-open"), (-2, Flags::NONE, Access::None));
    assert_eq!(of("box|help"), (2, Flags::LOADING.union(Flags::STALE), Access::None));
    let acl: Vec<_> = command("wait").acl.names().collect();
    assert_eq!(acl, ["write", "hash", "string", "slow", "blocking", "dangerous"]);
}

#[test]
fn key_specifications_follow_from_the_parameters() {
    let of = |name| command(name).def.keys.iter().map(|spec| (spec.begin, spec.find)).collect::<Vec<_>>();
    let range = |last| Find::Range { last, step: 1, limit: 0 };
    assert_eq!(of("read"), [(Begin::Index(1), range(-1))]);
    assert_eq!(of("wait"), [(Begin::Index(1), range(-2))]);
    let counted = Find::KeyNum { index: 0, first: 1, step: 1 };
    assert_eq!(of("write"), [(Begin::Index(1), range(0)), (Begin::Index(2), counted)]);
    let store = Begin::Keyword { token: "STORE", from: -2 };
    assert_eq!(of("sort"), [(Begin::Index(1), range(0)), (Begin::Unknown(None), Find::Unknown), (store, range(0))]);
    let flags = |name, i: usize| command(name).def.keys[i].flags;
    assert_eq!(flags("read", 0), KeyFlags::RO.union(KeyFlags::ACCESS));
    assert_eq!(flags("wait", 0), KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE));
    assert_eq!(flags("write", 0), KeyFlags::OW.union(KeyFlags::UPDATE));
    assert_eq!(flags("sort", 2), KeyFlags::OW.union(KeyFlags::UPDATE));
}

#[test]
fn documentation_follows_from_names_types_and_comments() {
    let docs = &command("write").def.docs;
    assert_eq!(docs.summary, "Writes. Its summary is two sentences on two lines.");
    assert_eq!(docs.history, [("2.6.12", "Added options.")]);
    assert_eq!(names(docs.arguments), ["destination", "source", "options", "data"]);
    let [destination, source, options, data] = docs.arguments else { panic!("four arguments") };
    assert_eq!((destination.key_spec, source.children[1].key_spec), (Some(0), Some(1)));
    assert_eq!((source.kind, options.kind, data.kind), (ArgKind::Inline, ArgKind::Inline, ArgKind::Block));
    assert_eq!((names(data.children), data.multiple), (vec!["field", "value"], true));
    let [condition, get, expiry, weights] = options.children else { panic!("four options") };
    assert_eq!((condition.kind, condition.since, condition.token), (ArgKind::OneOf, Some("2.6.12"), None));
    assert_eq!((get.kind, get.token, get.optional), (ArgKind::PureToken, Some("GET"), true));
    assert_eq!(names(expiry.children), ["ex", "keepttl", "between"]);
    assert_eq!(names(expiry.children[2].children), ["low", "high"]);
    assert_eq!((weights.token, weights.multiple_token), (Some("WEIGHTS"), true));
    assert_eq!(command("sort").def.docs.arguments[1].children[2].key_spec, Some(2));
    assert_eq!(command("read").def.docs.tips, ["request_policy:all_shards"]);
    let open = &command("box|no-open").def.docs;
    assert_eq!((open.deprecated_since, open.replaced_by), (Some("4.0.0"), Some("`SET`")));
    assert_eq!((open.arguments[0].token, open.arguments[0].optional), (Some("ID"), true));
    assert_eq!((READ.0, BOX_NO_OPEN.0), ("READ", "BOX NO-OPEN"));
}

/// Both passes over the words of a line; what is left over is an error too.
fn parse<T: for<'a> Argument<'a>>(line: &str) -> Result<T> {
    let args = OwnedArgs::new(line.split_whitespace().map(str::as_bytes));
    let secrets = Secrets::default();
    let mut cursor = Cursor::new(args.as_args(), &[], 0, "test", &secrets);
    let raw = T::shape(&mut cursor)?;
    cursor.finish(true)?;
    T::check_shape(&raw)?;
    T::value(raw, &Context { command: "test", now: 0 })
}

fn error<T: for<'a> Argument<'a>>(line: &str) -> String {
    parse::<T>(line).err().map_or_else(String::new, |error| error.text().into_owned())
}

#[test]
fn options_are_written_as_they_can_be_read() {
    for (line, written) in [
        ("at 1", "AT 1"),
        ("plain at -5 flag", "FLAG PLAIN AT -5"),
        ("words b at 1 until 77 words a", "UNTIL 77 AT 1 WORDS b WORDS a"),
        ("between 1 2 at 3 range 4", "BETWEEN 1 2 AT 3 RANGE 4"),
        ("range 4 to 5 at 3", "AT 3 RANGE 4 TO 5"),
    ] {
        let options: Written = parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let mut effect = EffectArgs::default();
        effect.options(&options);
        let bytes = effect.as_bytes();
        let words = Value::parse_all(bytes).expect("bulk strings").into_iter().map(|word| match word {
            Value::Bulk(word) => String::from_utf8(word).expect("words"),
            other => panic!("{other}"),
        });
        let words = words.collect::<Vec<_>>().join(" ");
        assert_eq!(words, written);
        assert_eq!(parse(&words), Ok(options));
    }
}

#[test]
fn an_option_may_refuse_to_be_said_twice() {
    assert_eq!(parse::<Single>("value 1").map(|single| single.value), Ok(Some(1)));
    assert_eq!(error::<Single>("value 1 value x"), "ERR one is enough");
    assert_eq!(error::<Single>("value 1 value"), "ERR syntax error");
}

#[test]
fn options_come_in_any_order_and_any_case() {
    let nothing = SetOptions { condition: None, get: false, expiry: None, weights: vec![] };
    assert_eq!(parse(""), Ok(nothing));
    let all =
        SetOptions { condition: Some(Condition::Nx), get: true, expiry: Some(Expiry::Ex(2)), weights: vec![3, 4] };
    assert_eq!(parse("weights 3 ex 1 GET nx weights 4 get EX 2 NX"), Ok(all));
    let between = parse::<SetOptions>("between 1 2").map(|options| options.expiry);
    assert_eq!(between, Ok(Some(Expiry::Between { low: 1, high: 2 })));
}

#[test]
fn shape_comes_before_checks_and_checks_before_values() {
    const SYNTAX: &str = "ERR syntax error";
    assert_eq!(error::<SetOptions>("EX one WHAT"), SYNTAX);
    assert_eq!(error::<SetOptions>("EX"), SYNTAX);
    assert_eq!(error::<SetOptions>("EX 1 KEEPTTL"), SYNTAX);
    assert_eq!(error::<SetOptions>("EX one NX XX"), "ERR one of them");
    assert_eq!(error::<SetOptions>("EX one NX XX WHAT"), SYNTAX);
    assert_eq!(error::<SetOptions>("EX one GET XX"), "ERR GET and XX");
    assert_eq!(error::<SetOptions>("EX one GET NX"), Error::NOT_INTEGER.text());
}

#[test]
fn required_options_have_errors_of_their_own() {
    assert!(parse::<Required>("LIMIT 1 NX").is_ok_and(|options| options.by == Condition::Nx && options.limit == 1));
    assert_eq!(error::<Required>("LIMIT 1"), "ERR say by what");
    assert_eq!(error::<Required>("NX"), "ERR syntax error");
    assert_eq!(error::<Required>("NX LIMIT x"), "ERR limit is no number");
}

#[test]
fn some_options_are_said_once_only() {
    assert!(parse::<Once>("NX VALUE 1 FLAG").is_ok_and(|options| options.flag && options.value == Some(1)));
    for twice in ["FLAG FLAG", "NX NX", "NX XX", "VALUE 1 FLAG VALUE 1"] {
        assert_eq!(error::<Once>(twice), "ERR syntax error");
    }
    assert!(parse::<Once>("XX").is_ok_and(|options| options.choice == Some(Condition::Xx)));
}

#[test]
fn order_and_sequence_are_kept_where_they_matter() {
    assert!(parse::<Ordered>("FIRST SECOND 2").is_ok_and(|options| options.first && options.second == Some(2)));
    assert_eq!(error::<Ordered>("SECOND 2 FIRST"), "ERR syntax error");
    assert!(parse::<Limit>("1").is_ok_and(|limit| limit.offset == 1 && limit.count.is_none()));
    assert!(parse::<Limit>("1 2").is_ok_and(|limit| limit.count == Some(2)));
    assert_eq!(error::<Limit>(""), "ERR syntax error");
}

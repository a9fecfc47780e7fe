//! COMMAND: what the server knows about its commands, straight from their declarations.

use redis_core::command::{
    ArgDoc, ArgKind, Begin, Categories, Command, Docs, Find, Flags, KeyFlags, KeySpec, Registry, help, keys, recognise,
};
use redis_core::glob;
use redis_core::prelude::*;

use super::{FAMILY, Undocumented};

/// What is told of one command.
const DETAILS: Schema = {
    use Schema::{Any, Array, Bulk, Integer, Map, Set, Status, Tuple};
    const KEY_SPEC: Schema = Map(&Bulk, &Any);
    const SUBCOMMANDS: Schema = Array(&Any);
    const WORDS: Schema = Set(&Status);
    Tuple(&[Bulk, Integer, WORDS, Integer, Integer, Integer, WORDS, Array(&Bulk), Array(&KEY_SPEC), SUBCOMMANDS])
};

/// Returns detailed information about all commands.
#[command(
    since = "2.8.13",
    complexity = "O(N) where N is the total number of commands",
    flags(LOADING, STALE),
    acl(CONNECTION),
    tips(NONDETERMINISTIC_OUTPUT_ORDER),
    reply = Array(&DETAILS)
)]
fn command(call: &mut Call, _arguments: Undocumented<0>) {
    write_infos(call.worker.registry.top_level(), call.reply);
}

/// Returns helpful text about the different subcommands.
#[command(
    "COMMAND HELP",
    since = "5.0.0",
    complexity = "O(1)",
    flags(LOADING, STALE),
    acl(CONNECTION),
    reply = Array(&Status)
)]
fn command_help(call: &mut Call) -> Result<()> {
    help(call).map(drop)
}

/// Returns the number of commands.
#[command("COMMAND COUNT", since = "2.8.13", complexity = "O(1)", flags(LOADING, STALE), acl(CONNECTION))]
fn command_count(call: &mut Call) -> usize {
    call.worker.registry.top_level().len()
}

/// Returns information about one, several or all commands.
#[command(
    "COMMAND INFO",
    since = "2.8.13",
    complexity = "O(N) where N is the number of commands to look up",
    flags(LOADING, STALE),
    acl(CONNECTION),
    tips(NONDETERMINISTIC_OUTPUT_ORDER),
    history("7.0.0" = "Allowed to be called with no argument to get info on all commands."),
    reply = Array(&OneOf(&[DETAILS, Null]))
)]
fn command_info(call: &mut Call, #[arg(name = "command-name")] names: Rest<&[u8]>) {
    let (registry, reply) = (call.worker.registry, &mut *call.reply);
    if names.is_empty() {
        return write_infos(registry.top_level(), reply);
    }
    reply.array(names.len());
    for name in names {
        match registry.find_full(name) {
            Some(command) => write_info(command, reply),
            None => reply.nil(),
        }
    }
}

/// Returns documentary information about one, several or all commands.
#[command(
    "COMMAND DOCS",
    since = "7.0.0",
    complexity = "O(N) where N is the number of commands to look up",
    flags(LOADING, STALE),
    acl(CONNECTION),
    tips(NONDETERMINISTIC_OUTPUT_ORDER),
    reply = Map(&Bulk, &Map(&Bulk, &Any))
)]
fn command_docs(call: &mut Call, #[arg(name = "command-name")] names: Rest<&[u8]>) {
    let (registry, reply) = (call.worker.registry, &mut *call.reply);
    if names.is_empty() {
        return write_all_docs(registry.top_level(), reply);
    }
    let found: Vec<_> = names.iter().filter_map(|name| registry.find_full(name)).collect();
    write_all_docs(&found, reply);
}

/// Which commands COMMAND LIST lists.
#[derive(Options)]
enum Filter<'a> {
    /// Those that a module brought.
    #[arg(token = "MODULE", name = "module-name")]
    #[allow(dead_code, reason = "no module has that name, whatever it is")]
    Module(&'a [u8]),
    /// Those of an ACL category.
    #[arg(token = "ACLCAT", name = "category")]
    Category(&'a [u8]),
    /// Those with such a name.
    #[arg(token = "PATTERN", name = "pattern")]
    Pattern(Pattern<'a>),
}

impl Filter<'_> {
    fn accepts(&self, command: &Command) -> bool {
        match self {
            // Commands are compiled in: no module brought one.
            Filter::Module(_) => false,
            Filter::Category(category) => {
                Categories::by_name(category).is_some_and(|category| command.acl.has(category))
            }
            Filter::Pattern(pattern) => glob::matches_ignore_case(pattern.0, command.def.full_name.as_bytes()),
        }
    }
}

/// Returns the names of commands.
#[command(
    "COMMAND LIST",
    since = "7.0.0",
    complexity = "O(N) where N is the total number of commands",
    flags(LOADING, STALE),
    acl(CONNECTION),
    tips(NONDETERMINISTIC_OUTPUT_ORDER)
)]
fn command_list(
    call: &mut Call,
    #[arg(token = "FILTERBY", name = "filterby")] filter: Option<Filter>,
) -> Vec<&'static str> {
    let top_level = call.worker.registry.top_level().iter();
    let all = top_level.flat_map(|command| std::iter::once(command).chain(&command.subcommands));
    let wanted = |command: &&&Command| filter.as_ref().is_none_or(|filter| filter.accepts(command));
    all.filter(wanted).map(|command| command.def.full_name).collect()
}

/// The keys of a request, which has not been run, and how each is used.
fn keys_of<'a>(registry: &Registry, request: Args<'a>) -> Result<Vec<(&'a [u8], KeyFlags)>> {
    let command = recognise(registry, request, &mut Vec::new()).ok_or(Error::new("ERR Invalid command specified"))?;
    if command.def.keys.iter().all(|spec| spec.flags.has(KeyFlags::NOT_KEY)) {
        return Err(Error::new("ERR The command has no key arguments"));
    }
    if !command.accepts(request.len()) {
        return Err(Error::new("ERR Invalid number of arguments specified for command"));
    }
    let mut found = Vec::new();
    let complete = keys::walk(command.def.keys, request, |index, flags| {
        if !flags.has(KeyFlags::NOT_KEY) {
            found.push((request.get(index), keys::use_of(command, request, flags)));
        }
    });
    // A count of no keys is wrong where there must be some, even if there are others.
    let counts_none = |spec: &KeySpec| {
        let mut count = 0;
        keys::walk(std::slice::from_ref(spec), request, |_, _| count += 1);
        matches!(spec.find, Find::KeyNum { .. }) && count == 0
    };
    let enough = !found.is_empty() && !command.def.keys.iter().any(counts_none);
    match complete && (enough || command.flags.has(Flags::NO_MANDATORY_KEYS)) {
        true => Ok(found),
        false => Err(Error::new("ERR Invalid arguments specified for command")),
    }
}

/// Extracts the key names from an arbitrary command.
#[command(
    "COMMAND GETKEYS",
    since = "2.8.13",
    complexity = "O(N) where N is the number of arguments to the command",
    flags(LOADING, STALE),
    acl(CONNECTION)
)]
fn command_getkeys<'a>(
    call: &mut Call<'a>,
    #[arg(name = "command")] _command: &[u8],
    #[arg(name = "arg")] _args: Rest<&[u8]>,
) -> Result<Vec<&'a [u8]>> {
    let keys = keys_of(call.worker.registry, call.args.behind(2))?;
    Ok(keys.into_iter().map(|(key, _)| key).collect())
}

/// Extracts the key names and access flags for an arbitrary command.
#[command(
    "COMMAND GETKEYSANDFLAGS",
    since = "7.0.0",
    complexity = "O(N) where N is the number of arguments to the command",
    flags(LOADING, STALE),
    acl(CONNECTION),
    reply = Array(&Tuple(&[Bulk, Set(&Status)]))
)]
fn command_getkeysandflags(
    call: &mut Call,
    #[arg(name = "command")] _command: &[u8],
    #[arg(name = "arg")] _args: Rest<&[u8]>,
) -> Result<()> {
    let keys = keys_of(call.worker.registry, call.args.behind(2))?;
    call.reply.array(keys.len());
    for (key, flags) in keys {
        call.reply.array(2);
        call.reply.bulk(key);
        write_words(flags.names(), call.reply);
    }
    Ok(())
}

fn write_infos(commands: &[&Command], reply: &mut Reply) {
    reply.array(commands.len());
    commands.iter().for_each(|command| write_info(command, reply));
}

/// One command as COMMAND INFO shows it.
fn write_info(command: &Command, reply: &mut Reply) {
    let def = command.def;
    let (first, last, step) = command.key_range;
    reply.array(10);
    reply.bulk(def.full_name.as_bytes());
    reply.integer(i64::from(def.arity));
    write_words(command.flags.names(), reply);
    reply.integer(first);
    reply.integer(last);
    reply.integer(step);
    write_words(command.acl.names().map(|name| format!("@{name}")), reply);
    reply.array(def.docs.tips.len());
    def.docs.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.array(def.keys.len());
    def.keys.iter().for_each(|spec| write_key_spec(spec, reply));
    write_infos(&command.subcommands, reply);
}

/// A set of words, each a status.
fn write_words(words: impl Iterator<Item = impl AsRef<str>>, reply: &mut Reply) {
    let set = reply.begin_set();
    let mut count = 0;
    for word in words {
        reply.simple(word.as_ref());
        count += 1;
    }
    reply.finish_set(set, count);
}

fn write_key_spec(spec: &KeySpec, reply: &mut Reply) {
    reply.map(3);
    reply.bulk(b"flags");
    write_words(spec.flags.names(), reply);
    reply.bulk(b"begin_search");
    match spec.begin {
        Begin::Index(index) => write_step("index", &[("index", Detail::Number(index.into()))], reply),
        Begin::Keyword { token, from } => {
            let details = [("keyword", Detail::Word(token)), ("startfrom", Detail::Number(from.into()))];
            write_step("keyword", &details, reply);
        }
        Begin::Unknown(_) => write_step("unknown", &[], reply),
    }
    reply.bulk(b"find_keys");
    match spec.find {
        Find::Range { last, step, limit } => {
            let details = [("lastkey", last.into()), ("keystep", step.into()), ("limit", limit.into())];
            write_step("range", &details.map(|(name, number)| (name, Detail::Number(number))), reply);
        }
        Find::KeyNum { index, first, step } => {
            let details = [("keynumidx", index.into()), ("firstkey", first.into()), ("keystep", step.into())];
            write_step("keynum", &details.map(|(name, number)| (name, Detail::Number(number))), reply);
        }
        Find::Unknown => write_step("unknown", &[], reply),
    }
}

/// A fact in a key specification.
enum Detail {
    Word(&'static str),
    Number(i64),
}

/// One of the two steps by which a key specification finds keys.
fn write_step(kind: &str, details: &[(&str, Detail)], reply: &mut Reply) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(details.len());
    for (name, detail) in details {
        reply.bulk(name.as_bytes());
        match detail {
            Detail::Word(word) => reply.bulk(word.as_bytes()),
            Detail::Number(number) => reply.integer(*number),
        }
    }
}

fn write_all_docs(commands: &[&Command], reply: &mut Reply) {
    reply.map(commands.len());
    for command in commands {
        reply.bulk(command.def.full_name.as_bytes());
        write_docs(command, reply);
    }
}

/// One command as COMMAND DOCS shows it.
fn write_docs(command: &Command, reply: &mut Reply) {
    let Docs { summary, since, complexity, history, deprecated_since, replaced_by, arguments, tips: _ } =
        &command.def.docs;
    let mut map = MapWriter::begin(reply);
    map.text("summary", summary);
    map.text("since", since);
    map.text("group", command.def.family.group);
    map.text("complexity", complexity);
    let doc_flags = [(deprecated_since.is_some(), "deprecated"), (command.def.flags.has(Flags::SYSTEM), "syscmd")];
    let doc_flags: Vec<_> = doc_flags.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| *name).collect();
    if !doc_flags.is_empty() {
        write_words(doc_flags.into_iter(), map.field("doc_flags"));
    }
    map.optional("deprecated_since", *deprecated_since);
    map.optional("replaced_by", *replaced_by);
    if !history.is_empty() {
        let reply = map.field("history");
        reply.set(history.len());
        for (version, change) in *history {
            reply.array(2);
            reply.bulk(version.as_bytes());
            reply.bulk(change.as_bytes());
        }
    }
    if arguments.iter().any(is_shown) {
        write_arguments(arguments, map.field("arguments"));
    }
    if !command.subcommands.is_empty() {
        write_all_docs(&command.subcommands, map.field("subcommands"));
    }
    map.finish();
}

fn is_shown(argument: &ArgDoc) -> bool {
    argument.kind != ArgKind::Inline || argument.children.iter().any(is_shown)
}

/// A list of arguments. One that is spliced into its parent stands for its children.
fn write_arguments(arguments: &[ArgDoc], reply: &mut Reply) {
    fn write(arguments: &[ArgDoc], count: &mut usize, reply: &mut Reply) {
        for argument in arguments {
            if argument.kind == ArgKind::Inline {
                write(argument.children, count, reply);
            } else {
                *count += 1;
                write_argument(argument, reply);
            }
        }
    }
    let array = reply.begin_array();
    let mut count = 0;
    write(arguments, &mut count, reply);
    reply.finish_array(array, count);
}

fn write_argument(argument: &ArgDoc, reply: &mut Reply) {
    let mut map = MapWriter::begin(reply);
    map.text("name", argument.name);
    map.text("type", argument.kind.name());
    if let Some(index) = argument.key_spec {
        map.field("key_spec_index").integer(index.into());
    }
    map.optional("token", argument.token);
    map.optional("since", argument.since);
    map.optional("deprecated_since", argument.deprecated_since);
    let flags =
        [(argument.optional, "optional"), (argument.multiple, "multiple"), (argument.multiple_token, "multiple_token")];
    if flags.iter().any(|(is_set, _)| *is_set) {
        let names = flags.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| *name);
        write_words(names, map.field("flags"));
    }
    if matches!(argument.kind, ArgKind::OneOf | ArgKind::Block) {
        write_arguments(argument.children, map.field("arguments"));
    }
    map.finish();
}

/// A map whose fields depend on what there is to say.
struct MapWriter<'r> {
    reply: &'r mut Reply,
    mark: redis_core::resp::Mark,
    fields: usize,
}

impl<'r> MapWriter<'r> {
    fn begin(reply: &'r mut Reply) -> Self {
        let mark = reply.begin_map();
        MapWriter { reply, mark, fields: 0 }
    }

    /// Writes the name of a field; the caller writes its value.
    fn field(&mut self, name: &str) -> &mut Reply {
        self.fields += 1;
        self.reply.bulk(name.as_bytes());
        self.reply
    }

    fn text(&mut self, name: &str, value: &str) {
        self.field(name).bulk(value.as_bytes());
    }

    fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn finish(self) {
        self.reply.finish_map(self.mark, self.fields);
    }
}

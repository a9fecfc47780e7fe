//! The macros that declare commands. They are re-exported by `redis-core`; its documentation shows them in use.
//!
//! - [`macro@command`] makes a command of a documented function.
//! - [`derive@Options`] makes a parameter of a struct (any of these options) or an enum (one of these options).
//! - [`macro@data_type`] makes a type of value of an implementation of `DataType`.
//! - [`family!`] says once for a module what all its commands have in common.
//! - [`container!`] declares the command that subcommands such as CONFIG GET belong to, and its HELP.
//!
//! All of them follow the same rules. A mistake is reported once, at the word that is wrong, and what the user wrote is
//! emitted nevertheless, so that nothing else seems to be missing. The generated code names the runtime by
//! `::redis_core::__private`, or below the path given by `crate = ".."`, and leaves to functions there whatever need not
//! be generated.

mod arg;
mod asynchronous;
mod attribute;
mod command;
mod data_type;
mod docs;
mod errors;
mod family;
mod handler;
mod name;
mod options;
mod parse;
mod provided;
mod types;
mod words;

use proc_macro::TokenStream;

/// Declares a command: a documented function whose parameters are the grammar of its arguments.
///
/// ```
/// # use redis_core::prelude::*;
/// # family!("string");
/// /// Returns the string value of a key.
/// #[command(since = "1.0.0", complexity = "O(1)", flags(FAST))]
/// fn get(db: &Db, key: Key) -> Result<Option<&Str>> {
///     db.get(key)
/// }
/// ```
///
/// A parameter comes from the server (`&Db`, `&mut Db`, `&Keyspace`, `&mut Keyspace`, `Walk`, `&Server`,
/// `&Client`, `&mut Client`, `&mut Reply`, `&mut Propagation`, `&Context`, or `&mut Call` for everything) or from the
/// request (any type that is an `Argument`). The first paragraph of the doc comment is the summary in COMMAND DOCS. The words of the
/// attribute:
///
/// | word | meaning |
/// |---|---|
/// | `"CONFIG GET"` | the name, first, if it is not the function's |
/// | `since = ".."`, `complexity = ".."` | required |
/// | `flags(FAST, ..)` | flags that do not follow from the function |
/// | `acl(DANGEROUS, ..)` | ACL categories beside those of the family and of the flags |
/// | `tips(REQUEST_POLICY_ALL_SHARDS, ..)` | hints for clients and proxies |
/// | `history("7.0.0" = "..", ..)` | what changed when |
/// | `deprecated(since = "..", replaced_by = "..")` | what to use instead |
/// | `extra = syntax`, `extra = arity` | the error for surplus arguments |
/// | `access = none`, `keys`, `all`, `each` | what is locked, if the parameters do not tell |
/// | `readonly = false`, `write = false` | not marked READONLY or WRITE, although the parameters say so |
/// | `crate = ".."` | where the runtime is |
///
/// An `async fn` takes owned values from the request (`String`, `Vec<u8>`, `i64`, `Key`, ..) and a `Caller`, by which it
/// reads and writes its keys between its `.await`s:
///
/// ```
/// # use redis_core::prelude::*;
/// # family!("acme");
/// # async fn fetch_url(_: &str) -> Result<Vec<u8>> { Ok(Vec::new()) }
/// /// Fetches a URL and stores its body.
/// #[command("ACME.FETCH", since = "0.1.0", complexity = "O(1)")]
/// async fn fetch(caller: Caller, #[key(OW, UPDATE)] key: Key, url: String) -> Result<usize> {
///     let body = fetch_url(&url).await?;
///     caller.write(key, |db, key| { db.set(key, &body, Ttl::Clear); db.changed(key, "set") }).await;
///     Ok(body.len())
/// }
/// ```
///
/// On parameters, `#[key(RW, UPDATE)]` tells how a key is used (a command that reads: `RO, ACCESS`; one that writes:
/// `RW, ACCESS, UPDATE`), and `#[arg(..)]` what the type cannot say: `name`, `names(..)` of the parts, `since`,
/// `deprecated_since`, `token`, `error`, `optional`, `multiple`, `key_spec`.
#[proc_macro_attribute]
pub fn command(attribute: TokenStream, item: TokenStream) -> TokenStream {
    command::expand(attribute.into(), item.into()).into()
}

/// Declares a data type: values that a key can hold beside Redis's own.
///
/// ```
/// # use redis_core::prelude::*;
/// /// Who was seen last, and when.
/// #[derive(Clone, Default)]
/// struct Visit {
///     name: Vec<u8>,
///     at: i64,
/// }
///
/// #[data_type(name = "acme-seen", version = 1)]
/// impl DataType for Visit {
///     fn save(&self, rdb: &mut RdbWriter) {
///         rdb.string(&self.name);
///         rdb.signed(self.at);
///     }
///
///     fn load(rdb: &mut RdbReader, _version: u16) -> Result<Self, RdbError> {
///         Ok(Self { name: rdb.string()?, at: rdb.signed()? })
///     }
/// }
/// ```
///
/// The name is the id of a Redis module's type: nine letters, digits, `-` or `_`. TYPE replies it. The version, from 0 to
/// 1023, is that of what `save` writes; `load` is told which one it reads. `crate = ".."` says where the runtime is.
#[proc_macro_attribute]
pub fn data_type(attribute: TokenStream, item: TokenStream) -> TokenStream {
    data_type::expand(attribute.into(), item.into()).into()
}

/// Makes a struct or an enum the type of a parameter.
///
/// ```
/// # use redis_core::prelude::*;
/// #[derive(Options)]
/// struct SetOptions {
///     #[arg(since = "2.6.12")]
///     condition: Option<Condition>,
///     #[arg(since = "6.2.0")]
///     get: bool,
///     expiry: Option<SetExpiry>,
/// }
///
/// #[derive(Options)]
/// enum Condition { Nx, Xx }
///
/// #[derive(Options)]
/// enum SetExpiry { Ex(Seconds), Px(Millis), KeepTtl }
/// ```
///
/// The fields of a struct may come in any order: a `bool` is a token alone, an `Option<T>` a token and then `T`, a
/// `Vec<T>` the same repeatedly, and any other type must be there. The token is the field's name in capitals without
/// `_`, unless `#[arg(token = "..")]` gives another, or the type is a choice and brings its own. An enum is a choice:
/// each variant is a token, with what stands behind it. Keys among options say how they are used: `#[key(OW, UPDATE)]`,
/// and with `from = 6` also where clients begin to search for the token.
///
/// `#[options(to_args)]` also implements `ToArgs`, which writes the options back as arguments, for logged effects.
///
/// `#[options(..)]` on a struct: `check = path` names a function from `&..Raw` to `Result<()>` that refuses what does
/// not go together; `once` refuses an option that is said again, where otherwise the last one counts; `order` makes the
/// order of the fields obligatory; `sequence` makes them positional arguments. `#[arg(..)]` on a field or variant, beside
/// the words it has on parameters: `conflict` is the error for two members of a choice, or for any other option that is
/// said twice; `missing` is that for an option that must be there.
#[proc_macro_derive(Options, attributes(arg, key, options))]
pub fn options(input: TokenStream) -> TokenStream {
    options::expand(input.into()).into()
}

/// Declares the family of a module's commands: the group in COMMAND DOCS, and the ACL categories of all of them.
///
/// ```
/// # use redis_core::prelude::*;
/// family!("string", acl = STRING);
/// ```
///
/// Modules below that have commands too say `use super::FAMILY`.
#[proc_macro]
pub fn family(input: TokenStream) -> TokenStream {
    family::expand_family(input.into()).into()
}

/// Declares a command that consists of subcommands, and its HELP.
///
/// ```
/// # use redis_core::prelude::*;
/// # family!("server");
/// container!("CONFIG", since = "2.0.0", "A container for server configuration commands.", help_since = "5.0.0");
/// ```
///
/// Further words: `acl(..)` and `flags(..)` of the container itself, `help_acl(..)` and `help_flags(..)` (by default
/// `LOADING, STALE`) of HELP, and `help = false` for none.
#[proc_macro]
pub fn container(input: TokenStream) -> TokenStream {
    family::expand_container(input.into()).into()
}

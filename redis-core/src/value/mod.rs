//! What a key can hold: strings, lists, sets, hashes, sorted sets and streams in Redis's compact encodings.
//!
//! Every collection begins in an encoding that is one run of bytes and costs next to nothing per element, and moves to a
//! larger structure when the [`Limits`] say that searching the run would become slow. Which encoding a value has is part
//! of the interface (`OBJECT ENCODING`), and so are the rules by which it changes; they are Valkey's, and where an older
//! Redis differs visibly a comment says so.
//!
//! A string is not an [`Object`]: it lives inline in its entry and is seen as a [`Str`]. All other kinds are an `Object`,
//! which a small collection only becomes when it is looked at or changed ([`ObjectRef`]).
//!
//! | module | |
//! |---|---|
//! | [`listpack`], [`intset`] | the runs of bytes, exactly as DUMP and RDB files have them |
//! | [`list`], [`set`], [`hash`], [`zset`] | the collections, each choosing among encodings |
//! | [`hll`] | the strings that HyperLogLogs are |
//! | [`stream`] | streams: entries in listpacks ordered by id, consumer groups |
//! | `packed`, `tight` | small collections as bytes in their entry; the buffers in which bytes grow |
//! | `member`, `member_table` | the entries of large sets and hashes (the only unsafe code here), and their table |
//! | `deadlines` | when members end by themselves, in order |
//!
//! Elements are handed out as [`listpack::Element`], which keeps a number that was stored as a number what it is; whoever
//! sends it writes its digits straight to where they go.

mod custom;
mod deadlines;
mod either;
pub mod hash;
pub mod hll;
pub mod intset;
mod limits;
pub mod list;
pub mod listpack;
mod member;
mod member_table;
mod object;
mod packed;
mod sample;
pub mod set;
mod str;
pub mod stream;
mod tight;
pub mod zset;

pub use custom::Custom;
pub(crate) use custom::CustomValue;
pub use hash::Hash;
pub use intset::IntSet;
pub use limits::Limits;
pub use list::List;
pub use listpack::{Element, Listpack, TextBuffer};
pub use object::Object;
pub use packed::{ObjectArena, ObjectRef};
pub(crate) use packed::{Packed, Packing};
pub use set::Set;
pub use str::{EMBSTR_MAX, Str, StrEncoding};
pub use stream::Stream;
pub(crate) use tight::size_class;
pub use zset::ZSet;

/// The kind of a value, as TYPE names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A string.
    Str,
    /// A list.
    List,
    /// A set.
    Set,
    /// A hash.
    Hash,
    /// A sorted set.
    ZSet,
    /// A stream.
    Stream,
    /// A data type that is not built in; the value itself knows its name.
    Custom,
}

impl Kind {
    /// The name that TYPE replies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Str => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Hash => "hash",
            Self::ZSet => "zset",
            Self::Stream => "stream",
            Self::Custom => "custom",
        }
    }
}

/// A type of value that is an [`Object`]: every type but [`Str`].
pub trait Value: Sized {
    /// Its kind.
    const KIND: Kind;

    /// The value, if the object is of this type.
    fn from_object(object: &Object) -> Option<&Self>;

    /// The value to be changed, if the object is of this type.
    fn from_object_mut(object: &mut Object) -> Option<&mut Self>;

    /// The object that this value is.
    fn into_object(self) -> Object;
}

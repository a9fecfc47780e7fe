//! RDB: how a value becomes bytes that outlive the server, and becomes a value again.
//!
//! The bytes are those of Redis's snapshot files and of its DUMP payloads, so that data move between this server, Redis
//! and Valkey in both directions. A value is written as its type byte, which says what it is and in which form
//! ([`Type`]), and its body, which is made of few pieces: lengths of one to nine bytes, strings (which may be integers or
//! compressed), and numbers of fixed size.
//!
//! | module | |
//! |---|---|
//! | `format` | type bytes and opcodes, and in which version each came |
//! | `writer`, `reader` | the pieces, and the tagged fields of custom types |
//! | [`data_type`] | custom types: how they are declared, found, saved and loaded |
//! | `lzf`, `crc64` | compression of strings; the checksum |
//! | `save`, `load` | values made of those pieces |
//! | `ziplist`, `zipmap` | compact forms that are only read any more: runs of bytes that listpacks have replaced |
//! | `payload` | DUMP payloads: one value with a footer |
//! | [`mod@file`] | snapshot files: keys with their values, between opcodes |
//!
//! # What is written
//!
//! The forms of RDB version 10, which Redis 7.0 and everything after it read. Collections that are one run of bytes are
//! written as that run. Three kinds of value need more than that:
//!
//! - A small set of texts is a listpack here. Redis 7.0 has no such form, so its members are written one by one.
//! - A hash whose fields have deadlines is written in the form of RDB version 80, which is Valkey 9's. Nothing else
//!   is; a DUMP payload has version 80 only if it must.
//! - A set or sorted set whose members have deadlines: neither Redis 7 nor Valkey 9 has a form for it. It is written as the
//!   value of a module, of the types `SetExpiry` and `ZSetExpir`, which others refuse with its name.
//!
//! # What is read
//!
//! Every form of the versions 1 to 12, and of 80, but for values of modules that did not yet tell what their fields are
//! (type byte 6): only the module could read those. Bytes come from clients, so nothing in them is believed: a length is
//! compared with what is left before anything is allocated, runs of bytes are checked in every detail, and what a value
//! here could not be (an element twice, a score that is no number, nothing at all) is an [`Error`]. Redis does so
//! only when `sanitize-dump-payload` asks for it. What a value takes in memory is at most a fixed multiple of the
//! bytes it is read from, because that is all that compression can do (`lzf`).
//!
//! The types know neither keys nor files: `file` puts opcodes and keys between the values, and reading a file in portions it
//! begins a value again when it ended with [`Error::Truncated`] and more has arrived.

mod crc64;
pub mod data_type;
mod error;
pub mod file;
mod format;
mod load;
mod lzf;
mod payload;
mod reader;
mod save;
#[cfg(test)]
mod tests;
mod writer;
mod ziplist;
mod zipmap;

pub use crc64::Crc64;
pub use data_type::{DataType, DataTypeDef, DuplicateType, Named, RdbReader, RdbWriter, data_types};
pub use error::Error;
pub use format::{
    Type, VERSION, VERSION_MAX, VERSION_VALKEY, is_readable, module_encoding, module_id, module_name, opcode,
};
pub use load::{Loaded, Loading, load_object};
pub use payload::{dump_payload, restore_payload};
pub use reader::{Field, Reader};
pub use save::{Progress, ValueRef, save_object, save_part};
pub use writer::Writer;

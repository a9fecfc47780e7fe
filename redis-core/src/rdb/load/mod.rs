//! Values as they are read, from every form that there was.
//!
//! Whatever the form, a value ends up in the encoding that its size and this server's limits ask for.

mod hash;
mod list;
mod set;
mod stream;
mod zset;

use super::format::{SET_WITH_DEADLINES, ZSET_WITH_DEADLINES};
use super::{Error, Reader, Type, data_type, module_id, ziplist};
use crate::table::NO_DEADLINE;
use crate::value::{Limits, Listpack, Object, Value};

/// A value that was read.
#[derive(Clone, Debug)]
pub enum Loaded {
    /// A string.
    Str(Vec<u8>),
    /// Any other value.
    Object(Object),
}

/// What reading a value depends on besides its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Loading {
    /// The version that the file or the payload tells.
    pub version: u16,
    /// Which encodings to choose.
    pub limits: Limits,
    /// The time, in milliseconds since 1970: fields and members that end before it are left out.
    pub now: u64,
}

/// Reads a value whose type byte has been read.
///
/// # Errors
/// See [`Error`]; the reader stands anywhere then.
pub fn load_object(reader: &mut Reader<'_>, type_byte: u8, loading: &Loading) -> Result<Loaded, Error> {
    let form = Type::of(type_byte, loading.version).ok_or(Error::UnknownType(type_byte))?;
    let limits = &loading.limits;
    let object = match form {
        Type::Str => return Ok(Loaded::Str(reader.string()?.into_owned())),
        Type::List => list::elements(reader, limits)?.into_object(),
        Type::ListZiplist => list::ziplist(reader, limits)?.into_object(),
        Type::ListQuicklist => list::ziplists(reader, limits)?.into_object(),
        Type::ListQuicklist2 => list::nodes(reader, limits)?.into_object(),
        Type::Set => set::members(reader, limits)?.into_object(),
        Type::SetIntset => set::intset(reader, limits)?.into_object(),
        Type::SetListpack => set::listpack(reader, limits)?.into_object(),
        Type::Hash => hash::fields(reader, limits)?.into_object(),
        Type::HashZipmap => hash::zipmap(reader, limits)?.into_object(),
        Type::HashZiplist => hash::packed(read_ziplist(reader)?, limits)?.into_object(),
        Type::HashListpack => hash::packed(read_listpack(reader)?, limits)?.into_object(),
        Type::Hash2 | Type::HashMetadata | Type::HashMetadataPreGa => {
            hash::fields_with_deadlines(reader, form, loading)?.into_object()
        }
        Type::HashListpackEx | Type::HashListpackExPreGa => {
            hash::packed_with_deadlines(reader, form, loading)?.into_object()
        }
        Type::ZSet => zset::members(reader, Reader::text_double, limits)?.into_object(),
        Type::ZSet2 => zset::members(reader, Reader::double, limits)?.into_object(),
        Type::ZSetZiplist => zset::packed(read_ziplist(reader)?, limits)?.into_object(),
        Type::ZSetListpack => zset::packed(read_listpack(reader)?, limits)?.into_object(),
        Type::StreamListpacks | Type::StreamListpacks2 | Type::StreamListpacks3 => {
            stream::stream(reader, form)?.into_object()
        }
        Type::Module2 => match reader.length()? {
            id if Some(id) == module_id(SET_WITH_DEADLINES, 0) => set::with_deadlines(reader, loading)?.into_object(),
            id if Some(id) == module_id(ZSET_WITH_DEADLINES, 0) => zset::with_deadlines(reader, loading)?.into_object(),
            id => Object::Custom(data_type::load(reader, id)?),
        },
    };
    if object.must_go() { Err(Error::Empty) } else { Ok(Loaded::Object(object)) }
}

/// Reads members with their deadlines and what stands between, and hands each to `add` whose time is not over, with
/// [`NO_DEADLINE`] if it has none.
fn with_deadlines<'a, T>(
    reader: &mut Reader<'a>,
    loading: &Loading,
    between: impl Fn(&mut Reader<'a>) -> Result<T, Error>,
    mut add: impl FnMut(&[u8], T, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    let count = reader.unsigned_field()?;
    let mut live = count == 0;
    for _ in 0..count {
        let member = reader.string_field()?;
        let middle = between(reader)?;
        let deadline = match reader.unsigned_field()? {
            0 => NO_DEADLINE,
            deadline => deadline,
        };
        if deadline > loading.now {
            live = true;
            add(&member, middle, deadline)?;
        }
    }
    reader.end_of_fields()?;
    if live { Ok(()) } else { Err(Error::Expired) }
}

fn read_listpack(reader: &mut Reader<'_>) -> Result<Listpack, Error> {
    Listpack::from_dump(&reader.string()?).ok_or(Error::Malformed("a listpack breaks its rules"))
}

fn read_ziplist(reader: &mut Reader<'_>) -> Result<Listpack, Error> {
    ziplist::to_listpack(&reader.string()?)
}

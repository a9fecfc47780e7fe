//! Lists.

use super::{read_listpack, read_ziplist};
use crate::rdb::save::{NODE_PACKED, NODE_PLAIN};
use crate::rdb::{Error, Reader};
use crate::value::list::Side;
use crate::value::{Limits, List};

/// Element by element.
pub(super) fn elements(reader: &mut Reader<'_>, limits: &Limits) -> Result<List, Error> {
    let mut list = List::new();
    for _ in 0..reader.count(1)? {
        list.push(Side::Back, &reader.string()?, limits);
    }
    Ok(list)
}

/// One ziplist.
pub(super) fn ziplist(reader: &mut Reader<'_>, limits: &Limits) -> Result<List, Error> {
    let mut list = List::new();
    list.append_listpack(read_ziplist(reader)?);
    list.settle(limits);
    Ok(list)
}

/// Ziplists, each a node.
pub(super) fn ziplists(reader: &mut Reader<'_>, limits: &Limits) -> Result<List, Error> {
    let mut list = List::new();
    for _ in 0..reader.count(1)? {
        list.append_listpack(read_ziplist(reader)?);
    }
    list.settle(limits);
    Ok(list)
}

/// Nodes, each marked as a listpack or as one long element.
pub(super) fn nodes(reader: &mut Reader<'_>, limits: &Limits) -> Result<List, Error> {
    let mut list = List::new();
    for _ in 0..reader.count(2)? {
        match reader.length()? {
            NODE_PLAIN => list.append_plain(reader.string()?.into_owned()),
            NODE_PACKED => list.append_listpack(read_listpack(reader)?),
            _ => return Err(Error::Malformed("a node of a list is of no kind")),
        }
    }
    list.settle(limits);
    Ok(list)
}

//! Sets.

use super::{Loading, read_listpack};
use crate::rdb::{Error, Reader};
use crate::value::{IntSet, Limits, Set};

/// Member by member.
pub(super) fn members(reader: &mut Reader<'_>, limits: &Limits) -> Result<Set, Error> {
    let count = reader.count(1)?;
    let mut set = Set::new();
    for number in 0..count {
        let member = reader.string()?;
        if number == 0 {
            set = Set::for_members(&member, count, limits);
        }
        if !set.add(&member, limits) {
            return Err(Error::Duplicate);
        }
    }
    Ok(set)
}

/// One intset.
pub(super) fn intset(reader: &mut Reader<'_>, limits: &Limits) -> Result<Set, Error> {
    let intset = IntSet::from_dump(&reader.string()?);
    Ok(Set::from_intset(intset.ok_or(Error::Malformed("an intset breaks its rules"))?, limits))
}

/// One listpack.
pub(super) fn listpack(reader: &mut Reader<'_>, limits: &Limits) -> Result<Set, Error> {
    Set::from_listpack(read_listpack(reader)?, limits).ok_or(Error::Duplicate)
}

/// Members with deadlines, as fields.
pub(super) fn with_deadlines(reader: &mut Reader<'_>, loading: &Loading) -> Result<Set, Error> {
    let mut set = Set::new();
    let nothing = |_: &mut Reader<'_>| Ok(());
    super::with_deadlines(reader, loading, nothing, |member, (), deadline| {
        if !set.add(member, &loading.limits) {
            return Err(Error::Duplicate);
        }
        set.set_deadline(member, deadline);
        Ok(())
    })?;
    Ok(set)
}

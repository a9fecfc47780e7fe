//! Sorted sets.

use super::Loading;
use crate::rdb::{Error, Reader};
use crate::value::{Limits, Listpack, ZSet};

const NOT_A_NUMBER: Error = Error::Malformed("a score is no number");

/// Members and scores, in any order.
pub(super) fn members<'a>(
    reader: &mut Reader<'a>,
    score: impl Fn(&mut Reader<'a>) -> Result<f64, Error>,
    limits: &Limits,
) -> Result<ZSet, Error> {
    let count = reader.count(2)?;
    let mut set = ZSet::for_members(0, count, limits);
    for _ in 0..count {
        let member = reader.string()?;
        let score = score(reader)?;
        if score.is_nan() {
            return Err(NOT_A_NUMBER);
        }
        if set.insert(&member, score, limits).is_some() {
            return Err(Error::Duplicate);
        }
    }
    Ok(set)
}

/// One listpack of members and scores.
pub(super) fn packed(listpack: Listpack, limits: &Limits) -> Result<ZSet, Error> {
    let broken = Error::Malformed("a sorted set is not members and scores, all different and in their order");
    ZSet::from_listpack(listpack, limits).ok_or(broken)
}

/// Members with scores and deadlines, as fields.
pub(super) fn with_deadlines(reader: &mut Reader<'_>, loading: &Loading) -> Result<ZSet, Error> {
    let mut set = ZSet::new();
    super::with_deadlines(reader, loading, Reader::double_field, |member, score, deadline| {
        if score.is_nan() {
            return Err(NOT_A_NUMBER);
        }
        if set.insert(member, score, &loading.limits).is_some() {
            return Err(Error::Duplicate);
        }
        set.set_deadline(member, deadline);
        Ok(())
    })?;
    Ok(set)
}

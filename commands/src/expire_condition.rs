//! NX, XX, GT and LT, as EXPIRE and HEXPIRE and their kin take them.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::prelude::*;

/// Which deadline a key or field must have to be given another. Documented as a choice, yet some of the words go together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExpireCondition {
    /// None.
    nx: bool,
    /// Any.
    xx: bool,
    /// One before the new one.
    gt: bool,
    /// One after the new one. To have none is the latest of all.
    lt: bool,
}

impl ExpireCondition {
    /// Whether a key or field with the deadline `current` may be given one `millis` after 1970.
    pub(crate) fn allows(self, current: Deadline, millis: i64) -> bool {
        let current = current.some().map(|current| i64::try_from(current).unwrap_or(i64::MAX));
        !(self.nx && current.is_some()
            || self.xx && current.is_none()
            || self.gt && current.is_none_or(|current| millis <= current)
            || self.lt && current.is_some_and(|current| millis >= current))
    }
}

impl<'a> Argument<'a> for ExpireCondition {
    type Raw = ExpireCondition;
    const SHAPE: Shape = Shape::at_least(0).with_tokens();
    const DOC: ArgDoc = {
        const WORDS: &[ArgDoc] = &[
            ArgDoc::new(ArgKind::PureToken).named("nx").token("NX"),
            ArgDoc::new(ArgKind::PureToken).named("xx").token("XX"),
            ArgDoc::new(ArgKind::PureToken).named("gt").token("GT"),
            ArgDoc::new(ArgKind::PureToken).named("lt").token("LT"),
        ];
        ArgDoc::of(ArgKind::OneOf, WORDS).optional()
    };

    fn shape(cursor: &mut Cursor<'a>) -> Result<ExpireCondition> {
        let mut condition = ExpireCondition::default();
        while let Some(word) = cursor.peek() {
            match word.to_ascii_uppercase().as_slice() {
                b"NX" => condition.nx = true,
                b"XX" => condition.xx = true,
                b"GT" => condition.gt = true,
                b"LT" => condition.lt = true,
                _ => return Err(unsupported(word)),
            }
            cursor.next()?;
        }
        let ExpireCondition { nx, xx, gt, lt } = condition;
        if nx && (xx || gt || lt) {
            return Err(Error::new("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        if gt && lt {
            return Err(Error::new("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(condition)
    }

    fn value(condition: ExpireCondition, _: &Context) -> Result<Self> {
        Ok(condition)
    }
}

/// A word that is no condition. Redis shows it up to its first zero byte.
#[cold]
fn unsupported(word: &[u8]) -> Error {
    let shown = word.split(|byte| *byte == 0).next().unwrap_or_default();
    Error::from(format!("ERR Unsupported option {}", String::from_utf8_lossy(shown)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_CONDITION: ExpireCondition = ExpireCondition { nx: false, xx: false, gt: false, lt: false };

    #[test]
    fn having_no_deadline_is_later_than_any() {
        let gt = ExpireCondition { gt: true, ..NO_CONDITION };
        let lt = ExpireCondition { lt: true, ..NO_CONDITION };
        assert!(!gt.allows(Deadline::NEVER, i64::MAX) && lt.allows(Deadline::NEVER, i64::MAX));
        assert!(gt.allows(Deadline::at(5), 6) && !gt.allows(Deadline::at(5), 5));
        assert!(lt.allows(Deadline::at(5), -1) && !lt.allows(Deadline::at(5), 5));
    }

    #[test]
    fn words_that_go_together_must_all_allow() {
        let condition = ExpireCondition { xx: true, lt: true, ..NO_CONDITION };
        assert!(!condition.allows(Deadline::NEVER, 1) && condition.allows(Deadline::at(2), 1));
        let condition = ExpireCondition { nx: true, ..NO_CONDITION };
        assert!(condition.allows(Deadline::NEVER, 1) && !condition.allows(Deadline::at(2), 1));
    }
}

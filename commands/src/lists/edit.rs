//! Changing a list in its middle.

use redis_core::prelude::*;

use super::{FAMILY, span};

/// Sets the value of an element in a list by its index.
#[command(
    since = "1.0.0",
    complexity = "O(N) where N is the length of the list. Setting either the first or the last element of the list is O(1).",
    flags(DENYOOM)
)]
fn lset(db: &mut Db, #[key(RW, UPDATE)] key: Key, index: Lazy<i64>, element: &[u8]) -> Result<Okay> {
    let limits = db.limits();
    let list = db.get_mut::<List>(key)?.ok_or(Error::NO_SUCH_KEY)?;
    if !list.set(index.get()?, element, &limits) {
        return Err(Error::INDEX_OUT_OF_RANGE);
    }
    db.changed(key, "lset");
    Ok(Okay)
}

/// Inserts an element before or after another element in a list.
#[command(
    since = "2.2.0",
    complexity = "O(N) where N is the number of elements to traverse before seeing the value pivot. This means that inserting somewhere on the left end on the list (head) can be considered O(1) and inserting somewhere on the right end (tail) is O(N).",
    flags(DENYOOM)
)]
fn linsert(db: &mut Db, #[key(RW, INSERT)] key: Key, r#where: Where, pivot: &[u8], element: &[u8]) -> Result<i64> {
    let limits = db.limits();
    let Some(list) = db.get_mut::<List>(key)? else { return Ok(0) };
    if !list.insert_beside(pivot, r#where == Where::After, element, &limits) {
        return Ok(-1);
    }
    let len = list.len();
    db.changed(key, "linsert");
    Ok(i64::try_from(len).unwrap_or(i64::MAX))
}

/// On which side of the other element LINSERT inserts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Options)]
enum Where {
    /// Nearer to the head.
    Before,
    /// Nearer to the tail.
    After,
}

/// Removes elements from a list.
#[command(
    since = "1.0.0",
    complexity = "O(N+M) where N is the length of the list and M is the number of elements removed."
)]
fn lrem(db: &mut Db, #[key(RW, DELETE)] key: Key, count: i64, element: &[u8]) -> Result<usize> {
    let limits = db.limits();
    let Some(list) = db.get_mut::<List>(key)? else { return Ok(0) };
    let removed = list.remove(element, count, &limits);
    if removed > 0 {
        db.changed_by(key, "lrem", removed as u64);
    }
    Ok(removed)
}

/// Removes elements from both ends of a list. Deletes the list if all elements were trimmed.
#[command(since = "1.0.0", complexity = "O(N) where N is the number of elements to be removed by the operation.")]
fn ltrim(db: &mut Db, #[key(RW, DELETE)] key: Key, start: i64, stop: i64) -> Result<Okay> {
    let limits = db.limits();
    let Some(list) = db.get_mut::<List>(key)? else { return Ok(Okay) };
    let (first, count) = span(start, stop, list.len());
    let removed = list.len() - count;
    list.trim(first, count, &limits);
    // The event is told even if nothing was removed.
    db.changed_by(key, "ltrim", removed as u64);
    Ok(Okay)
}

//! Moving an element from one list to another, or within one.

use redis_core::prelude::*;

use super::{FAMILY, Side};

/// Returns an element after popping it from one list and pushing it to another. Deletes the list if the last element was moved.
#[command(since = "6.2.0", complexity = "O(1)", flags(DENYOOM))]
fn lmove(
    db: &mut Db,
    #[key(RW, ACCESS, DELETE)] source: Key,
    #[key(RW, INSERT)] destination: Key,
    wherefrom: Side,
    whereto: Side,
) -> Result<Option<Bulk>> {
    transfer(db, (source, wherefrom), (destination, whereto))
}

/// Returns the last element of a list after removing and pushing it to another list. Deletes the list if the last element was popped.
#[command(since = "1.2.0", complexity = "O(1)", flags(DENYOOM))]
fn rpoplpush(
    db: &mut Db,
    #[key(RW, ACCESS, DELETE)] source: Key,
    #[key(RW, INSERT)] destination: Key,
) -> Result<Option<Bulk>> {
    transfer(db, (source, Side::Right), (destination, Side::Left))
}

/// Moves an element from one end to another. None if there is no source.
pub(super) fn transfer(
    db: &mut Db,
    (source, from): (Key, Side),
    (destination, to): (Key, Side),
) -> Result<Option<Bulk>> {
    let limits = db.limits();
    let same = db.name(source) == db.name(destination);
    let Some(list) = db.get_mut::<List>(source)? else { return Ok(None) };
    // The destination gets the element before the source loses it: the events tell it in this order, and an error about
    // the destination leaves the source as it is. A list that is both is never longer than it was.
    let element = if same {
        let Some(element) = list.pop(from.into(), &limits) else { return Ok(None) };
        list.push(to.into(), &element, &limits);
        element
    } else {
        let Some(element) = list.peek(from.into()).map(|element| element.to_vec()) else { return Ok(None) };
        db.get_or_insert::<List>(destination)?.push(to.into(), &element, &limits);
        element
    };
    // One change in all, which is the source's.
    db.changed_by(destination, to.pushed(), 0);
    if !same && let Some(list) = db.get_mut::<List>(source)? {
        list.pop_with(from.into(), &limits, |_| ());
    }
    db.changed(source, from.popped());
    Ok(Some(Bulk(element)))
}

//! Adding elements at an end.

use redis_core::prelude::*;

use super::{FAMILY, Side};

/// Prepends one or more elements to a list. Creates the key if it doesn't exist.
#[command(
    since = "1.0.0",
    complexity = "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
    flags(DENYOOM, FAST),
    history("2.4.0" = "Accepts more than one `element`.")
)]
fn lpush(db: &mut Db, #[key(RW, INSERT)] key: Key, #[arg(name = "element")] elements: Many<&[u8]>) -> Result<usize> {
    push(db, key, Side::Left, &elements)
}

/// Appends one or more elements to a list. Creates the key if it doesn't exist.
#[command(
    since = "1.0.0",
    complexity = "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
    flags(DENYOOM, FAST),
    history("2.4.0" = "Accepts more than one `element`.")
)]
fn rpush(db: &mut Db, #[key(RW, INSERT)] key: Key, #[arg(name = "element")] elements: Many<&[u8]>) -> Result<usize> {
    push(db, key, Side::Right, &elements)
}

/// Prepends one or more elements to a list only when the list exists.
#[command(
    since = "2.2.0",
    complexity = "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
    flags(DENYOOM, FAST),
    history("4.0.0" = "Accepts more than one `element`.")
)]
fn lpushx(db: &mut Db, #[key(RW, INSERT)] key: Key, #[arg(name = "element")] elements: Many<&[u8]>) -> Result<usize> {
    push_if_exists(db, key, Side::Left, &elements)
}

/// Appends one or more elements to a list only when the list exists.
#[command(
    since = "2.2.0",
    complexity = "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
    flags(DENYOOM, FAST),
    history("4.0.0" = "Accepts more than one `element`.")
)]
fn rpushx(db: &mut Db, #[key(RW, INSERT)] key: Key, #[arg(name = "element")] elements: Many<&[u8]>) -> Result<usize> {
    push_if_exists(db, key, Side::Right, &elements)
}

fn push(db: &mut Db, key: Key, side: Side, elements: &[&[u8]]) -> Result<usize> {
    let limits = db.limits();
    let list = db.get_or_insert::<List>(key)?;
    list.push_all(side.into(), elements, &limits);
    let len = list.len();
    db.changed_by(key, side.pushed(), elements.len() as u64);
    Ok(len)
}

fn push_if_exists(db: &mut Db, key: Key, side: Side, elements: &[&[u8]]) -> Result<usize> {
    match db.get_mut::<List>(key)? {
        Some(_) => push(db, key, side, elements),
        None => Ok(0),
    }
}

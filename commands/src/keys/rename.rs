//! Keys under other names and in other databases: RENAME, MOVE, COPY.

use redis_core::prelude::*;

use super::FAMILY;

/// Gives a key another name, overwriting a key that has it.
#[command(
    since = "1.0.0",
    complexity = "O(1); a large value that is overwritten is freed in the background.",
    acl(KEYSPACE)
)]
fn rename(db: &mut Db, #[key(RW, ACCESS, DELETE)] key: Key, #[key(OW, UPDATE)] newkey: Key) -> Result<Okay> {
    rename_unless(db, key, newkey, |_| false)?;
    Ok(Okay)
}

/// Gives a key another name, unless a key has it.
#[command(
    since = "1.0.0",
    complexity = "O(1)",
    flags(FAST),
    acl(KEYSPACE),
    history("3.2.0" = "The key's own name is no error.")
)]
fn renamenx(db: &mut Db, #[key(RW, ACCESS, DELETE)] key: Key, #[key(OW, INSERT)] newkey: Key) -> Result<bool> {
    rename_unless(db, key, newkey, |db| db.exists(newkey))
}

/// Renames a key, unless `taken` forbids it or the names are the same.
fn rename_unless(db: &mut Db, key: Key, newkey: Key, taken: impl Fn(&Db) -> bool) -> Result<bool> {
    if !db.exists(key) {
        return Err(Error::NO_SUCH_KEY);
    }
    if db.name(key) == db.name(newkey) || taken(db) {
        return Ok(false);
    }
    let Some(entry) = db.take(key) else { return Err(Error::NO_SUCH_KEY) };
    db.put(newkey, entry);
    // One change, although two keys are concerned.
    db.changed_by(key, "rename_from", 0);
    db.changed(newkey, "rename_to");
    Ok(true)
}

/// Moves a key to another database, unless a key has its name there.
#[command("MOVE", since = "1.0.0", complexity = "O(1)", flags(FAST), acl(KEYSPACE))]
fn move_key(db: &mut Db, #[key(RW, ACCESS, UPDATE)] key: Key, #[arg(name = "db")] destination: i32) -> Result<bool> {
    let destination = database(db, destination)?;
    if destination == db.index() {
        return Err(Error::SAME_OBJECT);
    }
    if !db.exists(key) || db.in_database(destination, |db| db.exists(key)) {
        return Ok(false);
    }
    let Some(entry) = db.take(key) else { return Ok(false) };
    db.in_database(destination, |db| db.put(key, entry));
    db.changed_by(key, "move_from", 0);
    db.in_database(destination, |db| db.changed(key, "move_to"));
    Ok(true)
}

/// Copies a key, with its expiration time, to another name or database.
#[command(
    since = "6.2.0",
    complexity = "O(N) where N is the number of elements of a collection; O(1) for a string.",
    flags(DENYOOM),
    acl(KEYSPACE)
)]
fn copy(
    db: &mut Db,
    #[key(RO, ACCESS)] source: Key,
    #[key(OW, UPDATE)] destination: Key,
    options: CopyOptions,
) -> Result<bool> {
    let target = options.db.map_or(Ok(db.index()), |Early(number)| database(db, number))?;
    if target == db.index() && db.name(source) == db.name(destination) {
        return Err(Error::SAME_OBJECT);
    }
    if db.read(source).is_none() {
        return Ok(false);
    }
    if !options.replace && db.in_database(target, |db| db.exists(destination)) {
        return Ok(false);
    }
    let Some(entry) = db.peek(source) else { return Ok(false) };
    let copy = entry.copy(db.name(destination));
    copy.set_access(db.clock().fresh());
    db.in_database(target, |db| {
        db.put(destination, copy);
        db.changed(destination, "copy_to");
    });
    Ok(true)
}

/// Where the copy goes, and whether something else may have to go for it.
#[derive(Options)]
struct CopyOptions {
    /// Copy to this database.
    #[arg(name = "destination-db")]
    db: Option<Early<i32>>,
    /// Overwrite what the destination holds.
    replace: bool,
}

/// The database of that number.
fn database(db: &Db, number: i32) -> Result<usize> {
    let index = usize::try_from(number).ok().filter(|index| *index < db.databases());
    index.ok_or(Error::DB_OUT_OF_RANGE)
}

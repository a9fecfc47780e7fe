//! String commands: one value under one key, and several of them at once.
//!
//! A string's bytes are always its text, so nothing here converts between representations; the encoding that OBJECT
//! ENCODING shows follows from how the string came about. Text that is stored as a whole is an integer or not, text that
//! is changed in place is raw, and a counter is an integer.

mod compare;
mod count;
mod expiration;
mod increx;
mod lcs;
mod many;
mod range;
mod set;

use expiration::GetExpiration;
use redis_core::prelude::*;

family!("string", acl = STRING);

/// What removing a key is to those who follow the data.
const DEL: CommandName = CommandName("DEL");

/// Returns the string value of a key.
#[command(since = "1.0.0", complexity = "O(1)", flags(FAST))]
fn get(db: &Db, key: Key) -> Result<Option<&Str>> {
    db.get(key)
}

/// Returns the string value of a key after deleting the key.
#[command(since = "6.2.0", complexity = "O(1)", flags(FAST), reply = OneOf(&[Bulk, Null]))]
fn getdel(db: &mut Db, #[key(RW, ACCESS, DELETE)] key: Key, log: &mut Propagation, reply: &mut Reply) -> Result<()> {
    let value = db.get::<Str>(key)?;
    value.write(reply);
    if value.is_some() {
        delete(db, key, log);
    }
    Ok(())
}

/// The option of GETEX, which may be said again.
#[derive(Clone, Copy, Options)]
struct GetexOptions<'a> {
    expiration: Option<GetExpiration<'a>>,
}

/// Returns the string value of a key after setting or removing its expiration time.
#[command(since = "6.2.0", complexity = "O(1)", flags(FAST), reply = OneOf(&[Bulk, Null]))]
fn getex(
    db: &mut Db,
    #[key(RW, ACCESS, UPDATE)] key: Key,
    options: GetexOptions,
    log: &mut Propagation,
    reply: &mut Reply,
) -> Result<()> {
    const PEXPIREAT: CommandName = CommandName("PEXPIREAT");
    const PERSIST: CommandName = CommandName("PERSIST");

    let Some(value) = db.get::<Str>(key)? else {
        reply.nil();
        return Ok(());
    };
    // A wrong time is an error only if there is a key to which it would apply.
    let ttl = options.expiration.map_or(Ok(Ttl::Keep), |expiration| expiration.ttl())?;
    value.write(reply);
    match ttl {
        Ttl::Keep => {}
        Ttl::Clear => {
            if db.deadline(key).is_some_and(|deadline| !deadline.is_never()) {
                db.expire(key, Deadline::NEVER);
                db.changed(key, "persist");
                log.rewrite(PERSIST, |effect| effect.key(db, key));
            }
        }
        Ttl::At(deadline) if deadline.millis() <= db.now() => delete(db, key, log),
        Ttl::At(deadline) => {
            db.expire(key, deadline);
            db.changed(key, "expire");
            log.rewrite(PEXPIREAT, |effect| effect.key(db, key).number(deadline.millis()));
        }
    }
    Ok(())
}

/// Deletes a key that exists.
fn delete(db: &mut Db, key: Key, log: &mut Propagation) {
    db.remove(key);
    db.changed(key, "del");
    log.rewrite(DEL, |effect| effect.key(db, key));
}

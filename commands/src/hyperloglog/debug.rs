//! PFDEBUG: the inside of a HyperLogLog, for tests.

use std::fmt::Write as _;

use redis_core::prelude::*;
use redis_core::value::hll::{Encoding, Hll, HllBuf, Registers, Run};

use super::{FAMILY, lend, peek, refusal, store};

/// Shows the registers, the runs or the encoding of a HyperLogLog, or makes it dense.
#[command(
    since = "2.8.9",
    complexity = "N/A",
    flags(ADMIN, DENYOOM, SYSTEM),
    reply = OneOf(&[Integer, Bulk, Status, Array(&Integer)])
)]
fn pfdebug(db: &mut Db, subcommand: &[u8], #[key(RW, ACCESS)] key: Key, reply: &mut Reply) -> Result<()> {
    let Some(hll) = peek(db, key)? else { return Err(Error::new("ERR The specified key does not exist")) };
    let encoding = hll.encoding();
    // Looking at it in order to change it makes it a raw string, as in Redis.
    lend(db, key)?;
    match subcommand.to_ascii_lowercase().as_slice() {
        b"getreg" => {
            make_dense(db, key)?;
            reply_registers(peek(db, key)?, reply)
        }
        b"decode" if encoding == Encoding::Dense => Err(Error::new("ERR HLL encoding is not sparse")),
        b"decode" => {
            let runs = peek(db, key)?.into_iter().flat_map(Hll::runs);
            reply.bulk(describe(runs).as_bytes());
            Ok(())
        }
        b"encoding" => {
            reply.simple(match encoding {
                Encoding::Dense => "dense",
                Encoding::Sparse => "sparse",
            });
            Ok(())
        }
        b"todense" => {
            make_dense(db, key)?.write(reply);
            Ok(())
        }
        _ => Err(Error::quoting(&[b"ERR Unknown PFDEBUG subcommand '", subcommand, b"'"])),
    }
}

/// Makes the HyperLogLog at a key dense. Answers whether it was not.
fn make_dense(db: &mut Db, key: Key) -> Result<bool> {
    let Some(hll) = peek(db, key)? else { return Ok(false) };
    if hll.encoding() == Encoding::Dense {
        return Ok(false);
    }
    let mut dense = HllBuf::from(hll);
    dense.make_dense().map_err(refusal)?;
    store(db, key, &dense);
    db.changed_quietly(key);
    Ok(true)
}

fn reply_registers(hll: Option<Hll<'_>>, reply: &mut Reply) -> Result<()> {
    let mut registers = Registers::new();
    hll.map_or(Ok(()), |hll| registers.add(hll)).map_err(refusal)?;
    reply.array(registers.values().len());
    registers.values().iter().for_each(|value| reply.integer(i64::from(*value)));
    Ok(())
}

/// The runs in letters: `z` and `Z` for zeros in one and two bytes, `v` for a value.
fn describe(runs: impl Iterator<Item = Run>) -> String {
    let mut text = String::new();
    for Run { value, len, width } in runs {
        let separator = if text.is_empty() { "" } else { " " };
        let written = match (value, width) {
            (0, 1) => write!(text, "{separator}z:{len}"),
            (0, _) => write!(text, "{separator}Z:{len}"),
            _ => write!(text, "{separator}v:{value},{len}"),
        };
        written.expect("writing to a string does not fail");
    }
    text
}

//! CLIENT PAUSE and CLIENT UNPAUSE: holding up commands for a while.

use redis_core::clock::unix_millis;
use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::num::parse_i64;
use redis_core::prelude::*;
use redis_core::server::PauseMode;

use super::FAMILY;

/// What is held up.
#[derive(Clone, Copy)]
struct Mode(PauseMode);

impl<'a> Argument<'a> for Mode {
    type Raw = PauseMode;
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::of(
        ArgKind::OneOf,
        &[
            ArgDoc::new(ArgKind::PureToken).named("write").token("WRITE"),
            ArgDoc::new(ArgKind::PureToken).named("all").token("ALL"),
        ],
    );

    fn shape(cursor: &mut Cursor<'a>) -> Result<PauseMode> {
        if cursor.left() > 1 {
            return Err(cursor.wrong_subcommand());
        }
        if cursor.take_token("WRITE") {
            Ok(PauseMode::Write)
        } else if cursor.take_token("ALL") {
            Ok(PauseMode::All)
        } else {
            Err(Error::new("ERR CLIENT PAUSE mode must be WRITE or ALL"))
        }
    }

    fn value(raw: PauseMode, _: &Context) -> Result<Self> {
        Ok(Mode(raw))
    }
}

/// The end of a pause, given as its length in milliseconds.
#[derive(Clone, Copy)]
struct Until(u64);

impl<'a> Argument<'a> for Until {
    type Raw = &'a [u8];
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::Integer);

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        cursor.next()
    }

    fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
        let millis = parse_i64(raw).ok_or(Error::new("ERR timeout is not an integer or out of range"))?;
        let millis = u64::try_from(millis).map_err(|_| Error::new("ERR timeout is negative"))?;
        let end = unix_millis().checked_add(millis).filter(|end| i64::try_from(*end).is_ok());
        end.map(Until).ok_or(Error::new("ERR timeout is out of range"))
    }
}

/// Suspends commands processing.
#[command(
    "CLIENT PAUSE",
    since = "3.0.0",
    complexity = "O(1)",
    flags(ADMIN, NOSCRIPT, LOADING, STALE),
    history("6.2.0" = "Holds up writes only, with the mode WRITE.")
)]
fn client_pause(server: &Server, timeout: Until, #[arg(since = "6.2.0")] mode: Option<Mode>) -> Okay {
    server.pause.begin(mode.map_or(PauseMode::All, |mode| mode.0), timeout.0);
    Okay
}

/// Resumes processing commands from paused clients.
#[command(
    "CLIENT UNPAUSE",
    since = "6.2.0",
    complexity = "O(N) Where N is the number of paused clients",
    flags(ADMIN, NOSCRIPT, LOADING, STALE, UNPAUSED)
)]
fn client_unpause(server: &Server) -> Okay {
    server.pause.end();
    Okay
}

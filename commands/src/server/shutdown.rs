//! SHUTDOWN.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::prelude::*;

use super::FAMILY;

/// What SHUTDOWN is to do, by its words, which may come in any order.
#[derive(Clone, Copy, Default)]
struct Manner {
    /// Saving: forbidden or demanded.
    save: Option<bool>,
    /// Go on though something fails.
    force: bool,
    /// Call off the shutdown in progress.
    abort: bool,
    /// Any word other than ABORT was said.
    other: bool,
}

impl<'a> Argument<'a> for Manner {
    type Raw = Manner;
    const SHAPE: Shape = Shape::at_least(0).with_tokens();
    const DOC: ArgDoc = {
        const fn word(name: &'static str, token: &'static str) -> ArgDoc {
            ArgDoc::new(ArgKind::PureToken).named(name).token(token)
        }
        const SAVE: &[ArgDoc] = &[word("nosave", "NOSAVE"), word("save", "SAVE")];
        const WORDS: &[ArgDoc] = &[
            ArgDoc::of(ArgKind::OneOf, SAVE).named("save-selector").optional(),
            word("now", "NOW").since("7.0.0").optional(),
            word("force", "FORCE").since("7.0.0").optional(),
            word("safe", "SAFE").since("9.0.0").optional(),
            word("failover", "FAILOVER").since("9.0.0").optional(),
        ];
        const CHOICE: &[ArgDoc] =
            &[ArgDoc::of(ArgKind::Block, WORDS).named("save-selector-block"), word("abort", "ABORT").since("7.0.0")];
        ArgDoc::of(ArgKind::OneOf, CHOICE).named("abort-selector").optional()
    };

    fn shape(cursor: &mut Cursor<'a>) -> Result<Manner> {
        let mut manner = Manner::default();
        while cursor.left() > 0 {
            match &cursor.next()?.to_ascii_lowercase()[..] {
                b"abort" => {
                    manner.abort = true;
                    continue;
                }
                b"save" if manner.save != Some(false) => manner.save = Some(true),
                b"nosave" if manner.save != Some(true) => manner.save = Some(false),
                b"force" => manner.force = true,
                // No replica is waited for, and there is no cluster whose state could speak against it.
                b"now" | b"safe" | b"failover" => {}
                _ => return Err(Error::SYNTAX),
            }
            manner.other = true;
        }
        if manner.abort && manner.other {
            return Err(Error::SYNTAX);
        }
        Ok(manner)
    }

    fn value(raw: Manner, _: &Context) -> Result<Self> {
        Ok(raw)
    }
}

/// Stops the server.
#[command(
    since = "1.0.0",
    complexity = "O(1): nothing is saved",
    flags(ADMIN, NOSCRIPT, LOADING, STALE, NO_MULTI, ALLOW_BUSY),
    history(
        "7.0.0" = "Added the `NOW`, `FORCE` and `ABORT` modifiers.",
        "9.0.0" = "Added the `SAFE` and `FAILOVER` modifiers.",
    )
)]
fn shutdown(server: &Server, client: &mut Client, manner: Manner) -> Result<()> {
    if manner.abort {
        // A shutdown waits for nothing, so none is ever in progress.
        return Err(Error::new("ERR No shutdown in progress."));
    }
    if manner.save == Some(true) && !manner.force {
        tracing::warn!("SHUTDOWN SAVE was refused: this server does not save its data. Use NOSAVE, or FORCE.");
        return Err(Error::new("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    // There is no reply: the connection ends with the server.
    client.close = true;
    server.lifecycle.request_stop();
    Ok(())
}

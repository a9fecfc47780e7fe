//! SHUTDOWN.

use redis_core::command::{ArgDoc, ArgKind, Cursor, Shape};
use redis_core::config::ShutdownOptions;
use redis_core::persistence;
use redis_core::prelude::*;

use super::FAMILY;

/// What SHUTDOWN is to do, by its words, which may come in any order.
#[derive(Clone, Copy, Default)]
struct Manner {
    /// Saving: forbidden or demanded.
    save: Option<bool>,
    /// Wait for nobody.
    now: bool,
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
                b"now" => manner.now = true,
                // There is no cluster whose state could speak against it.
                b"safe" | b"failover" => {}
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
///
/// The data are saved before if there are save points, or with `SAVE`. If that fails, the server goes on, except with
/// `FORCE`.
#[command(
    since = "1.0.0",
    complexity = "O(N) when saving, where N is the total number of keys in all databases, otherwise O(1)",
    flags(ADMIN, NOSCRIPT, LOADING, STALE, NO_MULTI, ALLOW_BUSY),
    history(
        "7.0.0" = "Added the `NOW`, `FORCE` and `ABORT` modifiers.",
        "9.0.0" = "Added the `SAFE` and `FAILOVER` modifiers.",
    ),
    reply = OneOf(&[Status, Nothing])
)]
fn shutdown(server: &Server, client: &mut Client, manner: Manner, reply: &mut Reply) -> Result<()> {
    let Manner { save, now, force, abort, .. } = manner;
    if abort {
        if !server.lifecycle.abort_shutdown() {
            return Err(Error::new("ERR No shutdown in progress."));
        }
        tracing::warn!("Shutdown manually aborted.");
        reply.simple("OK");
        return Ok(());
    }
    let options = ShutdownOptions { save: save == Some(true), nosave: save == Some(false), now, force };
    if persistence::shutdown(server, options).is_err() {
        return Err(Error::new("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    // There is no reply: the connection ends with the server.
    client.close = true;
    Ok(())
}

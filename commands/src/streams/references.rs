//! KEEPREF, DELREF and ACKED: what becomes of what groups remember of an entry that is deleted.

use redis_core::command::{ArgDoc, ArgKind, Cursor};
use redis_core::value::stream::References;

/// The place of the words in COMMAND DOCS.
pub(super) const DOC: ArgDoc = ArgDoc::of(
    ArgKind::OneOf,
    &[
        ArgDoc::new(ArgKind::PureToken).named("keepref").token("KEEPREF"),
        ArgDoc::new(ArgKind::PureToken).named("delref").token("DELREF"),
        ArgDoc::new(ArgKind::PureToken).named("acked").token("ACKED"),
    ],
)
.named("condition")
.optional();

/// Takes one of the words, if it is next.
pub(super) fn take(cursor: &mut Cursor<'_>) -> Option<References> {
    const CHOICES: [(&str, References); 3] =
        [("KEEPREF", References::KeepRef), ("DELREF", References::DelRef), ("ACKED", References::Acked)];
    CHOICES.iter().find(|(token, _)| cursor.take_token(token)).map(|(_, choice)| *choice)
}

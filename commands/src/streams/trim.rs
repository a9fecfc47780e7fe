//! XTRIM, and the trimming that XADD can do in passing.
//!
//! What is trimmed may still be pending in groups. Since Redis 8.2 the caller can say what becomes of that ([`References`]); the word may stand before and behind
//! the other options.

use redis_core::command::{ArgDoc, ArgKind, Cursor, EffectArgs, Shape, integer};
use redis_core::prelude::*;
use redis_core::value::Limits;
use redis_core::value::stream::{Entries, References, StreamId, Trim};

use super::{FAMILY, id, references};

/// Deletes messages from the beginning of a stream.
#[command(
    since = "5.0.0",
    complexity = "O(N), with N being the number of evicted entries. Constant times are very small however, since entries are organized in macro nodes containing multiple entries that can be released with a single deallocation.",
    tips(NONDETERMINISTIC_OUTPUT),
    history(
        "6.2.0" = "Added the `MINID` trimming strategy and the `LIMIT` option.",
        "8.2.0" = "Added the `KEEPREF`, `DELREF` and `ACKED` options."
    )
)]
fn xtrim(db: &mut Db, #[key(RW, DELETE)] key: Key, trim: Trimming, log: &mut Propagation) -> Result<u64> {
    let limits = db.limits();
    let Some(stream) = db.get_mut::<Stream>(key)? else { return Ok(0) };
    let trimmed = trim.run(stream, &limits);
    let left = trim.what_is_left(&stream.entries);
    if trimmed > 0 {
        db.changed_by(key, "xtrim", trimmed);
        log.rewrite(XTRIM, |effect| effect.key(db, key).options(&left));
    }
    Ok(trimmed)
}

/// How a stream is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trimming {
    to: Trim,
    approximate: bool,
    /// How many entries may go; 0 for any number. Without the option it depends on the size of a node.
    limit: Option<u64>,
    references: References,
}

impl Trimming {
    /// Trims. Answers how many entries went.
    pub(super) fn run(&self, stream: &mut Stream, limits: &Limits) -> u64 {
        let limit = match self.limit {
            Some(limit) => limit,
            None if self.approximate => default_limit(limits),
            None => 0,
        };
        stream.trim(self.to, self.approximate, limit, self.references)
    }

    /// The trimming that does to a copy of the stream what this one did: how much an approximate one leaves depends on
    /// the sizes of nodes, which may differ.
    pub(super) fn what_is_left(&self, entries: &Entries) -> Self {
        let to = match self.to {
            to if !self.approximate => to,
            // The first entry may have stayed because a group needs it.
            _ if self.references == References::Acked => Trim::MaxLen(entries.len()),
            Trim::MaxLen(_) => Trim::MaxLen(entries.len()),
            Trim::MinId(_) => Trim::MinId(entries.first().map_or(StreamId::MAX, |first| first.id)),
        };
        Trimming { to, approximate: false, limit: None, references: self.references }
    }
}

impl ToArgs for Trimming {
    fn to_args(&self, effect: &mut EffectArgs) {
        let operator = if self.approximate { "~" } else { "=" };
        match self.to {
            Trim::MaxLen(len) => effect.arg("MAXLEN").arg(operator).number(len),
            Trim::MinId(id) => effect.arg("MINID").arg(operator).arg(&*id.to_text()),
        };
        if let Some(limit) = self.limit {
            effect.arg("LIMIT").number(limit);
        }
        match self.references {
            References::KeepRef => effect,
            References::DelRef => effect.arg("DELREF"),
            References::Acked => effect.arg("ACKED"),
        };
    }
}

/// An approximate trimming should not take long: it removes the entries of a hundred full nodes, but a million at most.
fn default_limit(limits: &Limits) -> u64 {
    match limits.stream_node_max_entries.saturating_mul(100) {
        0 => 10_000,
        limit => limit.min(1_000_000) as u64,
    }
}

/// The options of trimming while they are read: they may come in any order, and more than one may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TrimOptions {
    to: Option<Trim>,
    approximate: bool,
    limit: Option<u64>,
    references: Option<References>,
}

impl TrimOptions {
    /// Takes an option of trimming with its value. False if the next argument is none, or one without the value that it needs.
    pub(super) fn take(&mut self, cursor: &mut Cursor<'_>) -> Result<bool> {
        if let Some(references) = references::take(cursor) {
            if self.references.replace(references).is_some() {
                return Err(Error::SYNTAX);
            }
            return Ok(true);
        }
        if cursor.left() < 2 {
            return Ok(false);
        }
        if cursor.take_token("MAXLEN") {
            self.strategy(cursor, max_len)?;
        } else if cursor.take_token("MINID") {
            self.strategy(cursor, |text| id::exact(text).map(Trim::MinId))?;
        } else if cursor.take_token("LIMIT") {
            let limit = u64::try_from(integer(cursor.next()?)?);
            self.limit = Some(limit.map_err(|_| Error::new("ERR The LIMIT argument must be >= 0."))?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn strategy(&mut self, cursor: &mut Cursor<'_>, read: fn(&[u8]) -> Result<Trim>) -> Result<()> {
        if self.to.is_some() {
            return Err(Error::new("ERR syntax error, MAXLEN and MINID options at the same time are not compatible"));
        }
        self.approximate = false;
        // The word behind the option is an operator only if a threshold follows.
        if cursor.left() > 1 && !cursor.take_token("=") {
            self.approximate = cursor.take_token("~");
        }
        self.to = Some(read(cursor.next()?)?);
        Ok(())
    }

    /// What all options together say; `None` if there was none.
    pub(super) fn finish(self) -> Result<Option<Trimming>> {
        const NO_STRATEGY: Error =
            Error::new("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
        const EXACT: Error = Error::new("ERR syntax error, LIMIT cannot be used without the special ~ option");
        let TrimOptions { to, approximate, limit, references } = self;
        let references = references.unwrap_or_default();
        match (to, limit) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(NO_STRATEGY),
            (Some(_), Some(_)) if !approximate => Err(EXACT),
            (Some(to), limit) => Ok(Some(Trimming { to, approximate, limit, references })),
        }
    }
}

fn max_len(text: &[u8]) -> Result<Trim> {
    let len = u64::try_from(integer(text)?);
    len.map(Trim::MaxLen).map_err(|_| Error::new("ERR The MAXLEN argument must be >= 0."))
}

/// The place of trimming in COMMAND DOCS, without what becomes of references.
pub(super) const DOC: ArgDoc = ArgDoc::of(
    ArgKind::Block,
    &[
        ArgDoc::of(
            ArgKind::OneOf,
            &[
                ArgDoc::new(ArgKind::PureToken).named("maxlen").token("MAXLEN"),
                ArgDoc::new(ArgKind::PureToken).named("minid").token("MINID").since("6.2.0"),
            ],
        )
        .named("strategy"),
        ArgDoc::of(
            ArgKind::OneOf,
            &[
                ArgDoc::new(ArgKind::PureToken).named("equal").token("="),
                ArgDoc::new(ArgKind::PureToken).named("approximately").token("~"),
            ],
        )
        .named("operator")
        .optional(),
        ArgDoc::new(ArgKind::String).named("threshold"),
        ArgDoc::new(ArgKind::Integer).named("count").token("LIMIT").since("6.2.0").optional(),
    ],
)
.named("trim");

impl<'a> Argument<'a> for Trimming {
    type Raw = Trimming;
    const SHAPE: Shape = Shape::at_least(2).with_tokens();
    const DOC: ArgDoc = ArgDoc::of(ArgKind::Inline, &[DOC, references::DOC]);

    fn shape(cursor: &mut Cursor<'a>) -> Result<Trimming> {
        let mut options = TrimOptions::default();
        while cursor.left() > 0 {
            if !options.take(cursor)? {
                return Err(Error::SYNTAX);
            }
        }
        options.finish()?.ok_or(Error::SYNTAX)
    }

    fn value(read: Trimming, _: &Context) -> Result<Self> {
        Ok(read)
    }
}

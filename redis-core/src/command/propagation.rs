//! What a change looks like to those who follow the data: the effect, not the request.
//!
//! A command that changed something is logged as it was asked, unless it says otherwise: SPOP is logged as the SREM of
//! what it removed, EXPIRE as a PEXPIREAT. A handler says so through a [`Propagation`] parameter. While nobody follows,
//! nothing is built; when somebody does, effects are written in the form that the log has them in, into a buffer that
//! one call hands on to the next.

use super::argument::{Early, UnixMillis, UnixSeconds};
use crate::db::{Db, Key, Ttl};
use crate::resp::append_argument;
use crate::server::Effects;

/// The name of a command, as the constant that `#[command]` makes for it (`SET`, `CONFIG_GET`). An effect can only
/// name a command that is compiled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandName(pub &'static str);

/// What the running command says about its effects.
#[derive(Debug, Default)]
pub struct Propagation {
    rewritten: bool,
    /// None while nobody follows.
    told: Option<Box<Told>>,
}

/// What a command has said.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The arguments of all effects.
    written: Vec<u8>,
    /// Of each effect: how many arguments it has, and where they end.
    effects: Vec<(usize, usize)>,
}

impl Told {
    fn clear(&mut self) {
        self.written.clear();
        self.effects.clear();
    }
}

impl Propagation {
    /// For one call. `active` tells whether anybody follows.
    #[must_use]
    pub fn new(active: bool) -> Self {
        Propagation { rewritten: false, told: active.then(Box::default) }
    }

    /// For one call that somebody follows, with the buffers of an earlier one.
    pub(super) fn with_buffers(mut told: Box<Told>) -> Self {
        told.clear();
        Propagation { rewritten: false, told: Some(told) }
    }

    /// The buffers, if there are any.
    #[inline]
    pub(super) fn into_buffers(self) -> Option<Box<Told>> {
        self.told
    }

    /// Logs this instead of the request. Building the arguments is left out while nobody follows, so they are
    /// given as a closure.
    pub fn rewrite(&mut self, name: CommandName, args: impl FnOnce(&mut EffectArgs) -> &mut EffectArgs) {
        self.nothing();
        self.add(name, args);
    }

    /// Logs this too, instead of the request.
    pub fn add(&mut self, name: CommandName, args: impl FnOnce(&mut EffectArgs) -> &mut EffectArgs) {
        self.rewritten = true;
        if let Some(told) = &mut self.told {
            let mut effect = EffectArgs { written: std::mem::take(&mut told.written), len: 0 };
            for word in name.0.split(' ') {
                effect.arg(word);
            }
            args(&mut effect);
            told.effects.push((effect.len, effect.written.len()));
            told.written = effect.written;
        }
    }

    /// Logs nothing, although something changed.
    pub fn nothing(&mut self) {
        self.rewritten = true;
        if let Some(told) = &mut self.told {
            told.clear();
        }
    }

    /// Whether the handler has said anything; if not, the request itself is the effect.
    #[must_use]
    pub fn is_rewritten(&self) -> bool {
        self.rewritten
    }

    /// Whether anybody follows.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.told.is_some()
    }

    /// Hands over the effects said so far.
    pub(super) fn give(&self, database: usize, effects: &mut Effects) {
        let Some(told) = &self.told else { return };
        let mut begin = 0;
        for (len, end) in &told.effects {
            effects.push_written(database, *len, &told.written[begin..*end]);
            begin = *end;
        }
    }
}

/// The arguments of an effect under construction.
#[derive(Debug, Default)]
pub struct EffectArgs {
    /// Those of earlier effects stand before them.
    written: Vec<u8>,
    len: usize,
}

impl EffectArgs {
    /// The arguments so far, as bulk strings.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.written
    }

    /// Adds an argument.
    pub fn arg(&mut self, arg: impl AsRef<[u8]>) -> &mut Self {
        append_argument(&mut self.written, arg.as_ref());
        self.len += 1;
        self
    }

    /// Adds the name of a key.
    pub fn key(&mut self, db: &Db, key: Key) -> &mut Self {
        self.arg(db.name(key))
    }

    /// Adds what options are written as.
    pub fn options(&mut self, options: &impl ToArgs) -> &mut Self {
        options.to_args(self);
        self
    }

    /// Adds a number.
    pub fn number(&mut self, number: impl itoa::Integer) -> &mut Self {
        self.arg(itoa::Buffer::new().format(number))
    }
}

/// What can be written as the arguments that it could have been read from, so that a logged effect needs no grammar of its
/// own. `#[derive(Options)]` implements it where `#[options(to_args)]` asks for it.
///
/// It is not implemented for times that count from now, because whoever reads the log does so later.
pub trait ToArgs {
    /// Adds the arguments.
    fn to_args(&self, effect: &mut EffectArgs);
}

impl ToArgs for [u8] {
    fn to_args(&self, effect: &mut EffectArgs) {
        effect.arg(self);
    }
}

impl ToArgs for Vec<u8> {
    fn to_args(&self, effect: &mut EffectArgs) {
        effect.arg(self);
    }
}

impl ToArgs for String {
    fn to_args(&self, effect: &mut EffectArgs) {
        effect.arg(self);
    }
}

impl ToArgs for i64 {
    fn to_args(&self, effect: &mut EffectArgs) {
        effect.number(*self);
    }
}

impl ToArgs for u64 {
    fn to_args(&self, effect: &mut EffectArgs) {
        effect.number(*self);
    }
}

impl ToArgs for UnixSeconds {
    fn to_args(&self, effect: &mut EffectArgs) {
        effect.number(self.0.millis() / 1000);
    }
}

impl ToArgs for UnixMillis {
    fn to_args(&self, effect: &mut EffectArgs) {
        effect.number(self.0.millis());
    }
}

impl<T: ToArgs + ?Sized> ToArgs for &T {
    fn to_args(&self, effect: &mut EffectArgs) {
        (**self).to_args(effect);
    }
}

impl<T: ToArgs> ToArgs for Option<T> {
    fn to_args(&self, effect: &mut EffectArgs) {
        self.iter().for_each(|value| value.to_args(effect));
    }
}

impl<T: ToArgs> ToArgs for Early<T> {
    fn to_args(&self, effect: &mut EffectArgs) {
        self.0.to_args(effect);
    }
}

/// As the options of SET and its relatives, which know no word for a deadline that is cleared: that is what happens
/// without one.
impl ToArgs for Ttl {
    fn to_args(&self, effect: &mut EffectArgs) {
        match self {
            Ttl::Keep => effect.arg("KEEPTTL"),
            Ttl::Clear => effect,
            Ttl::At(deadline) => effect.arg("PXAT").number(deadline.millis()),
        };
    }
}

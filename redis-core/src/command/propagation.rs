//! What a change looks like to those who follow the data: the effect, not the request.
//!
//! A command that changed something is logged as it was asked, unless it says otherwise: SPOP is logged as the SREM of
//! what it removed, EXPIRE as a PEXPIREAT. A handler says so through a [`Propagation`] parameter. While nobody follows,
//! nothing is built.

use crate::args::OwnedArgs;
use crate::db::{Db, Key};

/// The name of a command, as the constant that `#[command]` makes for it (`SET`, `CONFIG_GET`). An effect can only
/// name a command that is compiled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandName(pub &'static str);

/// What the running command says about its effects.
#[derive(Debug, Default)]
pub struct Propagation {
    active: bool,
    rewritten: bool,
    effects: Vec<OwnedArgs>,
}

impl Propagation {
    /// For one call. `active` tells whether anybody follows.
    #[must_use]
    pub fn new(active: bool) -> Self {
        Propagation { active, rewritten: false, effects: Vec::new() }
    }

    /// Logs this instead of the request. Building the arguments is left out while nobody follows, so they are
    /// given as a closure.
    pub fn rewrite(&mut self, name: CommandName, args: impl FnOnce(&mut EffectArgs) -> &mut EffectArgs) {
        self.effects.clear();
        self.add(name, args);
    }

    /// Logs this too, instead of the request.
    pub fn add(&mut self, name: CommandName, args: impl FnOnce(&mut EffectArgs) -> &mut EffectArgs) {
        self.rewritten = true;
        if self.active {
            let mut effect = EffectArgs { args: name.0.split(' ').map(|word| word.as_bytes().to_vec()).collect() };
            args(&mut effect);
            self.effects.push(OwnedArgs::new(effect.args.iter().map(Vec::as_slice)));
        }
    }

    /// Logs nothing, although something changed.
    pub fn nothing(&mut self) {
        self.rewritten = true;
        self.effects.clear();
    }

    /// Whether the handler has said anything; if not, the request itself is the effect.
    #[must_use]
    pub fn is_rewritten(&self) -> bool {
        self.rewritten
    }

    /// Whether anybody follows.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// The effects said so far.
    #[must_use]
    pub fn into_effects(self) -> Vec<OwnedArgs> {
        self.effects
    }
}

/// The arguments of an effect under construction.
#[derive(Debug)]
pub struct EffectArgs {
    args: Vec<Vec<u8>>,
}

impl EffectArgs {
    /// Adds an argument.
    pub fn arg(&mut self, arg: impl AsRef<[u8]>) -> &mut Self {
        self.args.push(arg.as_ref().to_vec());
        self
    }

    /// Adds the name of a key.
    pub fn key(&mut self, db: &Db, key: Key) -> &mut Self {
        self.arg(db.name(key))
    }

    /// Adds a number.
    pub fn number(&mut self, number: impl itoa::Integer) -> &mut Self {
        self.arg(itoa::Buffer::new().format(number))
    }
}

//! A place among the arguments of a request, which the shape pass moves forward.

use std::cell::RefCell;

use super::{Keys, wrong_arity};
use crate::args::Args;
use crate::db::Key;
use crate::error::{Error, Result};

/// A place among the arguments, moving forward.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    args: Args<'a>,
    keys: &'a [Key],
    next: usize,
    end: usize,
    command: &'static str,
    secrets: &'a Secrets,
}

/// Arguments that neither logs nor monitors may show, by index.
pub type Secrets = RefCell<Vec<usize>>;

impl<'a> Cursor<'a> {
    /// At argument `next`. `keys` are those of the key walk. Arguments that are found to be secret are added to `secrets`.
    #[must_use]
    pub fn new(args: Args<'a>, keys: &'a [Key], next: usize, command: &'static str, secrets: &'a Secrets) -> Self {
        Cursor { args, keys, next, end: args.len(), command, secrets }
    }

    /// Leaves the last `n` arguments to later parameters.
    #[inline]
    pub fn reserve(&mut self, n: usize) {
        self.end = self.args.len().saturating_sub(n).max(self.next);
    }

    /// The index of the next argument in the request.
    #[must_use]
    pub fn index(&self) -> usize {
        self.next
    }

    /// How many arguments are left.
    #[must_use]
    #[inline]
    pub fn left(&self) -> usize {
        self.end - self.next
    }

    /// The next argument, without taking it.
    #[must_use]
    #[inline]
    pub fn peek(&self) -> Option<&'a [u8]> {
        (self.next < self.end).then(|| self.args.get(self.next))
    }

    /// Takes the next argument; a syntax error if there is none.
    ///
    /// # Errors
    /// [`Error::SYNTAX`]
    #[expect(clippy::should_implement_trait, reason = "the end of the arguments is an error, not the end of a loop")]
    #[inline]
    pub fn next(&mut self) -> Result<&'a [u8]> {
        let arg = self.peek().ok_or(Error::SYNTAX)?;
        self.next += 1;
        Ok(arg)
    }

    /// Takes the next argument, and has it shown to nobody.
    ///
    /// # Errors
    /// [`Error::SYNTAX`] if there is none.
    pub fn next_secret(&mut self) -> Result<&'a [u8]> {
        self.secrets.borrow_mut().push(self.next);
        self.next()
    }

    /// Takes the next argument if it is `token`, in any case.
    #[inline]
    pub fn take_token(&mut self, token: &str) -> bool {
        let found = self.peek().is_some_and(|arg| arg.eq_ignore_ascii_case(token.as_bytes()));
        self.next += usize::from(found);
        found
    }

    /// Takes the next argument as a key. It must be one that the declaration announced.
    ///
    /// # Errors
    /// [`Error::SYNTAX`] at the end, [`Error::UNDECLARED_KEY`] if the key walk did not find it.
    #[inline]
    pub fn next_key(&mut self) -> Result<Key> {
        self.peek().ok_or(Error::SYNTAX)?;
        let at = self.next as u32;
        // The walk finds keys in the order of the arguments, so the first that is left is the one in all but odd cases.
        let key = match self.keys.first() {
            Some(key) if key.index == at => *key,
            _ => *self.keys.iter().find(|key| key.index == at).ok_or(Error::UNDECLARED_KEY)?,
        };
        if let [first, rest @ ..] = self.keys
            && first.index == at
        {
            self.keys = rest;
        }
        self.next += 1;
        Ok(key)
    }

    /// Takes the next `n` arguments, all keys.
    ///
    /// # Errors
    /// [`Error::SYNTAX`] if there are fewer, [`Error::UNDECLARED_KEY`] if the key walk did not find them.
    pub fn next_keys(&mut self, n: usize) -> Result<Keys<'a>> {
        if n > self.left() {
            return Err(Error::SYNTAX);
        }
        let first = self.keys.iter().position(|key| key.index as usize >= self.next).unwrap_or(self.keys.len());
        let keys = self.keys.get(first..first + n).ok_or(Error::UNDECLARED_KEY)?;
        let expected = self.next..self.next + n;
        if !keys.iter().map(|key| key.index as usize).eq(expected) {
            return Err(Error::UNDECLARED_KEY);
        }
        self.next += n;
        Ok(Keys(keys))
    }

    /// The cursor over the next `n` arguments alone, which are taken.
    ///
    /// # Errors
    /// [`Error::SYNTAX`] if there are fewer.
    pub fn split(&mut self, n: usize) -> Result<Cursor<'a>> {
        if n > self.left() {
            return Err(Error::SYNTAX);
        }
        let part = Cursor { end: self.next + n, ..*self };
        self.next += n;
        Ok(part)
    }

    /// The command's name as errors show it.
    #[must_use]
    pub fn command(&self) -> &'static str {
        self.command
    }

    /// The command's name as the client wrote it.
    #[must_use]
    pub fn written_name(&self) -> &'a [u8] {
        self.args.get(0)
    }

    /// The error of subcommands that count their arguments themselves, as they were before subcommands had an arity.
    #[must_use]
    pub fn wrong_subcommand(&self) -> Error {
        let container = self.command.split('|').next().unwrap_or_default().to_uppercase();
        let (name, container) = (self.args.get(1), container.as_bytes());
        let before: &[u8] = b"ERR unknown subcommand or wrong number of arguments for '";
        Error::quoting(&[before, name, b"'. Try ", container, b" HELP."])
    }

    /// The error for surplus arguments, if there are any.
    ///
    /// # Errors
    /// A syntax error where the command has tokens, an arity error where it has none.
    #[inline]
    pub fn finish(&self, syntax: bool) -> Result<()> {
        match self.left() {
            0 => Ok(()),
            _ if syntax => Err(Error::SYNTAX),
            _ => Err(wrong_arity(self.command)),
        }
    }
}

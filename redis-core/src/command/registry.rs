//! The commands of this process: what the linker collected, checked, numbered and made fast to find.
//!
//! The list is fixed when the program starts, so it is built once and shared by all servers of the process.

use std::sync::OnceLock;

use super::def::{CommandDef, Run};
use super::flags::{Begin, Categories, Find, Flags, KeyFlags, KeySpec};
use super::names::{NameTable, Named};
use crate::config::{ConfigError, Rename};

/// A command as it is registered: its declaration and what follows from it.
#[derive(Debug)]
pub struct Command {
    /// The declaration.
    pub def: &'static CommandDef,
    /// Its number: dense, for statistics and access control.
    pub id: u16,
    /// Declared and implied flags.
    pub flags: Flags,
    /// All ACL categories.
    pub acl: Categories,
    /// Where its key is, if each request has one, always in the same place. Most commands are so.
    pub lone_key: Option<u8>,
    /// First key, last key, step: the summary of the key specifications in COMMAND INFO.
    pub key_range: (i64, i64, i64),
    /// For a container: its subcommands, sorted by name.
    pub subcommands: Vec<&'static Command>,
}

impl Command {
    /// Whether a request with that many arguments, name included, is long enough and not too long.
    #[must_use]
    #[inline]
    pub fn accepts(&self, args: usize) -> bool {
        let arity = self.def.arity;
        if arity >= 0 { args == arity as usize } else { args >= arity.unsigned_abs() as usize }
    }

    /// The subcommand of that name, in any case.
    #[must_use]
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Command> {
        self.subcommands.iter().find(|sub| sub.def.name.as_bytes().eq_ignore_ascii_case(name)).copied()
    }
}

/// Why a program's commands cannot be used. Each is a mistake in the program, found when it starts.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RegistryError {
    /// The families were not linked.
    #[error("no command is registered: add `use redis_commands as _;` to link the stock families")]
    Empty,
    /// Two declarations of one name.
    #[error("command '{0}' is declared twice")]
    Duplicate(&'static str),
    /// A subcommand whose container is missing.
    #[error("command '{0}' has no container: declare it with `container!(\"{1}\", ..)`")]
    Orphan(&'static str, &'static str),
}

/// All commands.
#[derive(Debug)]
pub struct Registry {
    by_id: Vec<&'static Command>,
    top: Vec<&'static Command>,
    table: NameTable<&'static Command>,
}

impl Registry {
    /// The registry of this process.
    ///
    /// # Errors
    /// What is wrong with the program's declarations.
    pub fn get() -> Result<&'static Registry, &'static RegistryError> {
        static REGISTRY: OnceLock<Result<Registry, RegistryError>> = OnceLock::new();
        REGISTRY.get_or_init(|| Registry::build(inventory::iter::<CommandDef>.into_iter().collect())).as_ref()
    }

    fn build(mut defs: Vec<&'static CommandDef>) -> Result<Registry, RegistryError> {
        if defs.is_empty() {
            return Err(RegistryError::Empty);
        }
        defs.sort_by_key(|def| (def.container.unwrap_or(def.name), def.container.is_some(), def.name));
        if let Some(pair) = defs.windows(2).find(|pair| pair[0].full_name == pair[1].full_name) {
            return Err(RegistryError::Duplicate(pair[0].full_name));
        }
        for def in &defs {
            // A command that runs by itself may have subcommands too, as COMMAND does.
            if let Some(container) = def.container
                && !defs.iter().any(|other| other.container.is_none() && other.name == container)
            {
                return Err(RegistryError::Orphan(def.full_name, container));
            }
        }
        // Commands live as long as the process, like the declarations that they refer to.
        let mut by_id: Vec<&'static Command> = Vec::with_capacity(defs.len());
        let mut top = Vec::new();
        let mut i = 0;
        while i < defs.len() {
            let def = defs[i];
            let subs = defs[i + 1..].iter().take_while(|sub| sub.container == Some(def.name)).count();
            let first_id = i + 1;
            let subcommands: Vec<&'static Command> = defs[first_id..first_id + subs]
                .iter()
                .enumerate()
                .map(|(j, sub)| &*Box::leak(Box::new(register(sub, first_id + j, Vec::new()))))
                .collect();
            let command: &'static Command = Box::leak(Box::new(register(def, i, subcommands.clone())));
            by_id.push(command);
            by_id.extend(subcommands);
            top.push(command);
            i += 1 + subs;
        }
        let table = NameTable::new(top.iter().map(|command| (command.def.name.as_bytes(), *command)).collect());
        Ok(Registry { by_id, top, table })
    }

    /// The same commands under other names, as lines `rename-command` say. What is made for it stays as long as the
    /// process, as the commands do; a server is not started often.
    ///
    /// # Errors
    /// The first line that names no command, or gives a name that another command has.
    pub fn renamed(&'static self, renames: &[Rename]) -> Result<&'static Registry, ConfigError> {
        if renames.is_empty() {
            return Ok(self);
        }
        let mut names = self.table.names().to_vec();
        for rename in renames {
            let at = |name: &[u8], names: &[Named<&'static Command>]| {
                names.iter().position(|(known, _)| known.eq_ignore_ascii_case(name))
            };
            let from = at(&rename.from, &names).ok_or_else(|| rename.error("No such command in rename-command"))?;
            let (_, command) = names.remove(from);
            if rename.to.is_empty() {
                continue;
            }
            if at(&rename.to, &names).is_some() {
                return Err(rename.error("Target command name already exists"));
            }
            names.push((Vec::leak(rename.to.clone()), command));
        }
        let mut top: Vec<_> = names.iter().map(|(_, command)| *command).collect();
        top.sort_by_key(|command| command.def.name);
        let registry = Registry { by_id: self.by_id.clone(), top, table: NameTable::new(names) };
        Ok(Box::leak(Box::new(registry)))
    }

    /// The command of that name, in any case.
    #[must_use]
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<&'static Command> {
        self.table.find(name)
    }

    /// The command with that number.
    #[must_use]
    pub fn by_id(&self, id: u16) -> &'static Command {
        self.by_id[usize::from(id)]
    }

    /// All commands at top level, sorted by name.
    #[must_use]
    pub fn top_level(&self) -> &[&'static Command] {
        &self.top
    }

    /// All commands and subcommands, in the order of their numbers.
    #[must_use]
    pub fn all(&self) -> &[&'static Command] {
        &self.by_id
    }

    /// The command of a full name such as `config|get`, in any case.
    #[must_use]
    pub fn find_full(&self, name: &[u8]) -> Option<&'static Command> {
        match name.iter().position(|byte| *byte == b'|') {
            None => self.find(name),
            Some(at) => self.find(&name[..at])?.subcommand(&name[at + 1..]),
        }
    }

    /// The groups that have commands, sorted.
    #[must_use]
    pub fn groups(&self) -> Vec<&'static str> {
        let mut groups: Vec<_> = self.by_id.iter().map(|command| command.def.family.group).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }
}

fn register(def: &'static CommandDef, id: usize, subcommands: Vec<&'static Command>) -> Command {
    let movable = |spec: &KeySpec| {
        !matches!((spec.begin, spec.find), (Begin::Index(_), Find::Range { .. }))
            || spec.flags.has(KeyFlags::INCOMPLETE)
    };
    let mut flags = def.flags;
    if def.keys.iter().any(movable) {
        flags = flags.union(Flags::MOVABLEKEYS);
    }
    let scripting = def.family.group == "scripting";
    let acl = Categories::implied_by(flags, scripting).union(def.acl).union(match def.run {
        // Access control looks at subcommands, so a container itself belongs to no category of its family.
        Run::Container => Categories::NONE,
        Run::Sync(_) => def.family.acl,
    });
    Command {
        def,
        id: u16::try_from(id).expect("a program has fewer than 65,536 commands"),
        flags,
        acl,
        lone_key: lone_key(def),
        key_range: key_range(def),
        subcommands,
    }
}

fn lone_key(def: &CommandDef) -> Option<u8> {
    match def.keys {
        [KeySpec { begin: Begin::Index(index), find: Find::Range { last: 0, limit: 0 | 1, .. }, flags }]
            if !flags.has(KeyFlags::NOT_KEY) =>
        {
            u8::try_from(*index).ok()
        }
        _ => None,
    }
}

/// Contiguous ranges of keys are reported as one; anything else is left to the key specifications.
fn key_range(def: &CommandDef) -> (i64, i64, i64) {
    let mut range: Option<(i64, i64, i64)> = None;
    for spec in def.keys {
        let (Begin::Index(begin), Find::Range { last, step, limit: 0 | 1 }) = (spec.begin, spec.find) else { continue };
        let begin = i64::from(begin);
        let (last, step) = (i64::from(last), i64::from(step));
        let end = if last >= 0 { begin + last } else { last };
        range = match range {
            None => Some((begin, end, step)),
            Some((first, previous, previous_step))
                if previous_step == step && (begin == previous + step || begin == previous + 1) =>
            {
                Some((first, end, step))
            }
            Some(range) => Some(range),
        };
    }
    range.unwrap_or((0, 0, 0))
}

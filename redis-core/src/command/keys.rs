//! The key walk: which arguments of a request are keys.
//!
//! One walk over the key specifications serves everyone who asks: the locks, the prefetch, COMMAND GETKEYS, the cluster
//! slot, access control. It looks at the raw arguments only; a request whose counts do not add up has no keys here and
//! is refused by the shape pass later.

use super::docs::{ArgDoc, ArgKind};
use super::flags::{Begin, Find, KeyFlags, KeySpec};
use super::registry::Command;
use crate::args::Args;
use crate::num;

/// Calls `visit` with the position of each key and how it is used, in the order of the specifications.
///
/// A specification that is `INCOMPLETE` stands in place of those before it: where it applies, an empty name at a fixed position is
/// no key (MIGRATE).
///
/// `first` is the position of the first argument that follows the command's name: 1, or 2 for a subcommand. Answers
/// false, possibly after some visits, when a specification cannot be followed.
pub fn walk(specs: &[KeySpec], args: Args<'_>, mut visit: impl FnMut(usize, KeyFlags)) -> bool {
    for (i, spec) in specs.iter().enumerate() {
        let Some(begin) = beginning(spec, args) else { continue };
        let instead = |other: &KeySpec| other.flags.has(KeyFlags::INCOMPLETE) && beginning(other, args).is_some();
        if args.get(begin).is_empty() && matches!(spec.begin, Begin::Index(_)) && specs[i + 1..].iter().any(instead) {
            continue;
        }
        let find = if matches!(spec.begin, Begin::Unknown(Some(_))) {
            Find::Range { last: 0, step: 1, limit: 0 }
        } else {
            spec.find
        };
        let Some((first, count, step)) = run(find, begin, args) else { return false };
        for i in 0..count {
            visit(first + i * step, spec.flags);
        }
    }
    true
}

/// Where the keys of a specification begin, if it applies to this request.
fn beginning(spec: &KeySpec, args: Args<'_>) -> Option<usize> {
    let is = |i: usize, token: &str| args.get(i).eq_ignore_ascii_case(token.as_bytes());
    let found = match spec.begin {
        Begin::Index(index) => usize::from(index),
        // The word may also be a key's name, so what is searched backwards may miss keys. This way there may be too many.
        Begin::Keyword { token, .. } if spec.flags.has(KeyFlags::INCOMPLETE) => {
            1 + (1..args.len()).find(|i| is(*i, token))?
        }
        Begin::Keyword { token, from } if from >= 0 => {
            1 + (from.unsigned_abs().into()..args.len()).find(|i| is(*i, token))?
        }
        Begin::Keyword { token, from } => {
            let last = args.len().checked_sub(from.unsigned_abs().into())?;
            1 + (1..=last).rev().find(|i| is(*i, token))?
        }
        Begin::Unknown(Some(token)) => 1 + (1..args.len()).rev().find(|i| is(*i, token))?,
        Begin::Unknown(None) => return None,
    };
    (found < args.len()).then_some(found)
}

/// First key, number of keys, distance between them.
fn run(find: Find, begin: usize, args: Args<'_>) -> Option<(usize, usize, usize)> {
    match find {
        Find::Range { last, step, limit } => {
            let step = usize::from(step.max(1));
            let last = if last >= 0 {
                begin + last.unsigned_abs() as usize
            } else if limit > 1 {
                begin + (args.len() - begin) / usize::from(limit) - 1
            } else {
                args.len().checked_sub(last.unsigned_abs().into())?
            };
            (last < args.len() && last >= begin).then(|| (begin, (last - begin) / step + 1, step))
        }
        Find::KeyNum { index, first, step } => {
            let at = begin + usize::from(index);
            let count = usize::try_from(num::parse_i64((at < args.len()).then(|| args.get(at))?)?).ok()?;
            let (first, step) = (begin + usize::from(first), usize::from(step.max(1)));
            let end = count.checked_mul(step)?.checked_add(first)?;
            (end <= args.len()).then_some((first, count, step))
        }
        Find::Unknown => Some((begin, 0, 1)),
    }
}

/// How a request uses a key for which the declaration has the given flags. Where these depend on the request
/// (`VARIABLE_FLAGS`), a request without an option called GET does not return the value, but overwrites it (SET).
#[must_use]
pub fn use_of(command: &Command, args: Args<'_>, declared: KeyFlags) -> KeyFlags {
    if !declared.has(KeyFlags::VARIABLE_FLAGS) {
        return declared;
    }
    let is_get = |arg: &[u8]| arg.eq_ignore_ascii_case(b"GET");
    if declares_option(command.def.docs.arguments, "GET") && !args.iter().skip(3).any(is_get) {
        return KeyFlags::OW.union(KeyFlags::UPDATE);
    }
    declared.without(KeyFlags::VARIABLE_FLAGS)
}

fn declares_option(arguments: &[ArgDoc], token: &str) -> bool {
    arguments.iter().any(|argument| {
        argument.kind == ArgKind::PureToken && argument.token == Some(token)
            || argument.kind == ArgKind::Inline && declares_option(argument.children, token)
    })
}

//! What the code that `#[command]` and `#[derive(Options)]` generate calls, and nothing else does.
//!
//! Whatever a macro can leave to an ordinary function is here, so that the generated code stays short and the rules
//! stay readable. Most of it runs while the program is compiled: a panic here is a compile error there, and
//! `#[track_caller]` puts it on the parameter or field that is wrong.

use super::argument::{KeyShape, Parameter, Shape, wrong_arity};
use super::docs::{ArgDoc, ArgKind};
use super::flags::{Begin, Find, KeyFlags, KeySpec};
use crate::error::Error;

/// How many arguments the parameters behind number `i` need at least.
#[must_use]
pub const fn behind(parameters: &[Parameter], i: usize) -> usize {
    let (mut total, mut j) = (0, i + 1);
    while j < parameters.len() {
        total += parameters[j].shape.min as usize;
        j += 1;
    }
    total
}

/// Whether each parameter always takes the same number of arguments.
#[must_use]
pub const fn all_fixed(parameters: &[Parameter]) -> bool {
    let mut i = 0;
    while i < parameters.len() && parameters[i].shape.fixed {
        i += 1;
    }
    i == parameters.len()
}

/// Whether a parameter looks for tokens.
#[must_use]
pub const fn any_tokens(parameters: &[Parameter]) -> bool {
    let mut i = 0;
    while i < parameters.len() && !parameters[i].shape.tokens {
        i += 1;
    }
    i < parameters.len()
}

/// The same shape, for a parameter that says with `#[key(..)]` how its keys are used.
///
/// # Panics
/// If it has none, or says it itself.
#[must_use]
#[track_caller]
pub const fn holding_keys(shape: Shape) -> Shape {
    assert!(!matches!(shape.keys, KeyShape::None), "`#[key(..)]` is for parameters that are keys");
    assert!(!matches!(shape.keys, KeyShape::Specs(_)), "`#[key(..)]` belongs on the field that is the key");
    shape
}

/// The shape of an argument behind a token of its own.
///
/// # Panics
/// If it is a key: the key specifications could not say where it is.
#[must_use]
#[track_caller]
pub const fn behind_token(shape: Shape) -> Shape {
    assert!(matches!(shape.keys, KeyShape::None), "a key behind a token belongs in a type with `#[derive(Options)]`");
    Shape { min: shape.min + 1, tokens: true, ..shape }
}

/// The shape of an argument that may be left out.
#[must_use]
pub const fn optional(shape: Shape) -> Shape {
    Shape { min: 0, fixed: false, ..shape }
}

/// The shape of arguments that follow each other. As with parameters, only the first may be a key.
///
/// # Panics
/// If another one is a key.
#[must_use]
#[track_caller]
pub const fn in_sequence(parts: &[Shape]) -> Shape {
    let mut all = Shape::exactly(0);
    let mut i = 0;
    while i < parts.len() {
        let part = parts[i];
        all.min += part.min;
        all.fixed = all.fixed && part.fixed;
        all.tokens = all.tokens || part.tokens;
        match part.keys {
            KeyShape::None => {}
            keys if i == 0 => all.keys = keys,
            _ => panic!("only the first argument of a sequence can be a key"),
        }
        i += 1;
    }
    all
}

/// The shape of an option that must be there, `tokened` if its type counts the token itself.
#[must_use]
pub const fn named_option(shape: Shape, tokened: bool) -> Shape {
    Shape { min: shape.min + !tokened as u16, ..shape }
}

/// The shape of options in any order, of which `required` are the shapes of those that must be there.
#[must_use]
pub const fn in_any_order(required: &[Shape], specs: &'static [KeySpec]) -> Shape {
    let (mut min, mut i) = (0, 0);
    while i < required.len() {
        min += required[i].min;
        i += 1;
    }
    Shape { min, fixed: false, tokens: true, keys: keys_at(specs) }
}

/// The shape of a choice, each member behind its token.
#[must_use]
pub const fn one_of(members: &[Shape], specs: &'static [KeySpec]) -> Shape {
    let (mut min, mut fixed, mut i) = (members[0].min, true, 0);
    while i < members.len() {
        fixed = fixed && members[i].fixed && members[i].min == members[0].min;
        if members[i].min < min {
            min = members[i].min;
        }
        i += 1;
    }
    Shape { min: min + 1, fixed, tokens: true, keys: keys_at(specs) }
}

const fn keys_at(specs: &'static [KeySpec]) -> KeyShape {
    if specs.is_empty() { KeyShape::None } else { KeyShape::Specs(specs) }
}

/// The key specifications that an option brings by itself.
///
/// # Panics
/// If it is a key and nothing says how it is used.
#[must_use]
#[track_caller]
pub const fn own_specs(shape: Shape) -> &'static [KeySpec] {
    match shape.keys {
        KeyShape::None => &[],
        KeyShape::Specs(specs) => specs,
        _ => panic!("say how this key is used: `#[key(RO)]`, `#[key(OW, UPDATE)]`, ..."),
    }
}

/// The key specification of an option that is a key. `from` is where clients begin to search for the token; without it,
/// only this server's own walk finds the key.
///
/// # Panics
/// If the option is no key.
#[must_use]
#[track_caller]
pub const fn spec_behind_token(shape: Shape, flags: KeyFlags, token: &'static str, from: Option<i16>) -> KeySpec {
    let find = match shape.keys {
        KeyShape::Fixed(count) => Find::Range { last: count as i16 - 1, step: 1, limit: 0 },
        KeyShape::Repeated { step } => Find::Range { last: -1, step, limit: 0 },
        KeyShape::Counted { step } => Find::KeyNum { index: 0, first: 1, step },
        KeyShape::None | KeyShape::Specs(_) => panic!("`#[key(..)]` is for options that are keys"),
    };
    match from {
        Some(from) => KeySpec { flags, begin: Begin::Keyword { token, from }, find },
        None => KeySpec { flags, begin: Begin::Unknown(Some(token)), find: Find::Unknown },
    }
}

/// How many key specifications these lists hold together.
#[must_use]
pub const fn total_specs(lists: &[&[KeySpec]]) -> usize {
    let (mut total, mut i) = (0, 0);
    while i < lists.len() {
        total += lists[i].len();
        i += 1;
    }
    total
}

/// These lists as one.
#[must_use]
pub const fn all_specs<const N: usize>(lists: &[&[KeySpec]]) -> [KeySpec; N] {
    let mut all = [KeySpec { flags: KeyFlags::NONE, begin: Begin::Unknown(None), find: Find::Unknown }; N];
    let (mut n, mut i) = (0, 0);
    while i < lists.len() {
        let mut j = 0;
        while j < lists[i].len() {
            all[n] = lists[i][j];
            n += 1;
            j += 1;
        }
        i += 1;
    }
    all
}

/// The documentation of a parameter or option, where `specs` key specifications come before its own.
#[must_use]
pub const fn argument_doc(doc: ArgDoc, specs: usize, children: &'static [ArgDoc]) -> ArgDoc {
    ArgDoc { key_spec: shifted(doc.key_spec, specs), children, ..doc }
}

/// The children of that documentation, under `names` if any are given.
///
/// # Panics
/// If there are not as many names as children, or a child remains without.
#[must_use]
#[track_caller]
pub const fn child_docs<const N: usize>(doc: ArgDoc, specs: usize, names: &[&'static str]) -> [ArgDoc; N] {
    assert!(names.is_empty() || names.len() == N, "`names(..)` must give one name for each part");
    let mut children = [ArgDoc::new(ArgKind::String); N];
    let mut i = 0;
    while i < N {
        let child = doc.children[i];
        children[i] = ArgDoc { key_spec: shifted(child.key_spec, specs), ..child };
        if !names.is_empty() {
            children[i].name = names[i];
        }
        assert!(!children[i].name.is_empty(), "name the parts: `#[arg(names(\"..\", \"..\"))]`");
        i += 1;
    }
    children
}

const fn shifted(key_spec: Option<u8>, by: usize) -> Option<u8> {
    match key_spec {
        Some(index) => Some(index + by as u8),
        None => None,
    }
}

/// Keeps what an option said. Said again, the later one counts; false if it is `tokened` and another member of its choice.
#[must_use]
#[inline]
pub fn keep_option<R>(kept: &mut Option<R>, found: R, tokened: bool) -> bool {
    let same = |kept: &R| std::mem::discriminant(kept) == std::mem::discriminant(&found);
    let agrees = !tokened || kept.as_ref().is_none_or(same);
    *kept = Some(found);
    agrees
}

/// The error of a parameter with a text of its own, which replaces every error but those about the number of arguments.
#[must_use]
#[cold]
pub fn reworded(error: Error, command: &str, text: &'static str) -> Error {
    if error == Error::SYNTAX || error == wrong_arity(command) { error } else { Error::new(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_takes_its_token_and_the_smallest_payload() {
        let shape = one_of(&[Shape::exactly(0), Shape::exactly(2)], &[]);
        assert_eq!((shape.min, shape.fixed, shape.tokens), (1, false, true));
        assert!(one_of(&[Shape::exactly(1), Shape::exactly(1)], &[]).fixed);
    }

    #[test]
    fn what_stands_behind_is_the_sum_of_the_least_numbers() {
        let parameter = |shape| Parameter { shape, keys: KeyFlags::NONE };
        let parameters = [Shape::exactly(1), Shape::at_least(0), Shape::exactly(2)].map(parameter);
        assert_eq!([behind(&parameters, 0), behind(&parameters, 1), behind(&parameters, 2)], [2, 2, 0]);
        assert!(!all_fixed(&parameters) && !any_tokens(&parameters));
    }

    #[test]
    fn children_count_their_key_specifications_from_the_parameter_on() {
        const PAIR: ArgDoc =
            ArgDoc::of(ArgKind::Block, &[ArgDoc::new(ArgKind::Key).key_spec(0), ArgDoc::new(ArgKind::String)]);
        let [key, value] = child_docs::<2>(PAIR, 1, &["key", "value"]);
        assert_eq!((key.name, key.key_spec, value.name, value.key_spec), ("key", Some(1), "value", None));
    }

    #[test]
    fn another_member_of_a_choice_conflicts_and_the_same_one_does_not() {
        let mut kept = None;
        assert!(keep_option(&mut kept, Ok::<_, ()>(1), true));
        assert!(keep_option(&mut kept, Ok(2), true));
        assert_eq!(kept, Some(Ok(2)));
        assert!(!keep_option(&mut kept, Err(()), true));
        assert!(keep_option(&mut kept, Ok(3), false));
    }
}

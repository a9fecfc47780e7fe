//! What follows from the parameters of a command as a whole: its arity and its key specifications. All of it is computed
//! while the program is compiled.

use super::{KeyShape, Shape};
use crate::command::flags::{Begin, Find, KeyFlags, KeySpec};

/// A parameter as the declaration sees it. Part of what `#[command]` generates.
#[derive(Clone, Copy)]
pub struct Parameter {
    /// Its arguments.
    pub shape: Shape,
    /// How its keys are used.
    pub keys: KeyFlags,
}

/// The arity that COMMAND INFO shows: negative when more arguments may follow. `name` is 1, or 2 for a subcommand.
#[must_use]
pub const fn arity(name: i16, parameters: &[Parameter]) -> i16 {
    let (mut total, mut fixed, mut i) = (name, true, 0);
    while i < parameters.len() {
        total += parameters[i].shape.min as i16;
        fixed = fixed && parameters[i].shape.fixed;
        i += 1;
    }
    if fixed { total } else { -total }
}

/// How many key specifications the parameters make.
#[must_use]
pub const fn key_spec_count(parameters: &[Parameter]) -> usize {
    let (mut n, mut i) = (0, 0);
    while i < parameters.len() {
        n += match parameters[i].shape.keys {
            KeyShape::None => 0,
            KeyShape::Specs(specs) => specs.len(),
            _ => 1,
        };
        i += 1;
    }
    n
}

/// The key specifications of a command. `name` as in [`arity`].
///
/// # Panics
/// At compile time, if a key stands behind an argument of variable length.
#[must_use]
pub const fn key_specs<const N: usize>(name: i16, parameters: &[Parameter]) -> [KeySpec; N] {
    let unset = KeySpec { flags: KeyFlags::NONE, begin: Begin::Unknown(None), find: Find::Unknown };
    let mut specs = [unset; N];
    let (mut n, mut i, mut at, mut fixed) = (0, 0, name as u16, true);
    while i < parameters.len() {
        let Parameter { shape, keys: flags } = parameters[i];
        let begin = Begin::Index(at);
        let find = match shape.keys {
            KeyShape::None => None,
            KeyShape::Specs(own) => {
                let mut j = 0;
                while j < own.len() {
                    specs[n] = own[j];
                    n += 1;
                    j += 1;
                }
                None
            }
            KeyShape::Fixed(count) => Some(Find::Range { last: count as i16 - 1, step: 1, limit: 0 }),
            KeyShape::Repeated { step } => {
                let (mut behind, mut j) = (0, i + 1);
                while j < parameters.len() {
                    behind += parameters[j].shape.min as i16;
                    j += 1;
                }
                Some(Find::Range { last: -1 - behind, step, limit: 0 })
            }
            KeyShape::Counted { step } => Some(Find::KeyNum { index: 0, first: 1, step }),
        };
        if let Some(find) = find {
            assert!(fixed, "a key cannot stand behind an argument of variable length");
            specs[n] = KeySpec { flags, begin, find };
            n += 1;
        }
        at += shape.min;
        fixed = fixed && shape.fixed;
        i += 1;
    }
    specs
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn parameter(shape: Shape) -> Parameter {
        Parameter { shape, keys: KeyFlags::RO }
    }

    #[test]
    fn the_arity_counts_the_name_and_tells_whether_more_may_follow() {
        const FIXED: &[Parameter] = &[parameter(Shape::exactly(1)), parameter(Shape::exactly(2))];
        const MORE: &[Parameter] = &[parameter(Shape::exactly(1)), parameter(Shape::at_least(2))];
        assert_eq!((arity(1, FIXED), arity(2, FIXED), arity(1, MORE), arity(1, &[])), (4, 5, -4, 1));
    }

    #[test]
    fn keys_are_found_where_the_parameters_put_them() {
        const KEY: Parameter = parameter(Shape::exactly(1).with_keys(KeyShape::Fixed(1)));
        const COUNTED: Parameter = parameter(Shape::at_least(2).with_keys(KeyShape::Counted { step: 1 }));
        const REPEATED: Parameter = parameter(Shape::at_least(1).with_keys(KeyShape::Repeated { step: 1 }));
        const TIMEOUT: Parameter = parameter(Shape::exactly(1));

        // ZUNIONSTORE destination numkeys key ...
        const STORE: &[Parameter] = &[KEY, COUNTED];
        let [destination, sources] = key_specs::<{ key_spec_count(STORE) }>(1, STORE);
        assert!(matches!(destination.begin, Begin::Index(1)));
        assert!(matches!(destination.find, Find::Range { last: 0, step: 1, .. }));
        assert!(matches!(sources.begin, Begin::Index(2)));
        assert!(matches!(sources.find, Find::KeyNum { index: 0, first: 1, step: 1 }));

        // BZPOPMIN key ... timeout
        const POP: &[Parameter] = &[REPEATED, TIMEOUT];
        let [keys] = key_specs::<{ key_spec_count(POP) }>(1, POP);
        assert!(matches!(keys.find, Find::Range { last: -2, step: 1, .. }));
        assert_eq!(key_spec_count(&[TIMEOUT]), 0);
    }
}

//! `<CONTAINER> HELP`: written from the declarations of the subcommands.

use super::call::Call;
use super::def::Outcome;
use super::docs::{ArgDoc, ArgKind};
use super::registry::Registry;
use crate::error::{Error, Result};

/// The handler of every HELP subcommand.
///
/// # Errors
/// None.
pub fn help(call: &mut Call<'_>) -> Result<Outcome, Error> {
    let container = call.command.def.container.unwrap_or_default();
    let command = Registry::get().ok().and_then(|registry| registry.find(container.as_bytes()));
    let mut lines = vec![format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")];
    for sub in command.map(|command| command.subcommands.as_slice()).unwrap_or_default() {
        let mut line = sub.def.name.to_owned();
        sub.def.docs.arguments.iter().for_each(|arg| describe(arg, &mut line));
        lines.push(line);
        lines.push(format!("    {}", sub.def.docs.summary));
    }
    call.reply.array(lines.len());
    lines.iter().for_each(|line| call.reply.simple(line));
    Ok(Outcome::Done)
}

/// Appends an argument in the notation of Redis's documentation: `<value>`, `[optional]`, `TOKEN`, `a|b`.
pub fn describe(arg: &ArgDoc, out: &mut String) {
    let mut text = arg.token.unwrap_or_default().to_owned();
    let separator = if arg.kind == ArgKind::OneOf { "|" } else { " " };
    match arg.kind {
        ArgKind::PureToken => {}
        ArgKind::OneOf | ArgKind::Block | ArgKind::Inline => {
            let children: Vec<String> = arg
                .children
                .iter()
                .map(|child| {
                    let mut text = String::new();
                    describe(child, &mut text);
                    text.trim_start().to_owned()
                })
                .collect();
            text = [text, children.join(separator)].join(" ").trim().to_owned();
        }
        _ => text = format!("{text} <{}>", arg.name).trim().to_owned(),
    }
    if arg.multiple {
        text = format!("{text} [{text} ...]");
    }
    let optional = arg.optional && arg.kind != ArgKind::Inline;
    *out += &if optional { format!(" [{text}]") } else { format!(" {text}") };
}

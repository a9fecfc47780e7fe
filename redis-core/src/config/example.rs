//! The commented example of a configuration file, made from the declarations.
//!
//! As in files of other daemons, `# ` begins a comment and `#` alone a setting that is switched off and shows its
//! default. So the file can be used as it is, and only what a user changes is fixed in it.

use super::cell::Cell;
use super::{Arity, Config, Directive, Flag, directive};

/// The width at which comments are wrapped.
const WIDTH: usize = 78;

/// The text of the example file.
pub fn example() -> String {
    let config = Config::new();
    let mut text = String::new();
    comment(
        &mut text,
        "An example of a configuration file. Every setting shows its default: remove the # to change it. A line is a \
         name and its value; words with blanks go into \"double\" or 'single' quotes. Amounts of memory may have a unit: \
         1k is 1000 bytes, 1kb is 1024, and so on with m, mb, g and gb.",
    );
    text.push('\n');
    comment(
        &mut text,
        "What is set here can be set by an environment variable too, such as REDIS_MAXMEMORY for maxmemory, and on \
         the command line, as in --maxmemory 100mb. The command line goes over the environment, and both over this file.",
    );
    text.push_str("\n# More files, in their places. Wildcards may be used.\n#include /path/to/other.conf\n");
    text.push_str("\n# Another name for a command, or \"\" to remove it.\n#rename-command FLUSHALL \"\"\n");
    let (live, inert): (Vec<_>, Vec<_>) =
        directive::all().filter(|known| !known.has(Flag::Hidden)).partition(|known| known.is_live());
    settings(&mut text, &config, &live);
    text.push('\n');
    comment(
        &mut text,
        "What follows has no effect yet. It is accepted so that files written for other servers can be used, and the log \
         says at the start what is missing.",
    );
    settings(&mut text, &config, &inert);
    text
}

fn settings(text: &mut String, config: &Config, directives: &[&Directive]) {
    let mut section = "";
    for directive in directives {
        if section != directive.section {
            section = directive.section;
            text.push_str(&format!("\n{}\n# {section}\n{}\n", "#".repeat(WIDTH), "#".repeat(WIDTH)));
        }
        setting(text, directive, (directive.cell)(config));
    }
}

fn setting(text: &mut String, directive: &Directive, cell: &dyn Cell) {
    text.push('\n');
    comment(text, &directive.doc.concat());
    comment(text, &format!("Value: {}.{}", cell.expects(), remarks(directive)));
    // Where the server is started is no default that would mean anything to a reader.
    let values = if directive.name == "dir" { vec![b"./".to_vec()] } else { cell.lines() };
    for value in values {
        let value = if value.is_empty() && cell.arity() == Arity::One {
            "\"\"".into()
        } else {
            String::from_utf8_lossy(&value)
        };
        text.push_str(&format!("#{} {value}\n", directive.name));
    }
}

fn remarks(directive: &Directive) -> String {
    let mut remarks = String::new();
    if directive.has(Flag::Immutable) {
        remarks.push_str(" It cannot be changed while the server runs.");
    }
    if directive.has(Flag::Protected) {
        remarks.push_str(" CONFIG SET changes it only if enable-protected-configs allows.");
    }
    if !directive.aliases.is_empty() {
        remarks.push_str(&format!(" Also called {}.", directive.aliases.join(", ")));
    }
    remarks
}

/// Wraps a paragraph.
fn comment(text: &mut String, paragraph: &str) {
    let mut line = String::from("#");
    for word in paragraph.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line.truncate(1);
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_says_what_is_set_anyway() {
        let text = example();
        let untouched = Config::load_file(text.as_bytes()).expect("comments only");
        assert_eq!(untouched.get(&[b"*"]), Config::new().get(&[b"*"]));

        let switched_on = text
            .lines()
            .filter_map(|line| line.strip_prefix('#'))
            .filter(|line| line.starts_with(|c: char| c.is_alphabetic()));
        let settings: Vec<_> = switched_on.filter(|line| !line.starts_with("include ")).collect();
        let config = Config::load_file(settings.join("\n").as_bytes()).expect("every setting is right");
        assert_eq!(config.get(&[b"*"]), Config::new().get(&[b"*"]));
        assert!(config.take_notes().is_empty());
        for directive in directive::all().filter(|known| !known.has(Flag::Hidden)) {
            assert!(settings.iter().any(|line| line.split(' ').next() == Some(directive.name)), "{}", directive.name);
        }
    }

    #[test]
    fn comments_are_complete_and_not_too_wide() {
        let text = example();
        assert!(text.contains(
            "# Connections beyond this number are refused.\n# Value: an integer from 1 to 4294967295.\n#maxclients 10000\n"
        ));
        assert!(text.lines().all(|line| line.len() <= 100), "{:?}", text.lines().find(|line| line.len() > 100));
    }
}

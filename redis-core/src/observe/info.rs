//! The text of `INFO`: which sections are wanted, and how they are written.
//!
//! What the sections say comes from those who know it, higher up. A provider asks for its section and gets a writer
//! if the client wants it, so nothing is computed in vain:
//!
//! ```ignore
//! if let Some(mut section) = info.section("CPU", Tier::Default) {
//!     section.field("used_cpu_sys", sys).field("used_cpu_user", user);
//! }
//! ```

use std::fmt::{Display, Write};

/// Which of the collective names of `INFO` a section answers to, besides its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// `INFO` without arguments, and `default`.
    Default,
    /// `all`: also what grows with the number of commands.
    All,
    /// `everything`: also what extensions contribute.
    Everything,
    /// None: must be named.
    Named,
}

/// The sections a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The widest collective name given.
    tier: Option<Tier>,
    names: Vec<String>,
}

impl Selection {
    /// From the arguments of `INFO`. Case does not matter, repetition and unknown names are harmless, no argument
    /// is `default`.
    pub fn parse<'a>(arguments: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut selection = Self { tier: None, names: Vec::new() };
        let mut any = false;
        for argument in arguments {
            any = true;
            let name = String::from_utf8_lossy(argument).to_ascii_lowercase();
            let tier = match name.as_str() {
                "default" => Tier::Default,
                "all" => Tier::All,
                "everything" => Tier::Everything,
                _ => {
                    selection.names.push(name);
                    continue;
                }
            };
            // An absent tier is less than any.
            selection.tier = selection.tier.max(Some(tier));
        }
        if !any {
            selection.tier = Some(Tier::Default);
        }
        selection
    }

    /// Whether a section is wanted.
    pub fn wants(&self, title: &str, tier: Tier) -> bool {
        let collectively = tier != Tier::Named && Some(tier) <= self.tier;
        collectively || self.names.iter().any(|n| n.eq_ignore_ascii_case(title))
    }
}

/// The text under construction. Sections stand in the order in which they are asked for.
#[derive(Debug)]
pub struct Info<'a> {
    selection: &'a Selection,
    text: String,
}

impl<'a> Info<'a> {
    /// An empty text for those sections.
    pub fn new(selection: &'a Selection) -> Self {
        Self { selection, text: String::new() }
    }

    /// Begins a section, if it is wanted. The name clients use for it is its title in any case.
    pub fn section(&mut self, title: &str, tier: Tier) -> Option<Section<'_>> {
        if !self.selection.wants(title, tier) {
            return None;
        }
        if !self.text.is_empty() {
            self.text.push_str("\r\n");
        }
        let mut section = Section(&mut self.text);
        section.line(format_args!("# {title}"));
        Some(section)
    }

    /// The text.
    pub fn finish(self) -> String {
        self.text
    }
}

/// Writes the fields of one section.
#[derive(Debug)]
pub struct Section<'a>(&'a mut String);

impl Section<'_> {
    /// Writes `name:value`. Line ends in the value become spaces: they would begin a field of their own.
    pub fn field(&mut self, name: impl Display, value: impl Display) -> &mut Self {
        let start = self.0.len();
        self.line(format_args!("{name}:{value}"));
        let end = self.0.len() - 2;
        if self.0[start..end].contains(['\r', '\n']) {
            let clean = self.0[start..end].replace(['\r', '\n'], " ");
            self.0.truncate(start);
            self.line(format_args!("{clean}"));
        }
        self
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail unless the value's Display does, and then the line is short.
        let _ = self.0.write_fmt(text);
        self.0.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server with a section of each tier.
    fn info(arguments: &[&str]) -> String {
        let selection = Selection::parse(arguments.iter().map(|a| a.as_bytes()));
        let mut info = Info::new(&selection);
        let sections = [
            ("Server", Tier::Default),
            ("Clients", Tier::Default),
            ("Commandstats", Tier::All),
            ("Extension", Tier::Everything),
            ("Debug", Tier::Named),
        ];
        for (title, tier) in sections {
            if let Some(mut section) = info.section(title, tier) {
                section.field("name", title).field("n", 1);
            }
        }
        info.finish()
    }

    fn titles(arguments: &[&str]) -> String {
        let text = info(arguments);
        let titles = text.lines().filter_map(|line| line.strip_prefix("# "));
        titles.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn layout() {
        assert_eq!(
            info(&["clients", "SERVER"]),
            "# Server\r\nname:Server\r\nn:1\r\n\r\n# Clients\r\nname:Clients\r\nn:1\r\n"
        );
        assert_eq!(info(&["nothing"]), "");
    }

    #[test]
    fn selection() {
        assert_eq!(titles(&[]), "Server Clients");
        assert_eq!(titles(&["Default"]), "Server Clients");
        assert_eq!(titles(&["default", "commandstats"]), "Server Clients Commandstats");
        assert_eq!(titles(&["ALL", "default"]), "Server Clients Commandstats");
        assert_eq!(titles(&["everything"]), "Server Clients Commandstats Extension");
        assert_eq!(titles(&["debug"]), "Debug");
        assert_eq!(titles(&["server", "nosuch", "server"]), "Server");
    }

    #[test]
    fn a_value_stays_on_its_line() {
        let selection = Selection::parse([]);
        let mut info = Info::new(&selection);
        if let Some(mut section) = info.section("Server", Tier::Default) {
            section.field("file", "a\r\nb:1").field("x", 2);
        }
        assert_eq!(info.finish(), "# Server\r\nfile:a  b:1\r\nx:2\r\n");
    }
}

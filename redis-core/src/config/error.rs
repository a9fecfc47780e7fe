//! What goes wrong between a user's configuration and a running server.

use std::fmt;
use std::path::PathBuf;

use super::directive;
use super::file::{quote, split_words};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where a setting was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of the configuration file.
    File {
        /// Counted from 1.
        line: usize,
        /// The file, if it was included by another one.
        included: Option<PathBuf>,
    },
    /// A line of what was piped into the server.
    Stdin {
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// The command line.
    CommandLine,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { line, included: None } => write!(f, "Reading the configuration file, at line {line}"),
            Self::File { line, included: Some(path) } => {
                write!(f, "Reading the configuration file, at line {line} of '{}'", path.display())
            }
            Self::Stdin { line } => write!(f, "Reading the configuration from standard input, at line {line}"),
            Self::Environment { variable } => write!(f, "Reading the environment variable {variable}"),
            Self::CommandLine => f.write_str("Reading the command line"),
        }
    }
}

/// Why a server cannot start with its configuration. Its text is for standard error, in the form that scripts know
/// from Redis; the exit code is 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A setting is not acceptable.
    #[error("\n*** FATAL CONFIG FILE ERROR (Version {VERSION}) ***\n{place}\n>>> '{line}'\n{reason}")]
    Line {
        /// Where it was written.
        place: Place,
        /// What was written, without passwords.
        line: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that was asked for cannot be read.
    #[error("Fatal error, can't open config file '{}': {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The words of the operating system.
        reason: String,
    },
    /// The command line asks for what there is not.
    #[error("{0}")]
    CommandLine(String),
}

impl ConfigError {
    /// A setting that is not acceptable.
    pub fn line(place: Place, line: &[u8], reason: impl Into<String>) -> Self {
        Self::Line { place, line: redacted(line), reason: reason.into() }
    }
}

/// A line as it may be shown to anybody who sees the log.
fn redacted(line: &[u8]) -> String {
    let shown = String::from_utf8_lossy(line).into_owned();
    let name = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    // A name in quotes, or in a line whose quotes do not match, is still a name.
    let name = split_words(name).and_then(|words| words.into_iter().next()).unwrap_or_else(|| name.to_vec());
    let secret = name.eq_ignore_ascii_case(b"user") || directive::find(&name).is_some_and(|found| found.is_secret);
    let says_something = line.trim_ascii().len() > name.len();
    if secret && says_something { format!("{} (redacted)", String::from_utf8_lossy(&name)) } else { shown }
}

/// Why CONFIG SET changed nothing. Its text is the reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// There is no such directive.
    #[error("ERR Unknown option or number of arguments for CONFIG SET - '{0}'")]
    Unknown(String),
    /// A value is not acceptable, or could not be applied.
    #[error("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")]
    Failed {
        /// The directive, as the client wrote it.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

impl SetError {
    pub(super) fn failed(name: &[u8], reason: impl Into<String>) -> Self {
        Self::Failed { name: String::from_utf8_lossy(name).into_owned(), reason: reason.into() }
    }
}

/// Why CONFIG REWRITE did not. Its text is the reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// There is nothing to rewrite.
    #[error("ERR The server is running without a config file")]
    NoFile,
    /// The file could not be written, or could not be understood any more.
    #[error("ERR Rewriting config file: {0}")]
    Failed(String),
}

/// Words as one line of a configuration file, for messages.
pub(super) fn join(words: &[&[u8]]) -> Vec<u8> {
    let (name, rest) = words.split_first().map_or((&b""[..], words), |(name, rest)| (*name, rest));
    let quoted = rest.iter().flat_map(|word| [b" ".to_vec(), quote(word)]);
    std::iter::once(name.to_vec()).chain(quoted).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_is_reported_as_redis_does() {
        let error = ConfigError::line(Place::File { line: 3, included: None }, b"portt 6379", "Bad directive");
        let text = error.to_string();
        assert!(text.starts_with("\n*** FATAL CONFIG FILE ERROR (Version "), "{text}");
        assert!(
            text.ends_with(") ***\nReading the configuration file, at line 3\n>>> 'portt 6379'\nBad directive"),
            "{text}"
        );
    }

    #[test]
    fn passwords_are_not_reported() {
        for line in
            ["requirepass a secret", "REQUIREPASS \"secret", "user default on >secret", "\"masterauth\" secret x"]
        {
            let text = ConfigError::line(Place::CommandLine, line.as_bytes(), "wrong").to_string();
            assert!(!text.contains("secret") && text.contains("(redacted)"), "{text}");
        }
    }
}

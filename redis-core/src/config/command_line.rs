//! The command line: `redis-server [file] [--directive value ...] [-]`.
//!
//! Options become lines of a configuration file, as in Redis, because that is what decides the odd cases: `--port=1` is a
//! directive of that name, `"--port 1"` as one argument is a setting, and `--dir --x` gives `--x` to `dir`.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::PathBuf;

use super::ConfigError;
use super::file::{path, quote, split_words};

/// All that a configuration is made of, later fields going over earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The configuration file.
    pub file: Option<PathBuf>,
    /// What was piped in.
    pub stdin: Option<Vec<u8>>,
    /// Environment variables, settings or not.
    pub environment: Vec<(OsString, OsString)>,
    /// The options of the command line, each as a line of a configuration file.
    pub options: Vec<Vec<u8>>,
}

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLine {
    /// To run.
    Run {
        /// The configuration file.
        file: Option<PathBuf>,
        /// Whether to read settings from standard input too.
        stdin: bool,
        /// The options, each as a line of a configuration file.
        options: Vec<Vec<u8>>,
    },
    /// `check-rdb file`
    CheckRdb(PathBuf),
    /// `check-aof [--fix] file`
    CheckAof {
        /// The file.
        file: PathBuf,
        /// `--fix`
        fix: bool,
    },
    /// `--version`, `-v`
    Version,
    /// `--help`, `-h`
    Help,
}

impl CommandLine {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    /// If they ask for something that this server does not do.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, ConfigError> {
        let arguments: Vec<Vec<u8>> = arguments.into_iter().map(OsString::into_encoded_bytes).collect();
        match arguments.first().map(Vec::as_slice) {
            Some(b"-v" | b"--version") => return Ok(Self::Version),
            Some(b"-h" | b"--help") => return Ok(Self::Help),
            Some(b"check-rdb") => {
                return match &arguments[1..] {
                    [file] => Ok(Self::CheckRdb(path(file))),
                    _ => Err(ConfigError::CommandLine("Usage: redis-server check-rdb <rdb-file-name>".to_owned())),
                };
            }
            Some(b"check-aof") => {
                return match &arguments[1..] {
                    [file] if !file.starts_with(b"--") => Ok(Self::CheckAof { file: path(file), fix: false }),
                    [fix, file] if fix == b"--fix" => Ok(Self::CheckAof { file: path(file), fix: true }),
                    _ => Err(ConfigError::CommandLine(
                        "Usage: redis-server check-aof [--fix] <file.manifest|file.aof>".to_owned(),
                    )),
                };
            }
            _ => {}
        }
        for unsupported in ["--sentinel", "--test-memory", "--check-system"] {
            if arguments.iter().any(|argument| argument.eq_ignore_ascii_case(unsupported.as_bytes())) {
                return Err(ConfigError::CommandLine(format!("{unsupported} is not supported by this server")));
            }
        }
        Ok(parse_run(&arguments))
    }
}

fn parse_run(arguments: &[Vec<u8>]) -> CommandLine {
    let file = arguments.first().filter(|first| !first.starts_with(b"-"));
    let mut stdin = false;
    let mut options: Vec<Vec<u8>> = Vec::new();
    // An option may follow: the last one has its value, or there is none yet.
    let mut complete = true;
    for (index, argument) in arguments.iter().enumerate().skip(usize::from(file.is_some())) {
        let last = index + 1 == arguments.len();
        if argument == b"-" && (index == 0 || last) {
            stdin = true;
        } else if complete && let Some(option) = argument.strip_prefix(b"--") {
            let followed = arguments.get(index + 1).is_some_and(|next| next.starts_with(b"--"));
            // `--save` is the one option that may lack its value, and then means no save points.
            let empty = option.eq_ignore_ascii_case(b"save") && (last || followed);
            options.push(if empty { b"save \"\"".to_vec() } else { option.to_vec() });
            // Not to split is to have unbalanced quotes, which is reported when the line is read.
            complete = empty || split_words(option).is_none_or(|words| words.len() != 1);
        } else {
            let word = quote(argument);
            match options.last_mut() {
                Some(line) => line.extend([b" ", &word[..]].concat()),
                // A value with no option before it is reported as the directive that it is not.
                None => options.push(word),
            }
            complete = true;
        }
    }
    CommandLine::Run { file: file.filter(|file| !file.is_empty()).map(|file| path(file)), stdin, options }
}

impl Sources {
    /// The sources of a process: what its command line says, its environment, and its standard input if asked for.
    ///
    /// # Errors
    /// If standard input cannot be read.
    pub fn of_process(file: Option<PathBuf>, stdin: bool, options: Vec<Vec<u8>>) -> Result<Self, ConfigError> {
        let mut text = Vec::new();
        if stdin {
            let unreadable = |error: io::Error| ConfigError::CommandLine(format!("Can't read standard input: {error}"));
            io::stdin().lock().read_to_end(&mut text).map_err(unreadable)?;
        }
        Ok(Self { file, stdin: stdin.then_some(text), environment: std::env::vars_os().collect(), options })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<CommandLine, ConfigError> {
        CommandLine::parse(arguments.iter().map(OsString::from))
    }

    /// The file, `-` if standard input is read, and the lines of the options.
    fn run(arguments: &[&str]) -> Vec<String> {
        let Ok(CommandLine::Run { file, stdin, options }) = parse(arguments) else {
            panic!("{arguments:?} do not run")
        };
        let file = file.map(|file| file.display().to_string());
        let options = options.into_iter().map(|line| String::from_utf8(line).expect("printable"));
        file.into_iter().chain(stdin.then(|| "-".to_owned())).chain(options).collect()
    }

    #[test]
    fn options_become_lines() {
        let cases: [(&[&str], &[&str]); 20] = [
            (&[], &[]),
            (&["c.conf"], &["c.conf"]),
            (&["", "--port", "1"], &["port \"1\""]),
            (&["-"], &["-"]),
            (&["c.conf", "-"], &["c.conf", "-"]),
            (&["--port", "1", "-"], &["-", "port \"1\""]),
            (&["--port", "1", "2"], &["port \"1\" \"2\""]),
            (&["--port", "1", "-", "x"], &["port \"1\" \"-\" \"x\""]),
            (&["c.conf", "--port", "1", "--loglevel", "debug"], &["c.conf", "port \"1\"", "loglevel \"debug\""]),
            (&["--port 1", "--hz", "9"], &["port 1", "hz \"9\""]),
            (&["--port=1"], &["port=1"]),
            (&["--port"], &["port"]),
            (&["-port", "1"], &["\"-port\" \"1\""]),
            (&["--dir", "--x"], &["dir \"--x\""]),
            (&["--save", ""], &["save \"\""]),
            (&["--save"], &["save \"\""]),
            (&["--save", "--hz", "9"], &["save \"\"", "hz \"9\""]),
            (&["--save", "3600", "1", "300", "100"], &["save \"3600\" \"1\" \"300\" \"100\""]),
            (&["--requirepass", "a \"b"], &["requirepass \"a \\\"b\""]),
            (&["--loglevel \"x"], &["loglevel \"x"]),
        ];
        for (arguments, expected) in cases {
            assert_eq!(run(arguments), expected, "{arguments:?}");
        }
    }

    #[test]
    fn help_and_version_come_first_or_not_at_all() {
        assert_eq!(parse(&["-v"]), Ok(CommandLine::Version));
        assert_eq!(parse(&["--help"]), Ok(CommandLine::Help));
        assert_eq!(run(&["--logfile", "--help"]), ["logfile \"--help\""]);
    }

    #[test]
    fn other_modes_are_refused() {
        let error = parse(&["c.conf", "--sentinel"]).expect_err("it is wrong");
        assert_eq!(error.to_string(), "--sentinel is not supported by this server");
    }
}

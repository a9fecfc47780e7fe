//! Transcripts: what a person at `redis-cli` typed and saw, as a test.
//!
//! ```text
//! # A comment. The first line of a file may say whose replies it has, if they are not those of Redis 7.0:
//! # `# valkey`, or `# redis 8` for commands that neither of the servers has that the tests compare with.
//! > SET k v EX abc WAT
//! ! ERR syntax error
//! > GET k
//! (nil)
//! 2> APPEND k x
//! (integer) 1
//! > PING
//! ...
//! ```
//!
//! A line with `>` is a request, quoted as for `redis-cli`; a digit before it names another connection, opened when it is
//! first named. The lines below it, up to an empty line, a comment or the next request, are the reply as `redis-cli`
//! prints it, an error with `! ` in front; `...` stands for any reply. A file begins with an empty server.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use redis_core::resp::{Value, split_args};
use redis_core::{Running, Session};

use crate::{Wire, workspace};

/// A file of requests and replies.
#[derive(Debug)]
pub struct Transcript {
    /// The file's name.
    pub name: String,
    /// Whose replies they are.
    pub origin: Origin,
    steps: Vec<Step>,
}

/// Whose replies a transcript has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Those of Redis 7.0.
    Redis,
    /// Those of Valkey 9.1, because Redis 7.0 lacks something in it.
    Valkey,
    /// Those that the documentation of Redis 8 has, of commands and options that both others lack.
    Redis8,
    /// Nobody's: those of commands that only this server has.
    Own,
}

#[derive(Debug)]
struct Step {
    line: usize,
    connection: u32,
    request: Vec<Vec<u8>>,
    expected: String,
}

/// One reply that is not the expected one, or one line that is no request.
#[derive(Debug)]
pub struct Failure {
    place: String,
    message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Whoever answers the requests of a transcript.
pub trait Dialogue {
    /// Runs a request on the numbered connection and reads `replies` replies.
    ///
    /// # Errors
    /// Why there are none.
    fn ask(&mut self, connection: u32, request: &[Vec<u8>], replies: usize) -> Result<Vec<Value>, String>;
}

impl Transcript {
    /// All that there are, sorted by name.
    ///
    /// # Panics
    /// If one cannot be read.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let files = std::fs::read_dir(workspace().join("tests/transcripts")).expect("the transcripts are here");
        let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
        files.sort();
        let parse = |file: &PathBuf| {
            let name = format!("tests/transcripts/{}", file.file_name().unwrap_or_default().display());
            let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{name}: {error}"));
            Transcript::parse(&name, &text).unwrap_or_else(|error| panic!("{error}"))
        };
        files.iter().map(parse).collect()
    }

    /// Reads the text of the file `name`.
    ///
    /// # Errors
    /// The first line that cannot be understood.
    pub fn parse(name: &str, text: &str) -> Result<Self, Failure> {
        let fail = |line: usize, message: &str| Failure { place: format!("{name}:{line}"), message: message.into() };
        let origin = match text.lines().next().map(str::trim) {
            Some("# valkey") => Origin::Valkey,
            Some("# redis 8") => Origin::Redis8,
            Some("# here only") => Origin::Own,
            _ => Origin::Redis,
        };
        let mut steps: Vec<Step> = Vec::new();
        let mut in_reply = false;
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                in_reply = false;
            } else if let Some((connection, request)) = request(line) {
                let request = split_args(request.as_bytes()).map_err(|_| fail(number, "unbalanced quotes"))?;
                if request.is_empty() {
                    return Err(fail(number, "a request without words"));
                }
                steps.push(Step { line: number, connection, request, expected: String::new() });
                in_reply = true;
            } else {
                let step = steps.last_mut().filter(|_| in_reply);
                let expected = &mut step.ok_or_else(|| fail(number, "a reply without a request"))?.expected;
                if !expected.is_empty() {
                    expected.push('\n');
                }
                expected.push_str(line);
            }
        }
        if let Some(step) = steps.iter().find(|step| step.expected.is_empty()) {
            return Err(fail(step.line, "a request without a reply"));
        }
        Ok(Self { name: name.into(), origin, steps })
    }

    /// How many requests there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Puts all requests to `other` and compares the replies.
    pub fn replay(&self, other: &mut dyn Dialogue) -> Vec<Failure> {
        let mut failures = Vec::new();
        for step in &self.steps {
            let got = match other.ask(step.connection, &step.request, reply_count(&step.request)) {
                Ok(values) => values.iter().map(print).collect::<Vec<_>>().join("\n"),
                Err(error) => format!("(no reply: {error})"),
            };
            if got != step.expected && step.expected != "..." {
                let request = step.request.iter().map(|word| word.escape_ascii().to_string()).collect::<Vec<_>>();
                let message = format!("{}\nexpected:\n{}\ngot:\n{got}\n", request.join(" "), step.expected);
                failures.push(Failure { place: format!("{}:{}", self.name, step.line), message });
            }
        }
        failures
    }
}

/// The connection's number and the request of a line that is one.
fn request(line: &str) -> Option<(u32, &str)> {
    let (connection, request) = line.split_once("> ")?;
    match connection {
        "" => Some((1, request)),
        _ if connection.len() == 1 => Some((connection.parse().ok()?, request)),
        _ => None,
    }
}

fn print(value: &Value) -> String {
    let text = match value {
        Value::Error(text) => format!("! {}", String::from_utf8_lossy(text)),
        value => value.to_string(),
    };
    // Editors and people lose blanks at the ends of lines, so none count, nor do empty lines, which end a reply.
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// How many replies a request has: those that subscribe answer once for every channel.
fn reply_count(request: &[Vec<u8>]) -> usize {
    let name = request[0].to_ascii_lowercase();
    match name.as_slice() {
        b"subscribe" | b"psubscribe" | b"ssubscribe" | b"unsubscribe" | b"punsubscribe" | b"sunsubscribe" => {
            (request.len() - 1).max(1)
        }
        _ => 1,
    }
}

/// A server of this process, asked without a socket.
#[derive(Debug)]
pub struct InProcess<'r> {
    running: &'r Running,
    sessions: BTreeMap<u32, Session<'r>>,
}

impl<'r> InProcess<'r> {
    /// No connection yet.
    #[must_use]
    pub fn new(running: &'r Running) -> Self {
        Self { running, sessions: BTreeMap::new() }
    }
}

impl Dialogue for InProcess<'_> {
    fn ask(&mut self, connection: u32, request: &[Vec<u8>], _replies: usize) -> Result<Vec<Value>, String> {
        let session = self.sessions.entry(connection).or_insert_with(|| self.running.session());
        Value::parse_all(&session.run_raw(request)).map_err(|error| error.to_string())
    }
}

/// Any server, asked over TCP.
#[derive(Debug)]
pub struct OverTcp {
    address: SocketAddr,
    connections: BTreeMap<u32, Wire>,
}

impl OverTcp {
    /// No connection yet.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, connections: BTreeMap::new() }
    }

    fn wire(&mut self, connection: u32) -> std::io::Result<&mut Wire> {
        Ok(match self.connections.entry(connection) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Wire::connect(self.address)?),
        })
    }
}

impl Dialogue for OverTcp {
    fn ask(&mut self, connection: u32, request: &[Vec<u8>], replies: usize) -> Result<Vec<Value>, String> {
        let mut ask = || {
            let wire = self.wire(connection)?;
            wire.send(request)?;
            (0..replies).map(|_| wire.receive()).collect::<std::io::Result<_>>()
        };
        ask().map_err(|error| error.to_string())
    }
}

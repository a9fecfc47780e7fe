//! A client that is asked in words: requests as they are typed, and the numbers that servers tell of themselves.

use redis_core::resp::Value;

use crate::{Process, Wire};

/// A connection to a server process.
#[derive(Debug)]
pub struct Client {
    /// For what is not one request and one reply.
    pub wire: Wire,
}

impl Client {
    /// Connects.
    ///
    /// # Panics
    /// If the server does not answer.
    #[must_use]
    pub fn of(server: &Process) -> Self {
        Self { wire: Wire::connect(server.address).expect("the server answers") }
    }

    /// The reply to a request, whose words have a space between them.
    ///
    /// # Panics
    /// If the connection is closed.
    pub fn ask(&mut self, request: &str) -> Value {
        self.wire.run(&request.split(' ').collect::<Vec<_>>()).expect("the server answers")
    }

    /// The same, which is no error.
    ///
    /// # Panics
    /// If it is one.
    pub fn ok(&mut self, request: &str) -> Value {
        let reply = self.ask(request);
        assert!(!matches!(reply, Value::Error(_)), "{request}: {reply}");
        reply
    }

    /// Sends all the requests, a thousand at a time.
    ///
    /// # Panics
    /// If one of them fails.
    pub fn all(&mut self, requests: impl Iterator<Item = String>) {
        let requests: Vec<_> = requests.collect();
        for some in requests.chunks(1000) {
            for request in some {
                self.wire.send(&request.split(' ').collect::<Vec<_>>()).expect("the server reads");
            }
            for request in some {
                let reply = self.wire.receive().expect("the server answers");
                assert!(!matches!(reply, Value::Error(_)), "{request}: {reply}");
            }
        }
    }

    /// The same as [`Client::ok`], which is a number.
    ///
    /// # Panics
    /// If it is none.
    pub fn number(&mut self, request: &str) -> i64 {
        match self.ok(request) {
            Value::Integer(number) => number,
            other => panic!("{request}: {other} is no number"),
        }
    }

    /// A number that INFO tells.
    ///
    /// # Panics
    /// If it tells none of that name.
    pub fn info(&mut self, section: &str, field: &str) -> i64 {
        let Value::Bulk(text) = self.ok(&format!("INFO {section}")) else { panic!("INFO is text") };
        let text = String::from_utf8_lossy(&text).into_owned();
        let number = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')?.parse().ok());
        number.unwrap_or_else(|| panic!("INFO {section} tells no {field}"))
    }
}

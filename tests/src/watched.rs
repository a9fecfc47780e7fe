//! A server in the test's own process that is seen from behind: what its followers are told, and what its subscribers hear.

use std::cell::RefCell;

use redis_core::Running;
use redis_core::prelude::*;
use redis_core::resp::Value;

use crate::{Effects, Wire, wait_for};

/// A server whose followers and subscribers are written down.
#[derive(Debug)]
pub struct Watched {
    /// The server.
    pub running: Running,
    effects: RefCell<Effects>,
    subscriber: Wire,
}

impl Watched {
    /// With the expiry cycle switched off: only commands find what has expired.
    #[must_use]
    pub fn without_cycle() -> Self {
        let watched = Self::new();
        watched.run("DEBUG SET-ACTIVE-EXPIRE 0");
        watched
    }

    /// One that tells all events and lets DEBUG in.
    #[must_use]
    pub fn new() -> Self {
        let directives = [("port", "0"), ("enable-debug-command", "yes"), ("notify-keyspace-events", "EA")];
        let builder =
            directives.iter().fold(Server::builder(), |builder, (name, value)| builder.directive(name, value));
        let running = builder.start().expect("the server answers");
        let effects = RefCell::new(Effects::follow(running.server()));
        let mut subscriber = Wire::connect(running.address().expect("the server answers")).expect("the server answers");
        subscriber.send(&["PSUBSCRIBE", "__keyevent@0__:*"]).expect("the server answers");
        subscriber.receive().expect("the server answers");
        Self { running, effects, subscriber }
    }

    /// Runs a request whose arguments have no spaces, and that succeeds.
    pub fn run(&self, request: &str) -> Value {
        let reply = self.running.run(&request.split(' ').collect::<Vec<_>>());
        assert!(!matches!(reply, Value::Error(_)), "{request}: {reply}");
        reply
    }

    /// Waits until all deadlines are over that lie no more than a millisecond ahead, without a look at a key.
    pub fn let_time_pass(&self) {
        let now = || match self.run("TIME") {
            Value::Array(parts) => text(&parts[0]).parse::<u64>().ok().zip(text(&parts[1]).parse::<u64>().ok()),
            _ => None,
        };
        let begun = now().map(|(seconds, micros)| seconds * 1_000_000 + micros).expect("TIME is two numbers");
        let passed = || now().is_some_and(|(seconds, micros)| seconds * 1_000_000 + micros > begun + 5_000);
        wait_for(|| passed().then_some(())).expect("time passes");
    }

    /// The effects since the last time they were asked for.
    pub fn effects(&self) -> Vec<String> {
        let effects = self.effects.borrow_mut().take();
        let plain = effects.iter().map(|effect| effect["0: ".len()..].to_owned());
        plain.filter(|effect| !effect.starts_with("SET end-of-events")).collect()
    }

    /// The events up to now, since the last time they were asked for.
    pub fn events(&mut self) -> Vec<String> {
        self.run("SET end-of-events x");
        let mut events = Vec::new();
        loop {
            let Value::Array(message) = self.subscriber.receive().expect("the server answers") else {
                panic!("no message")
            };
            let [.., channel, key] = message.as_slice() else { panic!("no message: {message:?}") };
            let (channel, key) = (text(channel), text(key));
            if key == "end-of-events" {
                return events;
            }
            events.push(channel.split(':').next_back().unwrap_or_default().to_owned());
        }
    }

    /// Runs a request and compares what it is to those who look.
    #[track_caller]
    pub fn check(&mut self, request: &str, effects: &[&str], events: &[&str]) {
        self.run(request);
        assert_eq!(self.effects(), effects, "effects of {request}");
        assert_eq!(self.events(), events, "events of {request}");
    }

    /// A figure of INFO.
    ///
    /// # Panics
    /// If there is no such number.
    #[must_use]
    pub fn figure(&self, section: &str, name: &str) -> u64 {
        let info = text(&self.run(&format!("INFO {section}")));
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|number| number.trim().parse().ok()).expect("a figure of that name")
    }
}

impl Default for Watched {
    fn default() -> Self {
        Self::new()
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => other.to_string(),
    }
}

//! Clients that wait: a server, connections to it whose waiting can be seen, and the effects that it logs.
//!
//! Nothing here sleeps for a fixed time: each step polls for what it waits for, such as the number of blocked clients, and
//! gives up only after [`PATIENCE`].

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use redis_core::prelude::*;
use redis_core::resp::{Value, write_command};
use redis_core::{Running, Session};

use crate::{Effects, Wire};

/// Far beyond what anything here takes, because the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A server whose clients wait.
#[derive(Debug)]
pub struct Fixture {
    /// The server.
    pub running: Running,
}

impl Fixture {
    /// One with a single thread, which serves in a known order.
    #[must_use]
    pub fn start() -> Self {
        Self::with("io-threads", "1")
    }

    /// One with this directive.
    #[must_use]
    pub fn with(directive: &str, value: &str) -> Self {
        let running = Server::builder().directive("port", "0").directive(directive, value).start();
        Fixture { running: running.expect("a free port can be had") }
    }

    /// A connection over TCP.
    #[must_use]
    pub fn client(&self) -> Connection {
        let address = self.running.address().expect("it listens");
        Connection { wire: Wire::connect(address).expect("it accepts") }
    }

    /// A connection that has sent a request and waits. The one before it waits already, so their order is known.
    #[must_use]
    pub fn blocked(&self, request: &str) -> Connection {
        let (mut client, before) = (self.client(), self.blocked_clients());
        client.send(request);
        self.until_blocked(before + 1);
        client
    }

    /// How many clients wait.
    #[must_use]
    pub fn blocked_clients(&self) -> usize {
        self.running.server().clients.blocked.load(Relaxed)
    }

    /// Waits until so many clients are blocked.
    pub fn until_blocked(&self, clients: usize) {
        poll(&format!("{clients} blocked clients"), || self.blocked_clients() == clients);
    }

    /// Notes all effects from now on.
    #[must_use]
    pub fn effects(&self) -> Effects {
        Effects::follow(self.running.server())
    }
}

/// Waits until something is so.
///
/// # Panics
/// If it takes longer than [`PATIENCE`].
pub fn poll(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "gave up waiting for {what}");
        std::thread::yield_now();
    }
}

/// A connection that speaks in requests as one types them, without quotes.
#[derive(Debug)]
pub struct Connection {
    /// The connection itself.
    pub wire: Wire,
}

fn words(request: &str) -> Vec<&[u8]> {
    request.split(' ').map(str::as_bytes).collect()
}

impl Connection {
    /// Sends a request.
    pub fn send(&mut self, request: &str) {
        self.wire.send(&words(request)).expect("the server reads");
    }

    /// Sends requests in one piece.
    pub fn send_all(&mut self, requests: &[&str]) {
        let bytes: Vec<u8> = requests.iter().flat_map(|request| write_command(&words(request))).collect();
        self.wire.send_raw(&bytes).expect("the server reads");
    }

    /// The next reply, as `redis-cli` prints it, on one line.
    pub fn reply(&mut self) -> String {
        shown(&self.wire.receive().expect("the server replies"))
    }

    /// Sends a request and answers its reply.
    pub fn run(&mut self, request: &str) -> String {
        self.send(request);
        self.reply()
    }

    /// Runs a transaction and answers what EXEC does.
    pub fn transaction(&mut self, requests: &[&str]) -> String {
        assert_eq!(self.run("MULTI"), "OK");
        for request in requests {
            assert_eq!(self.run(request), "QUEUED");
        }
        self.run("EXEC")
    }
}

/// A value as `redis-cli` prints it, on one line.
#[must_use]
pub fn shown(value: &Value) -> String {
    value.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Runs a request without a socket.
pub fn run(session: &mut Session<'_>, request: &str) -> String {
    shown(&session.run(&words(request)))
}

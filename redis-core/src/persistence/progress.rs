//! How far loading has come, as the log tells it.

use std::time::{Duration, Instant};

use crate::server::Server;

/// How often the log says how far it is.
const REPORT: Duration = Duration::from_secs(2);

/// Says how far it is, now and then.
#[derive(Debug)]
pub(super) struct Progress {
    next: Instant,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { next: Instant::now() + REPORT }
    }

    pub(super) fn report(&mut self, server: &Server) {
        if Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + REPORT;
        let status = &server.loading;
        let percent = status.percent();
        match status.seconds_left() {
            Some(seconds) => tracing::info!("Loading DB in memory: {percent:.0}%, {seconds} seconds left"),
            None => tracing::info!("Loading DB in memory: {percent:.0}%"),
        }
    }
}

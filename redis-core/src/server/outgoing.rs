//! Connections to other servers that were opened for a command, and are kept for a while in case another needs them.

use std::collections::HashMap;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long a connection is kept that nobody uses.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// How many are kept.
const MOST: usize = 64;

/// A connection that is kept.
#[derive(Debug)]
pub struct Spare {
    /// The connection. It does not block.
    pub stream: TcpStream,
    /// The database that is selected there.
    pub database: i64,
}

/// The connections that are kept, one for each route: an address, with whatever else was used to get there, such as a password.
#[derive(Default)]
pub struct Outgoing(Mutex<HashMap<Vec<u8>, (Spare, Instant)>>);

impl Outgoing {
    /// Takes the connection by a route, if there is one.
    pub fn take(&self, route: &[u8]) -> Option<Spare> {
        self.0.lock().remove(route).map(|(spare, _)| spare)
    }

    /// Keeps a connection in place of any other by that route, unless there are too many.
    pub fn keep(&self, route: Vec<u8>, spare: Spare) {
        let mut kept = self.0.lock();
        if kept.len() < MOST || kept.contains_key(&route) {
            kept.insert(route, (spare, Instant::now()));
        }
    }

    /// Closes what has not been used for a while.
    pub fn close_unused(&self) {
        self.0.lock().retain(|_, (_, since)| since.elapsed() < KEPT_FOR);
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn one_is_kept_for_each_route_and_not_for_ever() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let spare = |database| {
            let stream = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
            Spare { stream, database }
        };
        let outgoing = Outgoing::default();
        outgoing.keep("a".into(), spare(1));
        outgoing.keep("a".into(), spare(2));
        assert_eq!(outgoing.len(), 1);
        assert_eq!(outgoing.take(b"a").map(|spare| spare.database), Some(2));
        assert!(outgoing.take(b"a").is_none());
        for i in 0..MOST + 5 {
            outgoing.keep(i.to_string().into(), spare(0));
        }
        assert_eq!(outgoing.len(), MOST);
        outgoing.close_unused();
        assert_eq!(outgoing.len(), MOST);
        outgoing.0.lock().values_mut().for_each(|(_, since)| *since -= KEPT_FOR);
        outgoing.close_unused();
        assert!(outgoing.is_empty());
    }
}

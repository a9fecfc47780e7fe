//! MONITOR: telling connections what all connections do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::RwLock;

use super::clients::ClientShared;
use crate::args::Args;
use crate::pubsub::{AtomicLimits, OutputLimits};

/// The connections that run MONITOR.
#[derive(Debug, Default)]
pub struct Monitors {
    count: AtomicUsize,
    list: RwLock<Vec<Arc<ClientShared>>>,
    limits: AtomicLimits,
}

impl Monitors {
    /// Sets how much may wait for one of them before it is asked to close.
    pub fn set_output_limits(&self, limits: OutputLimits) {
        self.limits.set(limits);
    }

    /// How much may wait for one of them, or for any other connection that is no subscriber.
    #[must_use]
    pub fn output_limits(&self) -> OutputLimits {
        self.limits.get()
    }

    /// Adds a connection.
    pub fn add(&self, client: &Arc<ClientShared>) {
        let mut list = self.list.write();
        if !list.iter().any(|other| other.id == client.id) {
            list.push(client.clone());
        }
        self.count.store(list.len(), Ordering::Release);
    }

    /// Removes a connection.
    pub fn remove(&self, id: u64) {
        if self.is_empty() {
            return;
        }
        let mut list = self.list.write();
        list.retain(|client| client.id != id);
        self.count.store(list.len(), Ordering::Release);
    }

    /// Whether nobody listens.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Tells all of them about a command.
    pub fn feed(&self, micros: u64, database: usize, from: &ClientShared, args: Args<'_>) {
        let mut line = format!("+{}.{:06} [{database} ", micros / 1_000_000, micros % 1_000_000).into_bytes();
        let address = if from.is.unix.load(Ordering::Relaxed) {
            format!("unix:{}", from.origin.local_address.trim_end_matches(":0"))
        } else {
            from.origin.address.clone()
        };
        line.extend_from_slice(address.as_bytes());
        line.push(b']');
        for arg in args.iter() {
            line.extend_from_slice(b" ");
            quote(arg, &mut line);
        }
        line.extend_from_slice(b"\r\n");
        let (line, limits) = (Bytes::from(line), self.limits.get());
        for client in self.list.read().iter() {
            client.mailbox.push_within(&line, limits);
        }
    }
}

/// Text in double quotes, with everything that is not printable escaped.
pub fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(*byte),
            _ => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}

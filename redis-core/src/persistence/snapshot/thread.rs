//! The thread that takes a snapshot.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::{Done, OpenSink, SnapshotError};
use crate::db::snapshot::{Portion, Slice, Sweeper};
use crate::rdb::Writer;
use crate::server::{End, Purpose, Server, Ticket};

/// What the thread needs.
pub(super) struct Work {
    pub(super) server: Arc<Server>,
    pub(super) ticket: Ticket,
    pub(super) purpose: Purpose,
    pub(super) sweeper: Sweeper,
    pub(super) compress: bool,
    pub(super) destination: String,
    pub(super) open: OpenSink,
    pub(super) done: Done,
}

impl Work {
    /// Takes the snapshot and tells everybody how it went.
    pub(super) fn run(self) {
        let Work { server, ticket, purpose, mut sweeper, compress, destination, open, done } = self;
        let result = take(&server, &ticket, &mut sweeper, compress, open);
        let result = result.map_err(|end| match end {
            None => SnapshotError::Cancelled,
            Some(source) => SnapshotError::Sink { destination, source },
        });
        drop(sweeper);
        let (before, after) = if purpose == Purpose::Rewrite { (Some(done), None) } else { (None, Some(done)) };
        before.into_iter().for_each(|done| done(&result));
        let end = server.snapshots.end(&ticket, result.is_ok(), |changes| server.changes.saved(changes));
        if purpose == Purpose::Save {
            report(end, &result);
        }
        after.into_iter().for_each(|done| done(&result));
    }
}

fn report(end: End, result: &Result<(), SnapshotError>) {
    match (end, result) {
        (End::Cancelled, _) => tracing::warn!("Background saving was called off"),
        (_, Ok(())) => {
            tracing::info!("DB saved on disk");
            tracing::info!("Background saving terminated with success");
        }
        (_, Err(error)) => {
            tracing::warn!("Write error while saving DB to the disk: {error}");
            tracing::warn!("Background saving error");
        }
    }
}

/// Writes all keys. The error is none if the snapshot was called off.
fn take(
    server: &Server,
    ticket: &Ticket,
    sweeper: &mut Sweeper,
    compress: bool,
    open: OpenSink,
) -> Result<(), Option<io::Error>> {
    let mut sink = open()?;
    let (mut portion, mut scratch) = (Portion::new(compress), Writer::new(compress));
    let mut selected = None;
    loop {
        if server.snapshots.is_cancelled(ticket) {
            return Err(None);
        }
        let delay = server.config.rdb_key_save_delay.get();
        let slice = if delay > 0 { Slice::LEAST } else { Slice::SHORT };
        if !sweeper.next(&mut portion, slice) {
            break;
        }
        if portion.is_empty() {
            continue;
        }
        portion.finish(&mut scratch, |database, records| {
            if selected.replace(database) != Some(database) {
                let (keys, expiring) = sweeper.sizes()[database];
                sink.database(database, keys, expiring)?;
            }
            sink.records(records)
        })?;
        server.snapshots.keys_done.fetch_add(portion.keys(), Relaxed);
        if delay > 0 {
            let micros = portion.keys().saturating_mul(delay.unsigned_abs());
            server.snapshots.rest(ticket, Duration::from_micros(micros));
        }
    }
    if server.snapshots.is_cancelled(ticket) {
        return Err(None);
    }
    sink.finish()?;
    Ok(())
}

//! Snapshots that nobody asks for each time: save points, and those that had to wait.

use super::start_saving;
use crate::command::Worker;

/// Begins a snapshot if it is time for one. To be called several times a second.
pub fn tick(worker: &mut Worker, now_millis: u64) {
    let server = worker.runner.server.clone();
    let snapshots = &server.snapshots;
    let now = now_millis / 1000;
    if server.loading.is_active() || snapshots.current().is_some() {
        return;
    }
    let mut wanted = snapshots.is_due(now);
    if !wanted && snapshots.may_retry(now) {
        let (dirty, last_save) = (server.changes.dirty(), snapshots.report().last_save);
        let points = server.config.save.get();
        let passed =
            points.iter().find(|point| dirty >= point.changes && now.saturating_sub(last_save) > point.seconds);
        if let Some(point) = passed {
            tracing::info!("{} changes in {} seconds. Saving...", point.changes, point.seconds);
            wanted = true;
        }
    }
    if wanted {
        worker.keyspace.lock_all();
        if let Err(error) = start_saving(&server, &mut worker.keyspace) {
            tracing::warn!("Can't save in background: {error}");
        }
        worker.end();
    }
}

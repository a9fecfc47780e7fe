//! Snapshots that nobody asks for each time: save points, those that had to wait, and backups.

use std::sync::Arc;

use super::{Order, start, start_saving};
use crate::command::Worker;
use crate::server::{Backup, Purpose, Server};

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
    } else if let Some(backup) = snapshots.next_backup() {
        worker.keyspace.lock_all();
        start_backup(&server, worker, backup);
        worker.end();
    }
}

/// Begins a backup, or tells why not. All locks are held.
fn start_backup(server: &Arc<Server>, worker: &mut Worker, Backup { path, done }: Backup) {
    let temporary = format!("temp-backup-{}.rdb", std::process::id());
    let shown = path.display().to_string();
    let order = Order::file(server, Purpose::Backup, &path, temporary, false);
    let order = order.done(move |result| {
        done(match result {
            Ok(()) => Ok(()),
            Err(error) => Err(error.to_string()),
        });
    });
    match start(server, &mut worker.keyspace, order) {
        Ok(()) => tracing::info!("Backup to {shown} started"),
        // With the order, whoever waits for it is told that nothing will come.
        Err(error) => tracing::warn!("Can't begin the backup to {shown}: {error}"),
    }
}

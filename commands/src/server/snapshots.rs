//! SAVE, BGSAVE, LASTSAVE, BACKUP: the data in a file.

use redis_core::persistence::snapshot::{self, StartError};
use redis_core::prelude::*;
use redis_core::server::{Backup, Purpose};
use tokio::sync::oneshot;

use super::FAMILY;

/// Synchronously saves the database(s) to disk.
#[command(
    since = "1.0.0",
    complexity = "O(N) where N is the total number of keys in all databases",
    flags(ADMIN, NOSCRIPT, NO_ASYNC_LOADING, NO_MULTI),
    access = all
)]
fn save(call: &mut Call) -> Result<Okay> {
    let (server, keyspace) = (&call.worker.server, &mut *call.keyspace);
    if server.snapshots.current().is_some_and(|current| current.purpose == Purpose::Save) {
        return Err(IN_PROGRESS);
    }
    // What went wrong is in the log.
    snapshot::save_at_once(server, keyspace).map_err(|_| Error::new("ERR"))?;
    Ok(Okay)
}

const IN_PROGRESS: Error = Error::new("ERR Background save already in progress");

/// What BGSAVE is to do besides beginning at once.
#[derive(Clone, Copy, Options)]
enum Operation {
    /// If something else is being written, begin when it is done.
    #[arg(since = "3.2.2")]
    Schedule,
    /// Call off what is in progress or scheduled.
    #[arg(since = "8.1.0")]
    Cancel,
}

/// Asynchronously saves the database(s) to disk.
#[command(
    since = "1.0.0",
    complexity = "O(1)",
    flags(ADMIN, NOSCRIPT, NO_ASYNC_LOADING),
    history("3.2.2" = "Added the `SCHEDULE` option.", "8.1.0" = "Added the `CANCEL` option."),
    access = all
)]
fn bgsave(call: &mut Call, operation: Option<Operation>) -> Result<Simple> {
    let Call { keyspace, client, worker, .. } = call;
    let server = &worker.server;
    let snapshots = &server.snapshots;
    let current = snapshots.current().map(|current| current.purpose);
    if matches!(operation, Some(Operation::Cancel)) {
        if current == Some(Purpose::Save) {
            tracing::info!("Background saving will be aborted due to user request");
            snapshot::cancel_saving(server, keyspace);
            return Ok(Simple("Background saving cancelled"));
        }
        if snapshots.unschedule() {
            tracing::info!("Scheduled background saving will be cancelled due to user request");
            return Ok(Simple("Scheduled background saving cancelled"));
        }
        return Err(Error::new("ERR Background saving is currently not in progress or scheduled"));
    }
    let may_wait = matches!(operation, Some(Operation::Schedule));
    match current {
        Some(Purpose::Save) => Err(IN_PROGRESS),
        // The state within a transaction is nobody's.
        _ if client.in_exec || (current.is_some() && may_wait) => {
            snapshots.schedule();
            Ok(Simple("Background saving scheduled"))
        }
        None => match snapshot::start_saving(server, keyspace) {
            Ok(()) => Ok(Simple("Background saving started")),
            Err(StartError::Busy) => Err(OTHER_IN_PROGRESS),
            Err(error) => {
                tracing::warn!("Can't save in background: {error}");
                Err(Error::new("ERR"))
            }
        },
        Some(Purpose::Backup | Purpose::Rewrite) => Err(OTHER_IN_PROGRESS),
    }
}

const OTHER_IN_PROGRESS: Error = Error::new(
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a \
     BGSAVE whenever possible.",
);

/// Returns the Unix timestamp of the last successful save to disk.
#[command(
    since = "1.0.0",
    complexity = "O(1)",
    flags(LOADING, STALE, FAST),
    acl(ADMIN, DANGEROUS),
    tips(NONDETERMINISTIC_OUTPUT)
)]
fn lastsave(server: &Server) -> u64 {
    server.snapshots.report().last_save
}

/// The longest name of a file that every file system takes, with room for what backup programs append.
const NAME_MAX: usize = 200;

/// Writes the data of this moment to a file of its own and answers when it is safely on the disk.
///
/// Clients are served meanwhile. The file is made in the server's directory, and none is ever overwritten: a client
/// that may call this command can fill the disk, but change nothing.
#[command(
    since = "0.1.0",
    complexity = "O(N) where N is the total number of keys in all databases",
    flags(ADMIN, NOSCRIPT)
)]
async fn backup(caller: Caller, filename: String) -> Result<Okay> {
    if filename.is_empty() || filename.len() > NAME_MAX || filename.starts_with('.') || filename.contains(['/', '\0']) {
        return Err(Error::new("ERR a backup needs the plain name of a file, which is made in the server's directory"));
    }
    let server = caller.server();
    let path = server.config.dir.get().join(&filename);
    if path.symlink_metadata().is_ok() {
        return Err(Error::quoting(&[b"ERR there is a file ", filename.as_bytes(), b" already"]));
    }
    let (sender, receiver) = oneshot::channel();
    // Whoever asked may have gone.
    let done = Box::new(move |result| drop(sender.send(result)));
    server.snapshots.request_backup(Backup { path: path.clone(), done });
    match receiver.await {
        Ok(Ok(())) => Ok(Okay),
        Ok(Err(reason)) => {
            tracing::warn!("Backup to {} failed: {reason}", path.display());
            Err(Error::from(format!("ERR the backup failed: {reason}")))
        }
        Err(_) => Err(Error::new("ERR the backup was called off")),
    }
}

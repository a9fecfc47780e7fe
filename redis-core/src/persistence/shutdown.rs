//! The last save, and the end.

use super::rdb::SaveError;
use super::snapshot;
use crate::config::ShutdownOptions;
use crate::db::Keyspace;
use crate::server::Server;

/// Does what must be done before a server stops, and asks it to. The caller holds no locks. When this returns, nothing
/// changes any more: commands that come later are not run.
///
/// # Errors
/// If the data cannot be saved. The server goes on then, unless it is to be forced.
pub fn shutdown(server: &Server, options: ShutdownOptions) -> Result<(), SaveError> {
    tracing::warn!("User requested shutdown...");
    let mut keyspace = Keyspace::new(server.store.clone(), server.settings());
    // A snapshot that is being taken would take the place of the last one. Nobody can begin one under the locks; but the
    // thread that takes one may need them to come to its end.
    loop {
        snapshot::stop(server);
        keyspace.lock_all();
        if server.snapshots.current().is_none() {
            break;
        }
        keyspace.unlock();
    }
    let wanted = options.save || !options.nosave && !server.config.save.get().is_empty();
    // Half a data set would take the place of the whole one.
    if wanted && !server.loading.is_active() {
        tracing::info!("Saving the final RDB snapshot before exiting.");
        match snapshot::save_at_once(server, &keyspace) {
            Ok(()) => {}
            Err(error) if options.force => {
                tracing::warn!("Error trying to save the DB, but proceeding with the shutdown: {error}");
            }
            Err(error) => {
                tracing::warn!("Error trying to save the DB, can't exit: {error}");
                return Err(error);
            }
        }
    }
    // Before anybody gets the locks: what is acknowledged from here on would not have been saved.
    server.lifecycle.request_stop();
    Ok(())
}

//! The number of files that the process may have open, each connection being one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// Files that are no connections of clients: listening sockets, the log, what the runtime needs.
const OTHERS: u64 = 32;

/// Raises the limit of the process so far that `maxclients` can be reached, and lowers `maxclients` if that is refused.
/// For a program that is a server; a program that contains one has a limit of its own.
pub(crate) fn make_room_for_clients(config: &Config) {
    let wanted = config.maxclients.get().unsigned_abs() + OTHERS;
    let limit = getrlimit(Resource::Nofile);
    // No limit at all is `None`.
    let Some(current) = limit.current.filter(|current| *current < wanted) else { return };
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum.map(|maximum| maximum.max(wanted)) };
    let highest = limit.maximum.unwrap_or(wanted).min(wanted);
    let allowed = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => return,
        // What needs no privilege is at least had.
        Err(_) => match setrlimit(Resource::Nofile, Rlimit { current: Some(highest), ..limit }) {
            Ok(()) => highest,
            Err(_) => current,
        },
    };
    if allowed < wanted {
        let clients = allowed.saturating_sub(OTHERS).max(1);
        tracing::warn!(
            "maxclients {} needs {wanted} open files, but the limit of this process is {allowed} and cannot be raised: \
             maxclients is {clients} now. To serve more, raise the limit ('ulimit -n').",
            config.maxclients.get()
        );
        if let Err(error) = config.apply("maxclients", &clients.to_string()) {
            tracing::warn!("maxclients cannot be lowered: {error}");
        }
    }
}

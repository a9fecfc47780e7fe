//! What signals ask of the process: to save its data and end.
//!
//! They are waited for by a thread of its own. The last save keeps all others waiting for the locks, and somebody who does
//! not want to wait must be heard.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::ShutdownOptions;
use crate::persistence;
use crate::server::Server;

/// How long a shutdown sleeps that is put off (DEBUG PAUSE-CRON).
const PUT_OFF: Duration = Duration::from_millis(10);

/// Listens for signals until the server stops. `abandon` is called when somebody insists on the end of the process.
///
/// # Errors
/// If there can be no thread, or signals cannot be listened to.
pub(crate) fn listen(server: &Arc<Server>, abandon: impl Fn() + Send + 'static) -> io::Result<()> {
    let server = server.clone();
    let runtime = super::worker::runtime()?;
    // From here on no signal ends the process by itself, whenever the thread begins to run.
    let signals = {
        let _inside = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        if let Err(error) = runtime.block_on(serve(&server, signals, abandon)) {
            tracing::warn!("cannot listen for signals: the server will not stop cleanly: {error}");
        }
    })?;
    Ok(())
}

async fn serve(server: &Arc<Server>, (mut term, mut int): (Signal, Signal), abandon: impl Fn()) -> io::Result<()> {
    loop {
        let (name, options) = tokio::select! {
            _ = term.recv() => ("SIGTERM", server.config.shutdown_on_sigterm.get()),
            _ = int.recv() => ("SIGINT", server.config.shutdown_on_sigint.get()),
            () = server.lifecycle.stopped() => return Ok(()),
        };
        if server.lifecycle.schedule_shutdown() {
            tracing::warn!("Received {name} scheduling shutdown...");
            let server = server.clone();
            std::thread::Builder::new().name("shutdown".into()).spawn(move || shut_down(&server, options))?;
        } else if name == "SIGINT" {
            tracing::warn!("You insist... exiting now.");
            abandon();
        }
    }
}

/// Shuts the server down unless that is called off first.
fn shut_down(server: &Arc<Server>, options: ShutdownOptions) {
    while server.cron_paused.load(Relaxed) && server.lifecycle.is_shutdown_scheduled() {
        std::thread::sleep(PUT_OFF);
    }
    if server.lifecycle.begin_shutdown() {
        // What is wrong has been logged.
        let _ = persistence::shutdown(server, options);
        server.lifecycle.end_shutdown();
    }
}

//! Listening elsewhere: `port` and `bind` changed while the server runs.
//!
//! Whoever runs CONFIG SET opens the new sockets, on whatever thread, and sends them to the first worker, which accepts.
//! The old ones must be closed before, as one address cannot be listened on twice. They belong to tasks of the first
//! worker, so they are not dropped but shut down, through a second handle kept here; their tasks then see an error and
//! end. If a new address cannot be had, the configuration comes back to the old values and asks for the old addresses
//! again.

use std::net::{Shutdown, TcpListener};
use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use socket2::SockRef;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::listen;
use crate::config::Config;
use crate::server::Server;

/// A listening socket on its way to the task that accepts.
pub(super) struct Listening {
    pub(super) listener: TcpListener,
    /// Raised when the socket is shut down.
    pub(super) closed: Arc<AtomicBool>,
}

/// The TCP sockets that a server listens on.
struct Ports {
    server: Weak<Server>,
    accept: UnboundedSender<Listening>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Handles of the sockets in use.
    open: Vec<Listening>,
    /// The addresses that they are for, as configured.
    bind: Arc<[String]>,
}

/// Has the server listen on `listeners`, and on others once `port` or `bind` changes. The sockets to accept on come out of
/// the channel.
pub(super) fn follow(server: &Arc<Server>, listeners: Vec<TcpListener>) -> UnboundedReceiver<Listening> {
    let (accept, arrivals) = unbounded_channel();
    let state = State { open: Vec::new(), bind: server.config.bind.get() };
    let ports = Ports { server: Arc::downgrade(server), accept, state: Mutex::new(state) };
    ports.listen_on(&mut ports.state.lock(), listeners);
    server.config.on_change(&["port", "bind"], Box::new(move |config| ports.apply(config)));
    arrivals
}

impl Ports {
    fn apply(&self, config: &Config) -> Result<(), String> {
        let mut state = self.state.lock();
        state.close();
        let bind = config.bind.get();
        let other_addresses = bind != state.bind;
        let port = u16::try_from(config.port.get()).unwrap_or(0);
        let backlog = i32::try_from(config.tcp_backlog.get()).unwrap_or(511);
        let listeners = match port {
            0 => Ok(Vec::new()),
            _ => listen::tcp(&bind, port, backlog),
        };
        state.bind = bind;
        match listeners {
            Ok(listeners) => {
                if let Some(server) = self.server.upgrade() {
                    note(&server, port, &listeners);
                }
                self.listen_on(&mut state, listeners);
                Ok(())
            }
            Err(error) => {
                tracing::warn!("{error}");
                let reason = if other_addresses {
                    "Failed to bind to specified addresses."
                } else {
                    "Unable to listen on this port. Check server logs."
                };
                Err(reason.to_owned())
            }
        }
    }

    fn listen_on(&self, state: &mut State, listeners: Vec<TcpListener>) {
        for listener in listeners {
            let closed = Arc::<AtomicBool>::default();
            match listener.try_clone() {
                Ok(handle) => state.open.push(Listening { listener: handle, closed: closed.clone() }),
                Err(error) => tracing::warn!("this listening socket cannot be moved later: {error}"),
            }
            // The first worker is gone only when the server stops.
            let _ = self.accept.send(Listening { listener, closed });
        }
    }
}

impl State {
    fn close(&mut self) {
        for Listening { listener, closed } in self.open.drain(..) {
            closed.store(true, Ordering::Release);
            if let Err(error) = SockRef::from(&listener).shutdown(Shutdown::Both) {
                tracing::debug!("closing a listening socket: {error}");
            }
        }
    }
}

/// Writes down where the server listens, for INFO.
pub(crate) fn note(server: &Server, port: u16, listeners: &[TcpListener]) {
    let addresses: Vec<_> = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let port = addresses.first().map_or(port, |address| address.port());
    server.lifecycle.port.store(port, Ordering::Relaxed);
    let mut known = server.lifecycle.listeners.write();
    known.retain(|(kind, ..)| *kind != "tcp");
    known.splice(0..0, addresses.iter().map(|address| ("tcp", address.ip().to_string(), address.port())));
}

//! Worker threads: each a current-thread runtime that owns its connections.
//!
//! The first worker also accepts, and hands connections to the others in turn; it runs the periodic work too. A server
//! with one worker behaves as Redis does: one thread, one order of events.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::connection::Connection;
use super::context::{enter, note_park, with_thread};
use super::ports::{self, Listening};
use super::stream::Stream;
use super::{cron, listen};
use crate::clock;
use crate::command::{Registry, Worker};
use crate::persistence::snapshot;
use crate::pubsub::CloseReason;
use crate::server::{Client, Origin, Server};

/// How long connections may take to send their last bytes when the server stops.
const FAREWELL: Duration = Duration::from_millis(500);

/// How many tasks are polled before the thread looks for new events: each of some hundred connections twice, to serve
/// it and to send what was put off.
const POLLS_BETWEEN_EVENTS: u32 = 256;

/// A connection on its way to its worker.
enum Arrival {
    Tcp(std::net::TcpStream, Origin),
    Unix(std::os::unix::net::UnixStream, Origin),
}

/// The sockets that a server listens on.
#[derive(Default)]
pub(crate) struct Listeners {
    pub(crate) tcp: Vec<std::net::TcpListener>,
    pub(crate) unix: Option<std::os::unix::net::UnixListener>,
}

/// Runs a server on `workers` threads, this one among them, until it is asked to stop.
///
/// # Errors
/// If a thread or a runtime cannot be made.
pub(crate) fn run(
    server: &Arc<Server>,
    registry: &'static Registry,
    workers: usize,
    listeners: Listeners,
    ready: impl FnOnce(),
) -> io::Result<()> {
    let mut others = Vec::new();
    let mut threads = Vec::new();
    for n in 1..workers {
        let (sender, receiver) = unbounded_channel();
        let server = server.clone();
        let thread = std::thread::Builder::new().name(format!("worker-{n}")).spawn(move || {
            if let Err(error) = other_worker(&server, registry, receiver) {
                tracing::error!("worker {n} cannot run: {error}");
            }
        })?;
        others.push(sender);
        threads.push(thread);
    }
    let result = first_worker(server, registry, others, listeners, ready);
    for thread in threads {
        // A worker that panicked has reported it; the others still stop.
        let _ = thread.join();
    }
    snapshot::stop(server);
    result
}

pub(super) fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .event_interval(POLLS_BETWEEN_EVENTS)
        .on_thread_park(note_park)
        .build()
}

fn first_worker(
    server: &Arc<Server>,
    registry: &'static Registry,
    others: Vec<UnboundedSender<Arrival>>,
    listeners: Listeners,
    ready: impl FnOnce(),
) -> io::Result<()> {
    // Connections that outlive the farewell end with the runtime, and need the worker for that.
    let _entered = enter(Worker::new(server.clone(), registry));
    let runtime = runtime()?;
    runtime.block_on(async {
        let others = Arc::new(others);
        let arrivals = ports::follow(server, listeners.tcp);
        tokio::spawn(accept_everywhere(arrivals, server.clone(), others.clone()));
        if let Some(listener) = listeners.unix {
            let listener = tokio::net::UnixListener::from_std(listener)?;
            tokio::spawn(accept_unix(listener, server.clone(), others.clone()));
        }
        drop(others);
        tokio::spawn(cron::run(server.clone()));
        ready();
        server.lifecycle.stopped().await;
        farewell(server).await;
        Ok(())
    })
}

fn other_worker(
    server: &Arc<Server>,
    registry: &'static Registry,
    mut arrivals: UnboundedReceiver<Arrival>,
) -> io::Result<()> {
    let _entered = enter(Worker::new(server.clone(), registry));
    let runtime = runtime()?;
    runtime.block_on(async {
        loop {
            tokio::select! {
                arrival = arrivals.recv() => match arrival {
                    Some(arrival) => welcome(arrival, server),
                    None => break,
                },
                () = server.lifecycle.stopped() => break,
            }
        }
        farewell(server).await;
    });
    Ok(())
}

/// Gives connections time to send what they still have.
async fn farewell(server: &Arc<Server>) {
    for client in server.clients.all() {
        client.mailbox.request_close(CloseReason::Shutdown);
    }
    let all_gone = async {
        while server.clients.connected.load(Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let _ = tokio::time::timeout(FAREWELL, all_gone).await;
}

/// Accepts on each socket that arrives, until there will be no more.
async fn accept_everywhere(
    mut arrivals: UnboundedReceiver<Listening>,
    server: Arc<Server>,
    others: Arc<Vec<UnboundedSender<Arrival>>>,
) {
    while let Some(Listening { listener, closed }) = arrivals.recv().await {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => drop(tokio::spawn(accept_tcp(listener, closed, server.clone(), others.clone()))),
            Err(error) => tracing::error!("cannot accept connections: {error}"),
        }
    }
}

async fn accept_tcp(
    listener: tokio::net::TcpListener,
    closed: Arc<AtomicBool>,
    server: Arc<Server>,
    others: Arc<Vec<UnboundedSender<Arrival>>>,
) {
    let mut turn = 0;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                listen::tune(&stream, server.config.tcp_keepalive.get().unsigned_abs());
                let origin = Origin {
                    address: peer.to_string(),
                    local_address: stream.local_addr().map(|address| address.to_string()).unwrap_or_default(),
                    fd: std::os::fd::AsRawFd::as_raw_fd(&stream),
                    unix: false,
                };
                let refusal = refusal(&server, !peer.ip().to_canonical().is_loopback());
                if let Some(refusal) = refusal {
                    // Written directly: to the runtime a fresh socket is not known to be writable. What a full buffer
                    // or a client that has gone does not take is lost.
                    if let Ok(mut stream) = stream.into_std() {
                        let _ = io::Write::write_all(&mut stream, refusal.as_bytes());
                    }
                    continue;
                }
                match stream.into_std() {
                    Ok(stream) => hand_over(Arrival::Tcp(stream, origin), &mut turn, &server, &others),
                    Err(error) => lost(&server, &error),
                }
            }
            Err(_) if closed.load(Acquire) => return,
            Err(error) => accept_failed(&error).await,
        }
    }
}

async fn accept_unix(
    listener: tokio::net::UnixListener,
    server: Arc<Server>,
    others: Arc<Vec<UnboundedSender<Arrival>>>,
) {
    let mut turn = 0;
    let path = server.config.unixsocket.get();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let address = format!("{path}:0");
                let origin = Origin {
                    address: address.clone(),
                    local_address: address,
                    fd: std::os::fd::AsRawFd::as_raw_fd(&stream),
                    unix: true,
                };
                let Ok(mut stream) = stream.into_std() else { continue };
                if let Some(refusal) = refusal(&server, false) {
                    // The other side may have gone.
                    let _ = io::Write::write_all(&mut stream, refusal.as_bytes());
                    continue;
                }
                hand_over(Arrival::Unix(stream, origin), &mut turn, &server, &others);
            }
            Err(error) => accept_failed(&error).await,
        }
    }
}

/// An accept that fails (out of file descriptors, say) ends no loop; the next attempt comes a little later.
async fn accept_failed(error: &io::Error) {
    // One that went away before it was let in is no trouble.
    if error.kind() != io::ErrorKind::ConnectionAborted {
        tracing::warn!("Accepting client connection: {error}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Why a new connection is not let in, as it is told.
fn refusal(server: &Server, remote: bool) -> Option<&'static str> {
    let config = &server.config;
    if server.clients.connected.load(Relaxed) >= usize::try_from(config.maxclients.get()).unwrap_or(usize::MAX) {
        server.stats.shared.rejected_connections.add_shared(1);
        return Some("-ERR max number of clients reached\r\n");
    }
    if remote && config.protected_mode.get() && !config.requirepass.is_set() {
        server.stats.shared.rejected_connections.add_shared(1);
        return Some(
            "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for \
             the default user. Connections are accepted from the loopback interface only. To connect from elsewhere, \
             set a password with 'requirepass', or switch protected mode off with 'CONFIG SET protected-mode no' sent \
             from this host, or with '--protected-mode no' on the command line.\r\n",
        );
    }
    server.stats.shared.connections_received.add_shared(1);
    // Counted here and not when it is served, which may be a little later on another thread: the limit holds exactly.
    server.clients.connected.fetch_add(1, Relaxed);
    None
}

/// A connection that was let in cannot be served.
fn lost(server: &Server, error: &io::Error) {
    tracing::debug!("lost a new connection: {error}");
    server.clients.connected.fetch_sub(1, Relaxed);
}

fn hand_over(arrival: Arrival, turn: &mut usize, server: &Arc<Server>, others: &[UnboundedSender<Arrival>]) {
    let worker = *turn % (others.len() + 1);
    *turn = turn.wrapping_add(1);
    match worker.checked_sub(1) {
        None => welcome(arrival, server),
        Some(other) => {
            if others[other].send(arrival).is_err() {
                // The worker's thread is gone only when the server stops.
                lost(server, &io::ErrorKind::BrokenPipe.into());
            }
        }
    }
}

/// Starts serving a connection on this thread.
fn welcome(arrival: Arrival, server: &Arc<Server>) {
    let (stream, origin) = match arrival {
        Arrival::Tcp(stream, origin) => (tokio::net::TcpStream::from_std(stream).map(Stream::Tcp), origin),
        Arrival::Unix(stream, origin) => {
            let stream = stream.set_nonblocking(true).and_then(|()| tokio::net::UnixStream::from_std(stream));
            (stream.map(Stream::Unix), origin)
        }
    };
    match stream {
        Ok(stream) => {
            let shared = server.clients.add(origin, clock::unix_millis());
            let client = Client::new(shared, !server.config.requirepass.is_set());
            tokio::spawn(Connection::new(stream, server.clone(), client).serve());
        }
        Err(error) => lost(server, &error),
    }
}

/// The worker of this thread, for periodic work.
pub(super) fn with_worker<R>(body: impl FnOnce(&mut Worker) -> R) -> R {
    with_thread(|thread| body(&mut thread.worker))
}

//! Starting a server: as a program, or inside one.
//!
//! [`Server::from_args`] makes a server of the command line and runs it as `redis-server` does.
//! [`Server::builder`] makes one inside another program, where it runs on threads of its own until it is dropped.
//! Several can run in one process.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::args::OwnedArgs;
use crate::clock;
use crate::command::{Answer, Flow, Recognised, Registry, RegistryError, Task, Worker, disconnect, execute, recognise};
use crate::config::Config;
use crate::error::Error;
use crate::net::{ListenError, Listeners, listen_tcp, listen_unix, note_ports, run};
use crate::persistence::{LoadError, aof, begin_loading};
use crate::rdb::{DuplicateType, data_types};
use crate::resp::{Reply, Value};
use crate::server::{Client, Origin, Server};

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program's commands are declared wrongly.
    #[error(transparent)]
    Registry(#[from] &'static RegistryError),
    /// The program's data types are declared wrongly.
    #[error(transparent)]
    DataTypes(#[from] &'static DuplicateType),
    /// A directive is unknown or has a bad value.
    #[error("{0}")]
    Config(String),
    /// The data set cannot be loaded.
    #[error("Fatal error loading the DB, check server logs. {0}. Exiting.")]
    Load(#[from] LoadError),
    /// The server has ended because it could not write what it must.
    #[error("Fatal error writing the append only file: {0}")]
    Failed(String),
    /// What was to be checked is not in order.
    #[error("The file is not in order.")]
    Check,
    /// An address cannot be used.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system refuses something.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// A server to be started.
#[derive(Debug, Default)]
pub struct Builder {
    directives: Vec<(String, String)>,
}

impl Server {
    /// A server to be configured and started inside this program.
    ///
    /// ```no_run
    /// # use redis_core::prelude::*;
    /// let server = Server::builder().directive("port", "0").start()?;
    /// println!("listening on {:?}", server.address());
    /// let reply = server.run(&["SET", "key", "value"]);
    /// # Ok::<(), redis_core::StartError>(())
    /// ```
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// Sets a directive, by its name in redis.conf.
    #[must_use]
    pub fn directive(mut self, name: &str, value: &str) -> Self {
        self.directives.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the server and returns once it accepts connections. With `port 0` and no `unixsocket` the system chooses
    /// a free port of the loopback address.
    ///
    /// A server that is given a directory (`dir`) begins with the snapshot that is there, any other one without data.
    ///
    /// # Errors
    /// Whatever keeps it from starting.
    pub fn start(self) -> Result<Running, StartError> {
        let config = Config::new();
        // A program's data are its own matter: it has files written only if it asks for them.
        let defaults = [("save".to_owned(), String::new())];
        for (name, value) in defaults.iter().chain(&self.directives) {
            config.apply(name, value).map_err(|error| StartError::Config(error.to_string()))?;
        }
        let registry = registry_for(&config)?;
        let mut listeners = listeners(&config)?;
        if listeners.tcp.is_empty() && listeners.unix.is_none() {
            listeners.tcp = listen_tcp(&["127.0.0.1".into()], 0, backlog(&config))?;
        }
        let server = assemble(config, registry);
        note_listeners(&server, &listeners);
        aof::spawn(&server, registry)?;
        if server.config.appendonly.get() || self.directives.iter().any(|(name, _)| name.eq_ignore_ascii_case("dir")) {
            // There is nobody yet who could be told that it takes time.
            let loader = begin_loading(&server, registry, || ())?;
            let loaded = loader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            if let Err(error) = loaded {
                aof::end(&server);
                return Err(error.into());
            }
        }
        let (ready, wait) = std::sync::mpsc::channel();
        let thread = {
            let server = server.clone();
            std::thread::Builder::new().name("worker-0".into()).spawn(move || {
                let workers = workers(&server);
                let result = run(&server, registry, workers, listeners, || {
                    // Whoever started this thread waits for the message, or has gone.
                    let _ = ready.send(Handle::current());
                });
                if let Err(error) = result {
                    tracing::error!("the server stopped: {error}");
                }
                aof::end(&server);
            })?
        };
        // An error here means that the thread has ended before it was ready; it has logged why.
        let runtime = wait.recv().map_err(|_| std::io::Error::other("the server's first thread did not start"))?;
        let worker = Arc::new(Mutex::new(Worker::new(server.clone(), registry)));
        Ok(Running { server, registry, worker, runtime, thread: Some(thread) })
    }
}

/// Number of threads that serve connections.
pub(crate) fn workers(server: &Server) -> usize {
    usize::try_from(server.config.io_threads.get()).unwrap_or(1).max(1)
}

/// The commands of this program, under the names that the configuration gives them. What else the program declares is
/// looked at too.
pub(crate) fn registry_for(config: &Config) -> Result<&'static Registry, StartError> {
    data_types()?;
    Registry::get()?.renamed(&config.renames()).map_err(|error| StartError::Config(error.to_string()))
}

/// Opens what the configuration asks for. Port 0 means no TCP.
pub(crate) fn listeners(config: &Config) -> Result<Listeners, StartError> {
    let mut listeners = Listeners::default();
    let port = u16::try_from(config.port.get()).unwrap_or(0);
    if port != 0 {
        listeners.tcp = listen_tcp(&config.bind.get(), port, backlog(config))?;
    }
    let path = config.unixsocket.get();
    if !path.is_empty() {
        listeners.unix = Some(listen_unix(&path, config.unixsocketperm.get(), backlog(config))?);
    }
    Ok(listeners)
}

pub(crate) fn backlog(config: &Config) -> i32 {
    i32::try_from(config.tcp_backlog.get()).unwrap_or(511)
}

/// A server around its configuration: one shard where there is one worker, sixteen per worker otherwise.
pub(crate) fn assemble(config: Config, registry: &'static Registry) -> Arc<Server> {
    let workers = usize::try_from(config.io_threads.get()).unwrap_or(1);
    let shards = if workers <= 1 { 1 } else { (workers * 16).next_power_of_two().min(crate::db::MAX_SHARDS) };
    let server = Server::new(config, registry.all().len(), shards);
    server.memory.mark_startup(clock::unix_millis() / 1000);
    server
}

pub(crate) fn note_listeners(server: &Server, listeners: &Listeners) {
    note_ports(server, 0, &listeners.tcp);
    if listeners.unix.is_some() {
        let path = server.config.unixsocket.get().to_string();
        server.lifecycle.listeners.write().push(("unix", path, 0));
    }
}

/// A server that runs on threads of its own, until it is dropped.
pub struct Running {
    server: Arc<Server>,
    registry: &'static Registry,
    worker: Arc<Mutex<Worker>>,
    /// The first worker's runtime, for what `async` commands need of one.
    runtime: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// The TCP address that it listens on.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        let listeners = self.server.lifecycle.listeners.read();
        let (_, address, port) = listeners.iter().find(|(kind, ..)| *kind == "tcp")?;
        let address = if address == "0.0.0.0" { "127.0.0.1" } else { address };
        Some(SocketAddr::new(address.parse().ok()?, *port))
    }

    /// The server's shared state.
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// Runs one command without a socket, on a connection of its own. A command that would block answers as if its
    /// time were over; an `async` one is waited for.
    pub fn run(&self, args: &[impl AsRef<[u8]>]) -> Value {
        self.session().run(args)
    }

    /// Drives an `async` command to its end. Its timers and sockets belong to the server's first thread.
    fn drive(&self, task: &mut Task) -> Answer {
        let _entered = self.runtime.enter();
        task.lend(self.worker.clone());
        let mut stopped = pin!(self.server.lifecycle.stopped());
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(answer) = task.poll(&mut context) {
                return answer;
            }
            if stopped.as_mut().poll(&mut context).is_ready() {
                return Err(Error::new("ERR the server is stopping"));
            }
            std::thread::park();
        }
    }

    /// A connection without a socket.
    #[must_use]
    pub fn session(&self) -> Session<'_> {
        let shared = self.server.clients.add(Origin::in_process(), clock::unix_millis());
        Session { running: self, client: Client::new(shared, true) }
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.lifecycle.request_stop();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has reported it.
            let _ = thread.join();
        }
    }
}

/// Wakes a thread that waits for a future.
struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A connection without a socket: commands run on the caller's thread.
#[derive(Debug)]
pub struct Session<'r> {
    running: &'r Running,
    client: Client,
}

impl Session<'_> {
    /// Runs one command and answers its reply. A command that would block answers as if its time were over; an `async`
    /// one is waited for; one whose reply is switched off answers a nil.
    pub fn run(&mut self, args: &[impl AsRef<[u8]>]) -> Value {
        let bytes = self.run_raw(args);
        Value::parse(&bytes).ok().flatten().map_or(Value::Null, |(value, _)| value)
    }

    /// As [`Session::run`], but answers the reply's bytes.
    pub fn run_raw(&mut self, args: &[impl AsRef<[u8]>]) -> Vec<u8> {
        let args = OwnedArgs::new(args.iter().map(AsRef::as_ref));
        let args = args.as_args();
        if args.is_empty() {
            return Vec::new();
        }
        let server = &self.running.server;
        if server.aof.is_behind(server.changes.end()) {
            let give_up = || server.aof.is_failing() || server.lifecycle.is_stopping();
            server.aof.wait_acknowledged(self.client.written, give_up);
        }
        let mut reply = Reply::new(self.client.protocol);
        let mut keys = Vec::new();
        let mut worker = self.running.worker.lock();
        worker.begin();
        let command = recognise(self.running.registry, args, &mut keys);
        let flow = execute(&mut worker, &mut self.client, Recognised { args, command, keys: &keys }, &mut reply);
        worker.runner.invalidate(Some(self.client.id()));
        worker.end();
        match flow {
            Flow::Next => {}
            Flow::Blocked(blocked) => {
                crate::command::settle(&mut worker, &self.client, &blocked, true);
            }
            Flow::Later(mut task) => {
                // The command locks the worker when it needs it.
                drop(worker);
                let answer = self.running.drive(&mut task);
                task.finish(&self.running.worker.lock(), &self.client, answer);
            }
            Flow::Paused => reply.error("ERR the server is paused"),
            Flow::Busy => unreachable!("a session has nobody else to serve, and waits"),
        }
        if server.aof.holds_replies() {
            server.aof.wait_acknowledged(server.changes.end(), || server.lifecycle.is_stopping());
        }
        self.client.shared.mailbox.take().pieces().for_each(|piece| reply.raw(piece));
        reply.take()
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        disconnect(&mut self.running.worker.lock(), &mut self.client, None);
    }
}

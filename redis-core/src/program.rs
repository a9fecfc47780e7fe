//! Being `redis-server`: from the command line to the exit code.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::builder::{StartError, assemble, listeners, note_listeners, registry_for, workers};
use crate::command::Registry;
use crate::config::{CommandLine, Config, Sources};
use crate::net;
use crate::observe::log;
use crate::persistence::rdb;
use crate::persistence::{DirectoryLock, aof, begin_loading};
use crate::rdb::data_types;
use crate::server::Server;

/// A server as its command line asks for it, not running yet.
#[derive(Debug)]
pub struct Program {
    arguments: Vec<std::ffi::OsString>,
}

impl Server {
    /// The server that the process's arguments ask for: `[file] [--directive value]...`, `--version`, `--help`; or the tool:
    /// `check-rdb file`, `check-aof [--fix] file`. A program that is called `redis-check-rdb` or `redis-check-aof` is that
    /// tool.
    #[must_use]
    pub fn from_args() -> Program {
        let mut arguments = std::env::args_os();
        let name = arguments.next().unwrap_or_default();
        let tool =
            Path::new(&name).file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("redis-"));
        let tool = tool.filter(|tool| TOOLS.contains(tool));
        Program { arguments: tool.map(Into::into).into_iter().chain(arguments).collect() }
    }
}

impl Program {
    /// Runs the server until it is asked to stop. Whatever keeps it from starting is one message on standard error
    /// and exit code 1.
    #[must_use]
    pub fn run(self) -> ExitCode {
        match self.try_run() {
            Ok(()) => ExitCode::SUCCESS,
            // It has been said what is wrong.
            Err(StartError::Check) => ExitCode::FAILURE,
            Err(error) => {
                // Nothing can be done about a standard error that is closed.
                let _ = writeln!(std::io::stderr(), "{error}");
                ExitCode::FAILURE
            }
        }
    }

    fn try_run(self) -> Result<(), StartError> {
        Registry::get()?;
        let refuse = |error: crate::config::ConfigError| StartError::Config(error.to_string());
        let sources = match CommandLine::parse(self.arguments).map_err(refuse)? {
            CommandLine::Version => return say(&version()),
            CommandLine::Help => return say(HELP),
            CommandLine::CheckRdb(file) => return check_rdb(&file),
            CommandLine::CheckAof { file, fix } => return check_aof(&file, fix),
            CommandLine::Run { file, stdin, options } => Sources::of_process(file, stdin, options).map_err(refuse)?,
        };
        let config = Config::load(&sources).map_err(refuse)?;
        if config.daemonize.get() {
            let text = "daemonize is not supported: run the server under a supervisor such as systemd, or with '&'";
            return Err(StartError::Config(text.into()));
        }
        let registry = registry_for(&config)?;
        let logfile = config.logfile.get();
        log::init((!logfile.is_empty()).then(|| Path::new(&*logfile)), config.loglevel.get())?;
        let pidfile = config.pidfile.get();
        let server = assemble(config, registry);
        greet(&server, registry);
        let result = serve(&server, registry, &pidfile);
        if let Err(error) = &result {
            // Those who look into the log must find the reason there, too.
            tracing::warn!("{error}");
        }
        result
    }
}

/// Who connects while data are loaded waits so long before being told so.
const SHORT_LOADING: Duration = Duration::from_millis(200);

fn serve(server: &Arc<Server>, registry: &'static Registry, pidfile: &str) -> Result<(), StartError> {
    if server.config.disable_thp.get()
        && let Err(error) = rustix::thread::disable_transparent_huge_pages(true)
    {
        tracing::warn!("Unable to disable transparent huge pages: {error}");
    }
    net::make_room_for_clients(&server.config);
    let listeners = listeners(&server.config)?;
    if listeners.tcp.is_empty() && listeners.unix.is_none() {
        return Err(net::ListenError::Nowhere.into());
    }
    note_listeners(server, &listeners);
    if !pidfile.is_empty()
        && let Err(error) = std::fs::write(pidfile, format!("{}\n", std::process::id()))
    {
        tracing::warn!("Failed to write PID file {pidfile}: {error}");
    }
    let _directory = lock_directory(server);
    let insisted = server.clone();
    let insisted_pidfile = pidfile.to_owned();
    net::listen_to_signals(server, move || {
        // The file that is being written is nobody's then.
        let _ = std::fs::remove_file(rdb::path(&insisted).with_file_name(rdb::temporary_name()));
        clean_up(&insisted, &insisted_pidfile);
        std::process::exit(1);
    })?;
    aof::spawn(server, registry)?;
    let loader = begin_loading(server, registry, || tracing::info!("Ready to accept connections tcp"))?;
    let began = Instant::now();
    while !loader.is_finished() && began.elapsed() < SHORT_LOADING {
        std::thread::sleep(Duration::from_millis(1));
    }
    net::run(server, registry, workers(server), listeners, || ())?;
    let loaded = loader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    aof::end(server);
    if let Err(error) = loaded
        && !error.is_stop()
    {
        clean_up(server, pidfile);
        return Err(error.into());
    }
    if server.lifecycle.has_failed() {
        clean_up(server, pidfile);
        return Err(StartError::Failed(server.aof.error()));
    }
    clean_up(server, pidfile);
    tracing::warn!("Redis is now ready to exit, bye bye...");
    Ok(())
}

/// Takes the directory of the data for this process, or says that somebody else has it. Two servers of one directory are
/// fine as long as they write files of different names.
fn lock_directory(server: &Server) -> Option<DirectoryLock> {
    let directory = server.config.dir.get();
    let lock = DirectoryLock::take(&directory);
    if let Ok(None) = lock {
        tracing::warn!(
            "Another server uses the directory {}. If it writes {} too, each snapshot replaces that of the other: give one \
             of them another 'dir' or 'dbfilename'.",
            directory.display(),
            server.config.dbfilename.get()
        );
    }
    // Where it cannot be known, nothing is said.
    lock.ok().flatten()
}

/// Removes what the server has left in the file system.
fn clean_up(server: &Server, pidfile: &str) {
    let socket = server.config.unixsocket.get();
    for path in [pidfile, &socket] {
        if !path.is_empty() {
            // It may have been removed by somebody else.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The tools that the program is by its name, behind `redis-`.
const TOOLS: [&str; 2] = ["check-rdb", "check-aof"];

/// Checks a snapshot; what is wrong with it has been said then.
fn check_rdb(file: &Path) -> Result<(), StartError> {
    let mut terminal = std::io::stderr();
    let terminal: Option<&mut dyn Write> = if terminal.is_terminal() { Some(&mut terminal) } else { None };
    if rdb::check(file, &mut std::io::stdout(), terminal)?.is_some() { Ok(()) } else { Err(StartError::Check) }
}

/// Checks an append only file, and cuts off its end if it is not whole and the user agrees.
fn check_aof(file: &Path, fix: bool) -> Result<(), StartError> {
    let repair = if fix { aof::Repair::Fix } else { aof::Repair::No };
    let agrees = || {
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).is_ok() && answer.trim_start().starts_with(['y', 'Y'])
    };
    if aof::check(file, repair, &mut std::io::stdout(), agrees)? { Ok(()) } else { Err(StartError::Check) }
}

fn say(text: &str) -> Result<(), StartError> {
    writeln!(std::io::stdout(), "{text}").map_err(StartError::System)
}

fn version() -> String {
    let bits = usize::BITS;
    format!("Redis server v={} malloc={} bits={bits}", crate::VERSION, crate::observe::memory::allocator_name())
}

/// The first lines of the log: who runs, as which process, with which commands and types.
fn greet(server: &Server, registry: &Registry) {
    let pid = std::process::id();
    tracing::info!("Redis-compatible server {} starting, PID: {pid}", crate::VERSION);
    if let Some(file) = server.config.file() {
        tracing::info!("Configuration loaded from {}", file.display());
    } else {
        tracing::info!("No config file specified, using the default config.");
    }
    for note in server.config.take_notes() {
        tracing::warn!("{note}");
    }
    tracing::info!("Command families: {}", registry.groups().join(", "));
    // Two of one name have been refused before.
    let types: Vec<_> = data_types().unwrap_or_default().iter().map(|def| def.name).collect();
    if !types.is_empty() {
        tracing::info!("Data types: {}", types.join(", "));
    }
}

const HELP: &str = "Usage: redis-server [/path/to/redis.conf] [options] [-]
       redis-server - (read the configuration from standard input)
       redis-server -v or --version
       redis-server -h or --help
       redis-server check-rdb <rdb-file-name>
       redis-server check-aof [--fix] <file.manifest|file.aof>

Any directive of redis.conf can be given as an option:
       redis-server --port 7777
       redis-server /etc/redis.conf --loglevel verbose --maxclients 100

Any directive can also come from the environment, as REDIS_ and its name in capitals
with _ for -: REDIS_PORT=7777. The command line goes over the environment, and the
environment over the file.";

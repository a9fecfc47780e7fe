//! Server processes: built, started on a free port, waited for, and ended with the test.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to answer, or to end. Far beyond what it takes, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A TCP port of the loopback address that nobody listens on at the moment.
///
/// # Panics
/// If the system has none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// A folder of the test's own, removed when dropped.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn temporary_folder() -> TempDir {
    tempfile::Builder::new().prefix("redis-tests-").tempdir().expect("a temporary folder")
}

/// The stock server's binary: `REDIS_SERVER_BIN` if that is set, else built here, with the profile of the running test.
///
/// # Panics
/// If it cannot be built.
pub fn our_server() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("REDIS_SERVER_BIN") {
        Some(path) => std::path::absolute(&path).expect("a path that is not empty"),
        None => build(),
    })
}

fn build() -> PathBuf {
    // Tests are at target/<profile>/deps/<name>.
    let test = std::env::current_exe().expect("a test is a file");
    let folder = test.ancestors().nth(2).expect("a test is in a profile's folder");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package", "redis-server", "--profile", profile])
        .current_dir(crate::workspace())
        .status();
    assert!(status.expect("cargo runs").success(), "the server does not compile");
    folder.join("redis-server")
}

/// A running program that is ended when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    folder: TempDir,
}

impl Process {
    /// Starts a server on a free port, with a folder of its own to work in, and waits until it accepts connections.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn server(binary: &Path, directives: &[&str]) -> Self {
        Self::start(|port, _| {
            let mut command = Command::new(binary);
            command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
            command.args(directives);
            command
        })
    }

    /// Starts a server with the command that `prepare` makes of a free port and of the server's working folder, and waits
    /// until it accepts connections. What it prints goes to the file `log` of that folder.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(prepare: impl Fn(u16, &Path) -> Command) -> Self {
        // Somebody may take the port between finding it and using it: another one, then.
        (0..5).find_map(|_| Self::try_start(&prepare)).expect("the server starts")
    }

    fn try_start(prepare: &impl Fn(u16, &Path) -> Command) -> Option<Self> {
        let folder = temporary_folder();
        let port = free_port();
        let mut command = prepare(port, folder.path());
        let log = File::create(folder.path().join("log")).expect("a file in a new folder");
        command.current_dir(folder.path()).stdout(log.try_clone().expect("a handle of an open file")).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut process = Self { child, address, folder };
        let ready = wait_for(|| match process.log().contains("Ready to accept connections") {
            true => Some(true),
            false => (!process.is_running()).then_some(false),
        });
        if ready == Some(true) {
            return Some(process);
        }
        eprintln!("{command:?} ended or does not answer; its log:\n{}", process.log());
        None
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its working folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends it a signal by name, such as `TERM`.
    ///
    /// # Panics
    /// If there is no program `kill`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status();
        assert!(status.expect("kill is a program").success(), "process {} takes no signal", self.id());
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end.
    pub fn wait(&mut self) -> ExitStatus {
        wait_for(|| self.child.try_wait().expect("a child of this process")).expect("the server ends")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again, until there is an answer or half a minute is over.
pub fn wait_for<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if start.elapsed() > PATIENCE {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

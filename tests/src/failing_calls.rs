//! Calls of the system that fail on request: a disk that is full, broken, or read-only, without one.
//!
//! The server is started with a small library in front of the C library, which is compiled here. It must be the real
//! binary that fails, in every place where it asks the disk for something, so there is nothing of it in the server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::{command_exists, missing, temporary_folder};

/// The calls of one server that fail.
#[derive(Debug)]
pub struct FailingCalls {
    requests: TempDir,
    library: &'static Path,
}

impl FailingCalls {
    /// No call fails yet. None where there is no C compiler.
    #[must_use]
    pub fn new() -> Option<Self> {
        static LIBRARY: OnceLock<Option<(TempDir, PathBuf)>> = OnceLock::new();
        let (_, library) = LIBRARY.get_or_init(compile).as_ref()?;
        Some(Self { requests: temporary_folder(), library })
    }

    /// Has a server that is started with this command obey.
    pub fn install(&self, command: &mut Command) {
        command.env("LD_PRELOAD", self.library).env("FAILING_CALLS", self.requests.path());
    }

    /// From now on the call fails for paths that end in `text`.
    ///
    /// # Panics
    /// If that cannot be asked for.
    pub fn fail(&self, call: &str, text: &str) {
        // Under another name first: nobody shall see a request that is half written.
        let draft = self.requests.path().join("draft");
        std::fs::write(&draft, text).expect("a file in a folder of the test's own");
        std::fs::rename(draft, self.requests.path().join(call)).expect("a file in a folder of the test's own");
    }

    /// The call does not fail any more.
    ///
    /// # Panics
    /// If it did not fail.
    pub fn mend(&self, call: &str) {
        std::fs::remove_file(self.requests.path().join(call)).expect("the call fails until now");
    }
}

fn compile() -> Option<(TempDir, PathBuf)> {
    if !command_exists("cc", &["--version"]) {
        missing("no C compiler: a failing disk is not tested");
        return None;
    }
    let folder = temporary_folder();
    let (source, library) = (folder.path().join("failing_calls.c"), folder.path().join("failing_calls.so"));
    std::fs::write(&source, include_str!("failing_calls.c")).expect("a file in a new folder");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]).arg("-ldl");
    assert!(compiler.status().expect("cc is there").success(), "failing_calls.c does not compile");
    Some((folder, library))
}

//! What the tests of the whole share: finding and running servers, talking to them, and replaying transcripts.
//!
//! Some tests need a program that not every machine has: a real Redis or Valkey, Python, Node. Without it they say so
//! loudly and pass; with `REQUIRE_PEERS=1` in the environment they fail instead, so that CI cannot lose them silently.

#![forbid(unsafe_code)]

mod client;
mod effects;
mod failing_calls;
mod peers;
mod process;
mod random;
mod transcript;
pub mod values;
pub mod waiting;
mod watched;
mod wire;

pub use client::Client;
pub use effects::Effects;
pub use failing_calls::FailingCalls;
pub use peers::{Peer, command_exists, missing, redis_server, valkey_server};
pub use process::{Process, free_port, our_server, temporary_folder, wait_for};
pub use random::Random;
pub use transcript::{Dialogue, Failure, InProcess, Origin, OverTcp, Transcript};
pub use watched::Watched;
pub use wire::Wire;

use std::path::{Path, PathBuf};

/// The top of the checkout.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

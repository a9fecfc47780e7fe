//! The stock server: every family that is switched on, and the command line.

use redis_commands as _;
use redis_core::prelude::*;

fn main() -> std::process::ExitCode {
    Server::from_args().run()
}

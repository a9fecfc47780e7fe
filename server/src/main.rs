//! The stock server: every family that is switched on, and the command line.

#[cfg(feature = "jemalloc")]
mod allocator;

use redis_commands as _;
use redis_core::prelude::*;

fn main() -> std::process::ExitCode {
    #[cfg(feature = "jemalloc")]
    allocator::install();
    Server::from_args().run()
}

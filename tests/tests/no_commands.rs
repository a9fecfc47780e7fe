//! A program that forgets to link its commands: a mistake that the linker makes silently, and the server does not.
//!
//! This file must not name the crate of the stock commands.

use redis_core::prelude::*;

#[test]
fn a_server_without_commands_does_not_start() {
    let error = Server::builder().start().unwrap_err().to_string();
    assert_eq!(error, "no command is registered: add `use redis_commands as _;` to link the stock families");
}

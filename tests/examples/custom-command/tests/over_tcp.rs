//! The program as a whole, and a client that talks to it.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use redis_tests::{Process, Wire};

#[test]
fn a_client_uses_it_beside_the_stock_commands() {
    let server = Process::server(Path::new(env!("CARGO_BIN_EXE_custom-command")), &[]);
    assert!(server.log().contains("acme"), "the families are logged:\n{}", server.log());
    let mut client = Wire::connect(server.address).unwrap();
    let mut ask = |line: &str| client.run(&line.split(' ').collect::<Vec<_>>()).unwrap().to_string();
    assert_eq!(ask("SET visits 9"), "OK");
    assert_eq!(ask("ACME.INCRCAP visits 5 12"), "(integer) 12");
    assert_eq!(ask("INCR visits"), "(integer) 13");
}

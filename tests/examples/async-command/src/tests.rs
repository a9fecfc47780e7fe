//! The command in process and over TCP, with a web server of one page.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};

use redis_core::prelude::*;
use redis_tests::Wire;

/// A web server that answers each request when it is told to.
fn web_server(go_on: Receiver<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request: Vec<_> = BufReader::new(stream.try_clone().unwrap())
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            if go_on.recv().is_err() {
                return;
            }
            let _ = write!(stream, "HTTP/1.0 200 OK\r\n\r\n{}", request[0]);
        }
    });
    address
}

#[test]
fn it_stores_the_page() {
    let (allow, allowed) = channel();
    let host = web_server(allowed).to_string();
    let server = Server::builder().directive("port", "0").start().unwrap();
    allow.send(()).unwrap();
    let reply = server.run(&["ACME.FETCH", "page", &host, "/index.html"]);
    assert_eq!(reply.to_string(), "(integer) 24");
    assert_eq!(server.run(&["GET", "page"]).to_string(), "\"GET /index.html HTTP/1.0\"");
}

#[test]
fn other_clients_do_not_wait_for_it() {
    let (allow, allowed) = channel();
    let host = web_server(allowed).to_string();
    let server = Server::builder().directive("port", "0").start().unwrap();
    let [mut one, mut other] = [(); 2].map(|()| Wire::connect(server.address().unwrap()).unwrap());
    one.send(&["ACME.FETCH", "page", &host, "/"]).unwrap();
    one.send(&["EXISTS", "page"]).unwrap();
    assert_eq!(other.run(&["EXISTS", "page"]).unwrap().to_string(), "(integer) 0");
    allow.send(()).unwrap();
    let replies = [(); 2].map(|()| one.receive().unwrap().to_string());
    assert_eq!(replies, ["(integer) 14", "(integer) 1"]);
}

#[test]
fn a_page_that_is_not_there_is_an_error() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let server = Server::builder().directive("port", "0").start().unwrap();
    let reply = server.run(&["ACME.FETCH", "page", &nobody, "/"]).to_string();
    assert!(reply.starts_with("(error) ERR cannot fetch: "), "{reply}");
    assert_eq!(server.run(&["EXISTS", "page"]).to_string(), "(integer) 0");
}

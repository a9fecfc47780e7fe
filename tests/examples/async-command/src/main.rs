//! A Redis server with a command that asks another server.

use std::io;
use std::time::Duration;

use redis_commands as _; // links every stock family
use redis_core::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

family!("acme");

/// Fetches a page by HTTP and stores it under a key. Answers how long it is.
#[command("ACME.FETCH", since = "0.1.0", complexity = "O(N) where N is the length of the page")]
async fn fetch(caller: Caller, #[key(OW, UPDATE)] key: Key, host: String, path: String) -> Result<usize> {
    let page = timeout(Duration::from_secs(5), http_get(&host, &path)).await;
    let page = page.unwrap_or(Err(io::ErrorKind::TimedOut.into()));
    let page = page.map_err(|error| Error::from(format!("ERR cannot fetch: {error}")))?;
    caller
        .write(key, |db, key| {
            db.set(key, &page, Ttl::Clear);
            db.changed(key, "acme.fetch");
        })
        .await;
    Ok(page.len())
}

/// The body of a page, of which the first mebibyte is enough.
async fn http_get(host: &str, path: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(host).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(1 << 20).read_to_end(&mut answer).await?;
    let body = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or(io::ErrorKind::InvalidData)? + 4;
    Ok(answer.split_off(body))
}

fn main() -> std::process::ExitCode {
    Server::from_args().run()
}

#[cfg(test)]
mod tests;

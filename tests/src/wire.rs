//! A client of few words: it writes requests and reads replies, of either protocol version.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use redis_core::resp::Value;

/// How long a reply may take. No request here waits longer than a second on purpose.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection.
#[derive(Debug)]
pub struct Wire<S = TcpStream> {
    stream: S,
    unread: Vec<u8>,
}

impl Wire {
    /// Connects.
    ///
    /// # Errors
    /// If nobody listens there.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }
}

impl<S: Read + Write> Wire<S> {
    /// A client on an open stream.
    pub fn over(stream: S) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// Sends a request.
    ///
    /// # Errors
    /// If the connection is closed.
    pub fn send(&mut self, args: &[impl AsRef<[u8]>]) -> Result<()> {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            let arg = arg.as_ref();
            request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            request.extend_from_slice(arg);
            request.extend_from_slice(b"\r\n");
        }
        self.send_raw(&request)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// If the connection is closed.
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads one reply or pushed message.
    ///
    /// # Errors
    /// If the connection is closed, nothing comes in time, or what comes is no reply.
    pub fn receive(&mut self) -> Result<Value> {
        let mut buffer = [0; 16 * 1024];
        loop {
            let parsed = Value::parse(&self.unread).map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
            if let Some((value, len)) = parsed {
                self.unread.drain(..len);
                return Ok(value);
            }
            match self.stream.read(&mut buffer)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                len => self.unread.extend_from_slice(&buffer[..len]),
            }
        }
    }

    /// Sends a request and reads its reply.
    ///
    /// # Errors
    /// As [`Wire::send`] and [`Wire::receive`].
    pub fn run(&mut self, args: &[impl AsRef<[u8]>]) -> Result<Value> {
        self.send(args)?;
        self.receive()
    }
}

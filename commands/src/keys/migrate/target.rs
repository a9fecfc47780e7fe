//! The server that keys are moved to.

use std::io;
use std::time::Duration;

use redis_core::prelude::*;
use redis_core::resp::{Value, write_command};
use redis_core::server::Spare;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How much is written at a time: each time the timeout begins anew.
const CHUNK: usize = 64 * 1024;

/// How long an answer may be. They are a word, or an error.
const ANSWER_MAX: usize = 64 * 1024;

/// Where keys are moved to, and how to get there.
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: i64,
    pub(super) database: i64,
    /// The request that authenticates.
    pub(super) login: Option<Vec<u8>>,
    /// How long it may take to get a part of a request there, or to get an answer.
    pub(super) timeout: Duration,
}

impl Place {
    /// By what a connection is known to those who want to use it again: others must know the password, too.
    fn route(&self) -> Vec<u8> {
        let mut route = format!("{}:{} ", self.host, self.port).into_bytes();
        route.extend_from_slice(self.login.as_deref().unwrap_or_default());
        route
    }

    /// A new connection. That nobody listens there is only noticed when something is sent, says Redis.
    async fn connect(&self) -> Result<TcpStream, Failure> {
        let port = u16::try_from(self.port).map_err(|_| Failure::Connect)?;
        let connected = timeout(self.timeout, TcpStream::connect((&*self.host, port))).await;
        let stream = connected.map_err(|_| Failure::Connect)?.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => Failure::Write,
            _ => Failure::Connect,
        })?;
        // Without it, answers come later, but they come.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

/// A connection to the other server.
pub(super) struct Target {
    place: Place,
    stream: TcpStream,
    /// The database that is selected there.
    database: i64,
    /// What came and is not read yet.
    input: Vec<u8>,
    /// Whether it is a connection of former times, which may have been closed since.
    is_old: bool,
    /// Whether it was closed.
    is_closed: bool,
}

/// Why keys were not moved.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// There is no such place, or it does not answer.
    Connect,
    /// A request did not get there.
    Write,
    /// No answer came.
    Read,
    /// The answer is an error.
    Refused(Vec<u8>),
    /// The keys changed all the time.
    Restless,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Connect => Error::new("IOERR error or timeout connecting to the client"),
            Failure::Write => Error::new("IOERR error or timeout writing to target instance"),
            Failure::Read => Error::new("IOERR error or timeout reading from target instance"),
            Failure::Refused(answer) => {
                Error::from([b"ERR Target instance replied with error: ", &answer[..]].concat())
            }
            Failure::Restless => Error::new("IOERR the keys changed faster than they could be moved"),
        }
    }
}

impl Target {
    /// Connects, unless there is a connection still, and selects the database there.
    pub(super) async fn reach(server: &Server, place: Place) -> Result<Self, Failure> {
        let known = server.outgoing.take(&place.route());
        let known = known.and_then(|spare| Some((TcpStream::from_std(spare.stream).ok()?, spare.database)));
        let is_old = known.is_some();
        let (stream, database) = match known {
            Some(known) => known,
            None => (place.connect().await?, 0),
        };
        let mut target = Target { place, stream, database, input: Vec::new(), is_old, is_closed: false };
        let greeted = target.greet().await;
        target.retry_if_lost(greeted).await?;
        Ok(target)
    }

    /// Keeps the connection for the next time.
    pub(super) fn keep(self, server: &Server) {
        if self.input.is_empty()
            && let Ok(stream) = self.stream.into_std()
        {
            server.outgoing.keep(self.place.route(), Spare { stream, database: self.database });
        }
    }

    /// Sends requests all at once. Tells of each whether it was done.
    pub(super) async fn ask(&mut self, requests: impl IntoIterator<Item = Vec<u8>>) -> Vec<Result<(), Failure>> {
        let requests: Vec<_> = requests.into_iter().collect();
        let answers = self.exchange(&requests).await;
        if let Some(Err(failure @ (Failure::Write | Failure::Read))) = answers.first()
            && self.is_old
            && self.retry_if_lost(Err(failure.clone())).await.is_ok()
        {
            return self.exchange(&requests).await;
        }
        answers
    }

    /// Connects anew if it was an old connection that failed, because it had been closed.
    async fn retry_if_lost(&mut self, result: Result<(), Failure>) -> Result<(), Failure> {
        if result.is_ok() || !self.is_closed || !self.is_old {
            return result;
        }
        self.stream = self.place.connect().await?;
        (self.database, self.is_old, self.is_closed) = (0, false, false);
        self.input.clear();
        self.greet().await
    }

    /// Authenticates and selects the database, where that has to be done.
    async fn greet(&mut self) -> Result<(), Failure> {
        let mut requests = Vec::from_iter(self.place.login.clone());
        if self.place.database != self.database {
            requests.push(write_command(&[b"SELECT", self.place.database.to_string().as_bytes()]));
        }
        let answers = self.exchange(&requests).await;
        self.database = self.place.database;
        answers.into_iter().collect()
    }

    async fn exchange(&mut self, requests: &[Vec<u8>]) -> Vec<Result<(), Failure>> {
        if let Err(failure) = self.write(&requests.concat()).await {
            return vec![Err(failure); requests.len()];
        }
        let mut answers = Vec::with_capacity(requests.len());
        while answers.len() < requests.len() {
            match self.answer().await {
                Ok(Value::Error(error)) => answers.push(Err(Failure::Refused(error))),
                Ok(_) => answers.push(Ok(())),
                Err(failure) => answers.resize(requests.len(), Err(failure)),
            }
        }
        answers
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        for chunk in bytes.chunks(CHUNK) {
            let written = timeout(self.place.timeout, self.stream.write_all(chunk)).await;
            self.is_closed |= matches!(written, Ok(Err(_)));
            written.map_err(|_| Failure::Write)?.map_err(|_| Failure::Write)?;
        }
        Ok(())
    }

    async fn answer(&mut self) -> Result<Value, Failure> {
        loop {
            if let Some((answer, len)) = Value::parse(&self.input).map_err(|_| Failure::Read)? {
                self.input.drain(..len);
                return Ok(answer);
            }
            let read = timeout(self.place.timeout, self.stream.read_buf(&mut self.input)).await;
            self.is_closed |= matches!(read, Ok(Ok(0) | Err(_)));
            let read = read.map_err(|_| Failure::Read)?.map_err(|_| Failure::Read)?;
            if read == 0 || self.input.len() > ANSWER_MAX {
                return Err(Failure::Read);
            }
        }
    }
}

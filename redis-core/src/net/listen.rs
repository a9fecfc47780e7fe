//! Listening: which addresses, with which options, and who is let in.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken or not ours.
    #[error("Failed listening on port {port} (tcp): cannot bind {address}: {source}")]
    Tcp {
        /// The port asked for.
        port: u16,
        /// The address asked for.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// The path of the unix socket cannot be used.
    #[error("Failed opening Unix socket {path}: {source}")]
    Unix {
        /// The path.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// There is neither a port nor a path to listen on.
    #[error("Configured to not listen anywhere, exiting.")]
    Nowhere,
}

/// Opens the listening sockets for `bind` and `port`. An address that begins with `-` may fail; `*` is every IPv4
/// address and `::*` every IPv6 address. No address means no socket.
///
/// # Errors
/// The first address that is not optional and cannot be bound.
pub(crate) fn tcp(bind: &[String], port: u16, backlog: i32) -> Result<Vec<std::net::TcpListener>, ListenError> {
    let mut listeners = Vec::new();
    let mut port = port;
    for given in bind.iter().filter(|given| !given.is_empty()) {
        let (address, optional) = given.strip_prefix('-').map_or((given.as_str(), false), |address| (address, true));
        match one(address, port, backlog) {
            Ok(listener) => {
                // All addresses share the port that the system chose for the first.
                port = listener.local_addr().map_or(port, |address| address.port());
                listeners.push(listener);
            }
            Err(source) if optional => tracing::debug!("not listening on {address}: {source}"),
            Err(source) => return Err(ListenError::Tcp { port, address: address.to_owned(), source }),
        }
    }
    Ok(listeners)
}

fn one(address: &str, port: u16, backlog: i32) -> io::Result<std::net::TcpListener> {
    let ip: IpAddr = match address {
        "*" => IpAddr::from([0u8; 4]),
        "::*" => IpAddr::from([0u16; 8]),
        _ => match address.parse() {
            Ok(ip) => ip,
            Err(_) => (address, port)
                .to_socket_addrs()?
                .next()
                .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))?
                .ip(),
        },
    };
    let socket = Socket::new(Domain::for_address(SocketAddr::new(ip, port)), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if ip.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(ip, port).into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// Opens the unix socket at `path`, replacing one that was left there.
///
/// # Errors
/// If the path cannot be used.
pub(crate) fn unix(
    path: &str,
    permissions: u32,
    backlog: i32,
) -> Result<std::os::unix::net::UnixListener, ListenError> {
    let open = || -> io::Result<std::os::unix::net::UnixListener> {
        let _ = std::fs::remove_file(path);
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&socket2::SockAddr::unix(path)?)?;
        socket.listen(backlog)?;
        if permissions != 0 {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(permissions))?;
        }
        Ok(socket.into())
    };
    open().map_err(|source| ListenError::Unix { path: path.to_owned(), source })
}

/// Options of an accepted TCP connection.
pub(super) fn tune(stream: &tokio::net::TcpStream, keepalive: u64) {
    let socket = SockRef::from(stream);
    // A connection that refuses an option still works.
    let _ = stream.set_nodelay(true);
    if keepalive > 0 {
        let interval = Duration::from_secs((keepalive / 3).max(1));
        let options =
            TcpKeepalive::new().with_time(Duration::from_secs(keepalive)).with_interval(interval).with_retries(3);
        let _ = socket.set_tcp_keepalive(&options);
    }
}

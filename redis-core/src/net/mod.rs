//! The network: listening sockets, worker threads, connections.
//!
//! Only this floor knows sockets; commands see bytes in and bytes out.

mod batch;
mod connection;
mod context;
mod cron;
mod listen;
mod open_files;
mod output;
mod ports;
mod signals;
mod stream;
mod worker;

pub use listen::ListenError;
pub(crate) use listen::{tcp as listen_tcp, unix as listen_unix};
pub(crate) use open_files::make_room_for_clients;
pub(crate) use ports::note as note_ports;
pub(crate) use signals::listen as listen_to_signals;
pub(crate) use worker::{Listeners, run};

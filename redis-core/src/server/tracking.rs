//! Client-side caching: clients keep what they have read, and are told when it is no longer so.
//!
//! There are two ways to be told. A client that *remembers* (the default) is noted in a table for each key that it reads;
//! when the key changes it gets one message, and the note is gone. A client that listens to *broadcasts* is noted for
//! prefixes of names instead, and gets a message for each change below them, read or not.
//!
//! A note is made while the shard of its key is locked by the command that reads, and taken out under the same lock by
//! the command that changes the key. The messages go out when that command has ended, EXEC with all its commands: its own
//! reply comes before what it causes.
//!
//! Notes of clients that have gone, or switched tracking off, stay until their key changes or the table grows over
//! `tracking-table-max-keys`: finding them would take longer than they are worth.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use parking_lot::Mutex;

use super::clients::{ClientShared, Clients};
use crate::db::Touched;
use crate::pubsub::OutputLimits;
use crate::resp::Reply;

/// The channel by which a connection with protocol 2 is told, if another one redirects its messages there.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// When reads are remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Always.
    #[default]
    Every,
    /// Those after CLIENT CACHING YES.
    OptIn,
    /// Those that do not follow CLIENT CACHING NO.
    OptOut,
}

/// How a connection wants to be told.
#[derive(Debug, Default)]
pub struct Tracking {
    /// The connection that gets the messages, if it is another one.
    pub redirect: Option<u64>,
    /// By prefixes, instead of remembering reads.
    pub broadcast: bool,
    /// Which reads count.
    pub choice: Choice,
    /// Its own changes are no news.
    pub no_loop: bool,
    /// The prefixes of a broadcast.
    pub prefixes: Vec<Box<[u8]>>,
    /// The connection that gets the messages is gone.
    pub broken: AtomicBool,
}

/// About what a prefix occupies beside its bytes, which are there twice: its places in the connection's list and in the table.
const PREFIX: usize = 128;

impl Tracking {
    /// About how much memory it occupies.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.prefixes.iter().map(|prefix| PREFIX + 2 * prefix.len()).sum::<usize>()
    }
}

/// A key that has changed, with those who have to be told.
#[derive(Debug)]
pub struct Stale {
    touched: Touched,
    readers: Vec<u64>,
}

/// Which names a message carries.
enum Names<'a> {
    All,
    Some(&'a [&'a [u8]]),
}

/// A message, encoded once for all who get it in the same form.
struct Message<'a> {
    names: Names<'a>,
    push: OnceCell<Bytes>,
    published: OnceCell<Bytes>,
}

impl<'a> Message<'a> {
    fn new(names: Names<'a>) -> Self {
        Message { names, push: OnceCell::new(), published: OnceCell::new() }
    }

    /// As protocol 3 has it.
    fn push(&self) -> Bytes {
        self.push.get_or_init(|| encode_push(&self.names)).clone()
    }

    /// As one of a channel.
    fn published(&self) -> Bytes {
        self.published.get_or_init(|| encode_message(&self.names)).clone()
    }
}

/// Who is to be told of which keys.
#[derive(Debug, Default)]
pub struct TrackingTable {
    /// Connections that track.
    clients: AtomicUsize,
    /// `tracking-table-max-keys`; 0 is no limit.
    max_keys: AtomicUsize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By key of whatever database: those who have read it.
    readers: HashMap<Box<[u8]>, Vec<u64>>,
    /// The sum of all readers.
    items: usize,
    prefixes: BTreeMap<Box<[u8]>, Vec<u64>>,
}

impl Inner {
    fn forget(&mut self, name: &[u8]) -> Vec<u64> {
        let readers = self.readers.remove(name).unwrap_or_default();
        self.items -= readers.len();
        readers
    }
}

impl TrackingTable {
    /// Connections that track.
    pub fn clients(&self) -> usize {
        self.clients.load(Relaxed)
    }

    /// Whether nobody tracks, so that nothing need be remembered or told.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.clients() == 0
    }

    /// Keys, readers of keys, and prefixes in the table.
    pub fn totals(&self) -> (usize, usize, usize) {
        let inner = self.inner.lock();
        (inner.readers.len(), inner.items, inner.prefixes.len())
    }

    /// Switches tracking on for a connection, or to other options. Prefixes are added to those that it has.
    pub fn start(&self, client: &ClientShared, mut tracking: Tracking) {
        let mut current = client.tracking.write();
        match current.take() {
            None => drop(self.clients.fetch_add(1, Relaxed)),
            Some(before) => {
                let kept = before.prefixes.iter().filter(|prefix| !tracking.prefixes.contains(prefix));
                let kept: Vec<_> = kept.cloned().collect();
                tracking.prefixes.splice(..0, kept);
            }
        }
        let mut inner = self.inner.lock();
        for prefix in &tracking.prefixes {
            let listeners = inner.prefixes.entry(prefix.clone()).or_default();
            if !listeners.contains(&client.id) {
                listeners.push(client.id);
            }
        }
        drop(inner);
        *current = Some(Arc::new(tracking));
    }

    /// Switches tracking off for a connection.
    pub fn stop(&self, client: &ClientShared) {
        let Some(tracking) = client.tracking.write().take() else { return };
        let last = self.clients.fetch_sub(1, Relaxed) == 1;
        let mut inner = self.inner.lock();
        if last {
            // From now on nobody says which keys change.
            *inner = Inner::default();
            return;
        }
        for prefix in &tracking.prefixes {
            let Some(listeners) = inner.prefixes.get_mut(prefix) else { continue };
            listeners.retain(|listener| *listener != client.id);
            if listeners.is_empty() {
                inner.prefixes.remove(prefix);
            }
        }
    }

    /// Notes that a connection has read some keys. Their shards are locked by the caller.
    pub fn remember<'a>(&self, client: u64, names: impl Iterator<Item = &'a [u8]>) {
        let inner = &mut *self.inner.lock();
        for name in names {
            let readers = match inner.readers.get_mut(name) {
                Some(readers) => readers,
                None => inner.readers.entry(name.into()).or_default(),
            };
            if !readers.contains(&client) {
                readers.push(client);
                inner.items += 1;
            }
        }
    }

    /// Sets `tracking-table-max-keys`.
    pub fn set_max_keys(&self, max: usize) {
        self.max_keys.store(max, Relaxed);
    }

    /// Forgets keys, telling their readers, until there are no more than the limit allows.
    pub fn shrink(&self, clients: &Clients, limits: OutputLimits) {
        let max = self.max_keys.load(Relaxed);
        loop {
            let mut inner = self.inner.lock();
            if max == 0 || inner.readers.len() <= max {
                return;
            }
            let Some(name) = inner.readers.keys().next().cloned() else { return };
            let readers = inner.forget(&name);
            drop(inner);
            tell_readers(clients, &readers, &name, None, limits);
        }
    }

    /// Takes out the readers of keys that have changed. Their shards are locked by the caller.
    pub fn take_readers(&self, touched: Vec<Touched>, stale: &mut Vec<Stale>) {
        let mut inner = self.inner.lock();
        stale.extend(touched.into_iter().map(|touched| Stale { readers: inner.forget(&touched.name), touched }));
    }

    /// Tells whom it concerns that keys have changed. `client` is the connection whose command did it.
    pub fn invalidate(&self, clients: &Clients, stale: &[Stale], client: Option<u64>, limits: OutputLimits) {
        let by = |touched: &Touched| client.filter(|_| touched.by_command);
        let inner = self.inner.lock();
        let listeners = inner.prefixes.iter().flat_map(|(prefix, ids)| ids.iter().map(move |id| (*id, prefix.clone())));
        let listeners: Vec<_> = listeners.collect();
        drop(inner);
        for Stale { touched, readers } in stale {
            tell_readers(clients, readers, &touched.name, by(touched), limits);
        }
        for (id, prefix) in listeners {
            let Some((listener, tracking)) = tracking_client(clients, id) else { continue };
            let mut told = HashSet::new();
            let mut names: Vec<&[u8]> = Vec::new();
            for Stale { touched, .. } in stale {
                let own = tracking.no_loop && by(touched) == Some(id);
                if touched.name.starts_with(&prefix) && !own && told.insert(&*touched.name) {
                    names.push(&touched.name);
                }
            }
            if !names.is_empty() {
                send(clients, &listener, &tracking, &Message::new(Names::Some(&names)), limits);
            }
        }
    }

    /// Tells everybody who tracks that all keys are gone.
    pub fn invalidate_all(&self, clients: &Clients, limits: OutputLimits) {
        let mut inner = self.inner.lock();
        inner.readers.clear();
        inner.items = 0;
        drop(inner);
        let message = Message::new(Names::All);
        for client in clients.all() {
            let tracking = client.tracking.read().clone();
            if let Some(tracking) = tracking {
                send(clients, &client, &tracking, &message, limits);
            }
        }
    }
}

fn tracking_client(clients: &Clients, id: u64) -> Option<(Arc<ClientShared>, Arc<Tracking>)> {
    let client = clients.get(id)?;
    let tracking = client.tracking.read().clone()?;
    Some((client, tracking))
}

fn tell_readers(clients: &Clients, readers: &[u64], name: &[u8], by: Option<u64>, limits: OutputLimits) {
    let names = [name];
    let message = Message::new(Names::Some(&names));
    for id in readers {
        let Some((reader, tracking)) = tracking_client(clients, *id) else { continue };
        let own = tracking.no_loop && by == Some(*id);
        if !tracking.broadcast && !own {
            send(clients, &reader, &tracking, &message, limits);
        }
    }
}

/// Sends a message to a connection that tracks, or to where it wants it.
fn send(
    clients: &Clients,
    client: &Arc<ClientShared>,
    tracking: &Tracking,
    message: &Message<'_>,
    limits: OutputLimits,
) {
    let target = match tracking.redirect {
        None => Some(client.clone()),
        Some(id) => clients.get(id),
    };
    let message = match target {
        None => {
            tracking.broken.store(true, Relaxed);
            if client.protocol.load(Relaxed) == 3 {
                client.mailbox.push_within(&broken(tracking.redirect.unwrap_or(0)), limits);
            }
            return;
        }
        Some(ref target) if target.protocol.load(Relaxed) == 3 => message.push(),
        // Messages of protocol 2 are those of a channel.
        Some(ref target) if tracking.redirect.is_some() && target.is.subscriber.load(Relaxed) => message.published(),
        Some(_) => return,
    };
    if let Some(target) = target {
        target.mailbox.push_within(&message, limits);
    }
}

fn broken(redirect: u64) -> Bytes {
    let mut reply = Reply::new(3);
    reply.push(2);
    reply.bulk(b"tracking-redir-broken");
    reply.integer(redirect.cast_signed());
    Bytes::from(reply.take())
}

fn encode_push(names: &Names<'_>) -> Bytes {
    let mut reply = Reply::new(3);
    reply.push(2);
    reply.bulk(b"invalidate");
    write_names(names, &mut reply);
    tight(reply)
}

/// Messages may wait for long: without the room that a buffer has to spare.
fn tight(mut reply: Reply) -> Bytes {
    Bytes::from(reply.take().into_boxed_slice())
}

fn encode_message(names: &Names<'_>) -> Bytes {
    let mut reply = Reply::new(2);
    reply.array(3);
    reply.bulk(b"message");
    reply.bulk(CHANNEL);
    write_names(names, &mut reply);
    tight(reply)
}

fn write_names(names: &Names<'_>, reply: &mut Reply) {
    match names {
        Names::All => reply.nil(),
        Names::Some(names) => {
            reply.array(names.len());
            names.iter().for_each(|name| reply.bulk(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Origin;

    const LIMITS: OutputLimits = OutputLimits { hard: 0, soft: 0 };

    fn stale(table: &TrackingTable, names: &[&str]) -> Vec<Stale> {
        let touched = |name: &&str| Touched { name: name.as_bytes().into(), by_command: true };
        let mut stale = Vec::new();
        table.take_readers(names.iter().map(touched).collect(), &mut stale);
        stale
    }

    fn received(client: &ClientShared) -> String {
        let mut text = String::new();
        client.mailbox.take().pieces().for_each(|piece| text += &String::from_utf8_lossy(piece));
        text
    }

    fn fixture() -> (Clients, TrackingTable, Arc<ClientShared>, Arc<ClientShared>) {
        let clients = Clients::default();
        let client = || {
            let client = clients.add(Origin::in_process(), 0);
            client.protocol.store(3, Relaxed);
            client
        };
        let (a, b) = (client(), client());
        (clients, TrackingTable::default(), a, b)
    }

    #[test]
    fn a_reader_is_told_once() {
        let (clients, table, a, b) = fixture();
        table.start(&a, Tracking::default());
        table.remember(a.id, [&b"k"[..], b"k", b"l"].into_iter());
        assert_eq!(table.totals(), (2, 2, 0));
        table.invalidate(&clients, &stale(&table, &["k", "other"]), Some(b.id), LIMITS);
        table.invalidate(&clients, &stale(&table, &["k"]), Some(b.id), LIMITS);
        assert_eq!(received(&a), ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n");
        table.invalidate_all(&clients, LIMITS);
        assert_eq!(received(&a), ">2\r\n$10\r\ninvalidate\r\n_\r\n");
        assert_eq!(table.totals(), (0, 0, 0));
        table.remember(a.id, [&b"k"[..]].into_iter());
        table.stop(&a);
        table.invalidate(&clients, &stale(&table, &["k"]), None, LIMITS);
        assert_eq!((received(&a).as_str(), table.clients(), table.totals()), ("", 0, (0, 0, 0)));
    }

    #[test]
    fn listeners_get_what_is_below_their_prefixes() {
        let (clients, table, a, b) = fixture();
        let prefixes = vec![b"x:"[..].into(), b"y:"[..].into()];
        table.start(&a, Tracking { broadcast: true, no_loop: true, prefixes, ..Tracking::default() });
        table.start(
            &a,
            Tracking { broadcast: true, no_loop: true, prefixes: vec![b"z:"[..].into()], ..Tracking::default() },
        );
        assert_eq!((table.totals(), table.clients()), ((0, 0, 3), 1));
        let all = stale(&table, &["x:1", "w:1", "x:1", "z:1", "x:2"]);
        table.invalidate(&clients, &all, Some(a.id), LIMITS);
        assert_eq!(received(&a), "");
        table.invalidate(&clients, &all, Some(b.id), LIMITS);
        let message = |names: &str| format!(">2\r\n$10\r\ninvalidate\r\n{names}");
        let expected = [message("*2\r\n$3\r\nx:1\r\n$3\r\nx:2\r\n"), message("*1\r\n$3\r\nz:1\r\n")].concat();
        assert_eq!(received(&a), expected);
        table.stop(&a);
        assert_eq!(table.totals(), (0, 0, 0));
    }

    #[test]
    fn messages_go_to_another_connection_while_it_is_there() {
        let (clients, table, a, b) = fixture();
        table.start(&a, Tracking { redirect: Some(b.id), ..Tracking::default() });
        b.protocol.store(2, Relaxed);
        table.remember(a.id, [&b"k"[..]].into_iter());
        table.invalidate(&clients, &stale(&table, &["k"]), None, LIMITS);
        assert_eq!(received(&b), "", "with protocol 2 only a subscriber expects messages");
        b.is.subscriber.store(true, Relaxed);
        table.remember(a.id, [&b"k"[..]].into_iter());
        table.invalidate(&clients, &stale(&table, &["k"]), None, LIMITS);
        assert_eq!(received(&b), "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$1\r\nk\r\n");
        clients.remove(b.id);
        table.remember(a.id, [&b"k"[..]].into_iter());
        table.invalidate(&clients, &stale(&table, &["k"]), None, LIMITS);
        assert_eq!(received(&a), format!(">2\r\n$21\r\ntracking-redir-broken\r\n:{}\r\n", b.id));
        assert!(a.tracking.read().as_ref().is_some_and(|tracking| tracking.broken.load(Relaxed)));
    }

    #[test]
    fn the_table_shrinks_to_its_limit() {
        let (clients, table, a, _) = fixture();
        table.start(&a, Tracking::default());
        let names: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        table.remember(a.id, names.iter().map(String::as_bytes));
        table.shrink(&clients, LIMITS);
        assert_eq!(table.totals().0, 10);
        table.set_max_keys(3);
        table.shrink(&clients, LIMITS);
        assert_eq!(table.totals(), (3, 3, 0));
        assert_eq!(received(&a).matches("invalidate").count(), 7);
    }
}

//! CLIENT TRACKING and its relatives: client-side caching.

use std::sync::atomic::Ordering::Relaxed;

use redis_core::prelude::*;
use redis_core::server::{Choice, Tracking};

use super::FAMILY;
use super::line::redirection;

#[derive(Options)]
enum Status {
    On,
    Off,
}

/// How a connection wants to be told of keys that change.
#[derive(Options)]
struct TrackingOptions<'a> {
    /// The connection that is told instead.
    #[arg(
        name = "client-id",
        token = "REDIRECT",
        conflict = "ERR A client can only redirect to a single other client"
    )]
    redirect: Option<i64>,
    /// With BCAST: the beginnings of names.
    #[arg(name = "prefix", token = "PREFIX")]
    prefixes: Vec<&'a [u8]>,
    bcast: bool,
    optin: bool,
    optout: bool,
    noloop: bool,
}

/// Controls server-assisted client-side caching for the connection.
#[command(
    "CLIENT TRACKING",
    since = "6.0.0",
    complexity = "O(1). Some options may introduce additional complexity.",
    flags(NOSCRIPT, LOADING, STALE)
)]
fn client_tracking(server: &Server, client: &mut Client, status: Status, options: TrackingOptions) -> Result<Okay> {
    let redirect = match options.redirect {
        None => None,
        Some(id) => {
            let id = u64::try_from(id).ok().filter(|id| server.clients.get(*id).is_some());
            Some(id.ok_or(Error::new("ERR The client ID you want redirect to does not exist"))?)
        }
    };
    if matches!(status, Status::Off) {
        server.stop_tracking(&client.shared);
        return Ok(Okay);
    }
    let current = client.shared.tracking.read().clone();
    let choice = options.check(current.as_deref())?;
    let mut prefixes: Vec<Box<[u8]>> = options.prefixes.iter().map(|prefix| Box::from(*prefix)).collect();
    if options.bcast && prefixes.is_empty() {
        prefixes.push(Box::default());
    }
    let (broadcast, no_loop) = (options.bcast, options.noloop);
    server.start_tracking(
        &client.shared,
        Tracking { redirect, broadcast, choice, no_loop, prefixes, broken: false.into() },
    );
    Ok(Okay)
}

impl TrackingOptions<'_> {
    /// Whether the options go together, and with those in force. Answers which reads are to be remembered.
    fn check(&self, current: Option<&Tracking>) -> Result<Choice> {
        if !self.bcast && !self.prefixes.is_empty() {
            return Err(Error::new("ERR PREFIX option requires BCAST mode to be enabled"));
        }
        if current.is_some_and(|current| current.broadcast != self.bcast) {
            return Err(Error::new(
                "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
                 re-enabling it with a different mode.",
            ));
        }
        if self.bcast && (self.optin || self.optout) {
            return Err(Error::new("ERR OPTIN and OPTOUT are not compatible with BCAST"));
        }
        let (choice, other) = match (self.optin, self.optout) {
            (true, true) => return Err(Error::new("ERR You can't specify both OPTIN mode and OPTOUT mode")),
            (true, false) => (Choice::OptIn, Some(Choice::OptOut)),
            (false, true) => (Choice::OptOut, Some(Choice::OptIn)),
            (false, false) => (Choice::Every, None),
        };
        if current.is_some_and(|current| Some(current.choice) == other) {
            return Err(Error::new(
                "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
                 re-enabling it with a different mode.",
            ));
        }
        if self.bcast {
            let existing = current.map_or(&[][..], |current| &current.prefixes);
            check_overlaps(&self.prefixes, existing)?;
        }
        Ok(choice)
    }
}

/// A key must not be told twice because of two prefixes.
fn check_overlaps(given: &[&[u8]], existing: &[Box<[u8]>]) -> Result<()> {
    let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
    let text = String::from_utf8_lossy;
    for (index, prefix) in given.iter().enumerate() {
        if let Some(other) = existing.iter().find(|other| overlap(prefix, other)) {
            return Err(Error::from(format!(
                "ERR Prefix '{}' overlaps with an existing prefix '{}'. Prefixes for a single client must not overlap.",
                text(prefix),
                text(other)
            )));
        }
        if let Some(other) = given[index + 1..].iter().find(|other| overlap(prefix, other)) {
            return Err(Error::from(format!(
                "ERR Prefix '{}' overlaps with another provided prefix '{}'. Prefixes for a single client must not \
                 overlap.",
                text(prefix),
                text(other)
            )));
        }
    }
    Ok(())
}

#[derive(Options)]
enum Caching {
    Yes,
    No,
}

/// Instructs the server whether to track the keys in the next request.
#[command("CLIENT CACHING", since = "6.0.0", complexity = "O(1)", flags(NOSCRIPT, LOADING, STALE, ALLOW_BUSY),
          extra = arity)]
fn client_caching(client: &mut Client, mode: Late<Caching>) -> Result<Okay> {
    const NO_CHOICE: Error = Error::new(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
    );
    let choice = client.shared.tracking.read().as_ref().map_or(Choice::Every, |tracking| tracking.choice);
    if choice == Choice::Every {
        return Err(NO_CHOICE);
    }
    match (mode.get()?, choice) {
        (_, Choice::Every) => Err(NO_CHOICE),
        (Caching::Yes, Choice::OptOut) => {
            Err(Error::new("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."))
        }
        (Caching::No, Choice::OptIn) => {
            Err(Error::new("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."))
        }
        (Caching::Yes, Choice::OptIn) | (Caching::No, Choice::OptOut) => {
            // Good for the command after this one, or what is left of the transaction.
            client.caching = if client.in_exec { 1 } else { 2 };
            Ok(Okay)
        }
    }
}

/// Returns the client ID to which the connection's tracking notifications are redirected.
#[command("CLIENT GETREDIR", since = "6.0.0", complexity = "O(1)", flags(NOSCRIPT, LOADING, STALE, ALLOW_BUSY))]
fn client_getredir(client: &Client) -> i64 {
    redirection(&client.shared)
}

/// Returns information about server-assisted client-side caching for the connection.
#[command(
    "CLIENT TRACKINGINFO",
    since = "6.2.0",
    complexity = "O(1)",
    flags(NOSCRIPT, LOADING, STALE),
    reply = Map(&Bulk, &OneOf(&[Set(&Bulk), Integer, Array(&Bulk)]))
)]
fn client_trackinginfo(client: &Client, reply: &mut Reply) {
    let tracking = client.shared.tracking.read().clone();
    let flags = flags(tracking.as_deref(), client.caching > 0);
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"redirect");
    reply.integer(redirection(&client.shared));
    reply.bulk(b"prefixes");
    let prefixes = tracking.as_ref().map_or(&[][..], |tracking| &tracking.prefixes);
    reply.array(prefixes.len());
    prefixes.iter().for_each(|prefix| reply.bulk(prefix));
}

fn flags(tracking: Option<&Tracking>, caching: bool) -> Vec<&'static str> {
    let Some(tracking) = tracking else { return vec!["off"] };
    let mut flags = vec!["on"];
    flags.extend(tracking.broadcast.then_some("bcast"));
    match tracking.choice {
        Choice::Every => {}
        Choice::OptIn => {
            flags.push("optin");
            flags.extend(caching.then_some("caching-yes"));
        }
        Choice::OptOut => {
            flags.push("optout");
            flags.extend(caching.then_some("caching-no"));
        }
    }
    flags.extend(tracking.no_loop.then_some("noloop"));
    flags.extend(tracking.broken.load(Relaxed).then_some("broken_redirect"));
    flags
}

//! MIGRATE: moves keys to another server.
//!
//! The keys are dumped, restored there, and deleted here. Redis does that in one go, and nobody is served meanwhile; here
//! others are served while the other server is waited for. So a key may change after it was dumped. Then it is not deleted,
//! but sent once more, as it is now, until what the other server has is what is deleted here. A change is never lost, and
//! nobody sees a key in neither place.
//!
//! | module | |
//! |---|---|
//! | `arguments` | which keys, and the options |
//! | `target` | the other server |

mod arguments;
mod target;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use redis_core::prelude::*;
use redis_core::resp::write_command;

use self::arguments::{Authentication, MigrateOptions, Selector};
use self::target::{Failure, Place, Target};
use super::FAMILY;
use super::dump::payload;

/// Moves keys to another server.
#[command(
    since = "2.6.0",
    complexity = "A DUMP and a DEL here and a RESTORE there for each key, and a round trip between the servers.",
    acl(KEYSPACE, DANGEROUS),
    tips(NONDETERMINISTIC_OUTPUT),
    history(
        "3.0.0" = "Added the `COPY` and `REPLACE` options.",
        "3.0.6" = "Added the `KEYS` option.",
        "4.0.7" = "Added the `AUTH` option.",
        "6.0.0" = "Added the `AUTH2` option."
    )
)]
async fn migrate(
    caller: Caller,
    host: String,
    port: i64,
    #[arg(name = "key-selector")]
    #[key(RW, ACCESS, DELETE)]
    selector: Selector,
    #[arg(name = "destination-db")] destination: i64,
    timeout: i64,
    options: MigrateOptions,
) -> Result<Simple> {
    let keys = selector.keys(options.keys)?;
    let Some(&first) = keys.first() else { return Ok(Simple("NOKEY")) };
    let compress = caller.server().config.rdbcompression.get();
    let names = caller.clone();
    let parcels: Vec<Parcel> = caller
        .read(first, |db, _| keys.iter().filter_map(|key| Parcel::pack(db, *key, names.name(*key), compress)).collect())
        .await;
    if parcels.is_empty() {
        return Ok(Simple("NOKEY"));
    }
    let timeout = u64::try_from(timeout).ok().filter(|millis| *millis > 0).unwrap_or(DEFAULT_TIMEOUT);
    let timeout = Duration::from_millis(timeout);
    let login = options.authentication.map(Authentication::request);
    let place = Place { host, port, database: destination, login, timeout };
    let mut target = Target::reach(caller.server(), place).await?;
    let answers = target.ask(parcels.iter().map(|parcel| parcel.request(options.replace))).await;
    let mut problem = answers.iter().find_map(|answer| answer.as_ref().err().cloned());
    if !options.copy {
        // A name may have been given twice.
        let mut names = HashSet::new();
        let arrived = parcels.into_iter().zip(answers).filter(|(_, answer)| answer.is_ok());
        let arrived = arrived.map(|(parcel, _)| parcel).filter(|parcel| names.insert(parcel.name.clone())).collect();
        let handed_over = hand_over(&caller, &mut target, first, arrived, compress, timeout).await;
        problem = problem.or(handed_over.err());
    }
    if let Some(failure) = problem {
        return Err(failure.into());
    }
    target.keep(caller.server());
    Ok(Simple("OK"))
}

/// The timeout of those who want none, in milliseconds.
const DEFAULT_TIMEOUT: u64 = 1000;

/// Deletes keys here that have arrived there. Those that have changed meanwhile are sent again, as they are now.
async fn hand_over(
    caller: &Caller,
    target: &mut Target,
    first: Key,
    mut sent: Vec<Parcel>,
    compress: bool,
    timeout: Duration,
) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        sent = caller.write(first, |db, _| settle(db, sent, compress)).await;
        let answers = target.ask(sent.iter().map(|parcel| parcel.request(true))).await;
        answers.into_iter().collect::<Result<(), Failure>>()?;
        sent.retain(|parcel| parcel.content.is_some());
        if sent.is_empty() {
            return Ok(());
        }
        if began.elapsed() > timeout {
            return Err(Failure::Restless);
        }
    }
}

/// A key on its way.
struct Parcel {
    key: Key,
    name: Vec<u8>,
    /// What it holds; none if it was deleted after it had been sent.
    content: Option<Content>,
}

/// What a key holds.
struct Content {
    payload: Vec<u8>,
    deadline: Option<Deadline>,
    /// What is left of its time, in milliseconds; 0 if it does not end.
    ttl: u64,
}

impl Content {
    fn of(db: &Db, key: Key, compress: bool) -> Option<Self> {
        let payload = payload(db, key, compress)?;
        let deadline = db.deadline(key).filter(|deadline| !deadline.is_never());
        let ttl = deadline.map_or(0, |deadline| deadline.millis().saturating_sub(db.now()).max(1));
        Some(Content { payload, deadline, ttl })
    }
}

impl Parcel {
    fn pack(db: &Db, key: Key, name: &[u8], compress: bool) -> Option<Self> {
        Some(Parcel { key, name: name.to_vec(), content: Some(Content::of(db, key, compress)?) })
    }

    /// The request that makes of the key there what it is here.
    fn request(&self, replace: bool) -> Vec<u8> {
        let Some(Content { payload, ttl, .. }) = &self.content else { return write_command(&[b"DEL", &self.name]) };
        let ttl = ttl.to_string();
        let request: [&[u8]; 5] = [b"RESTORE", &self.name, ttl.as_bytes(), payload, b"REPLACE"];
        write_command(if replace { &request } else { &request[..4] })
    }
}

/// Deletes keys that are as they were sent. Answers the others as they are now.
fn settle(db: &mut Db, sent: Vec<Parcel>, compress: bool) -> Vec<Parcel> {
    let mut changed = Vec::new();
    for Parcel { key, name, content } in sent {
        let now = Content::of(db, key, compress);
        let is_same = |now: &Content| {
            content.as_ref().is_some_and(|sent| sent.payload == now.payload && sent.deadline == now.deadline)
        };
        if now.as_ref().is_some_and(is_same) {
            db.remove(key);
            db.changed(key, "del");
        } else {
            changed.push(Parcel { key, name, content: now });
        }
    }
    changed
}

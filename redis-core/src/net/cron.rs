//! Periodic work: what happens without anybody asking.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::worker::with_worker;
use crate::clock;
use crate::command::{Worker, serve, tell};
use crate::db::ShardSet;
use crate::persistence::snapshot;
use crate::pubsub::CloseReason;
use crate::server::{Server, defrag};

/// Entries looked at under one hold of a shard's lock.
const SLICE: usize = 400;

/// Runs `hz` times a second until the server stops.
pub(super) async fn run(server: Arc<Server>) {
    let mut next = 0;
    loop {
        let hz = server.config.hz.get().clamp(1, 500).unsigned_abs();
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(1000 / hz)) => {}
            () = server.lifecycle.stopped() => return,
        }
        if server.cron_paused.load(Relaxed) {
            continue;
        }
        let now = clock::unix_millis();
        server.stats.tick(now);
        server.memory.refresh(now / 1000);
        close_idle(&server, now);
        server.evict_clients();
        with_worker(make_room);
        server.outgoing.close_unused();
        with_worker(|worker| snapshot::tick(worker, now));
        defrag::tick(&server);
        if server.active_expire.load(Relaxed) && !server.loading.is_active() && server.pause.current(now).is_none() {
            // A quarter of the time between two runs at most, more with a higher effort.
            let effort = server.config.active_expire_effort.get().clamp(1, 10).unsigned_abs();
            let share = Duration::from_micros(10_000 * (25 + 2 * (effort - 1)) / hz);
            with_worker(|worker| expire(worker, share, &mut next));
        }
    }
}

/// Goes on with eviction where nobody sends commands that would.
fn make_room(worker: &mut Worker) {
    worker.begin();
    worker.make_room();
    serve(worker);
    worker.end();
}

/// Removes keys and fields whose time is over. `next` is the shard and database where the next run begins, as one number.
fn expire(worker: &mut Worker, share: Duration, next: &mut usize) {
    let begun = Instant::now();
    let (shards, databases) = (worker.keyspace.store().shards(), worker.keyspace.databases());
    worker.begin();
    worker.keyspace.begin(0, clock::unix_millis(), false);
    let places = shards * databases;
    'all: for place in (*next..places).chain(0..*next) {
        let (shard, database) = (place / databases, place % databases);
        let wanted = ShardSet::only(shard);
        loop {
            if !worker.runner.lock(&mut worker.keyspace, &wanted) {
                // Somebody is busy there. Next time, then.
                break;
            }
            let more = worker.keyspace.expire_slice(shard, database, SLICE);
            let changes = worker.keyspace.take_changes();
            worker.runner.log_vanished(&changes);
            tell(&mut worker.runner, changes);
            serve(worker);
            worker.runner.invalidate(None);
            worker.end();
            if begun.elapsed() > share {
                // Another database's turn, lest one that is full of expired keys takes all the time there is.
                *next = (place + 1) % places;
                worker.runner.stats.counters.expired_time_cap_reached.add(1);
                break 'all;
            }
            if !more {
                break;
            }
        }
    }
    let spent = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    worker.runner.stats.counters.expire_cycle_nanos.add(spent);
    let server = &worker.runner.server;
    server.latency.record("expire-cycle", spent / 1_000_000, clock::unix_millis() / 1000);
}

/// Closes connections that have been silent for longer than `timeout`. Subscribers and blocked clients have reason to
/// be silent.
fn close_idle(server: &Server, now: u64) {
    let timeout = server.config.timeout.get().unsigned_abs() * 1000;
    if timeout == 0 {
        return;
    }
    for client in server.clients.all() {
        let idle = now.saturating_sub(client.last_active.load(Relaxed));
        let excused =
            client.is.blocked.load(Relaxed) || client.is.subscriber.load(Relaxed) || client.is.monitor.load(Relaxed);
        if idle > timeout && !excused {
            tracing::debug!("Closing idle client {}", client.id);
            client.mailbox.request_close(CloseReason::Idle);
        }
    }
}

//! A connection as a line of text: `id=7 addr=127.0.0.1:53012 ...`.

use std::sync::atomic::Ordering::Relaxed;

use redis_core::command::Registry;
use redis_core::server::{ClientShared, NO_COMMAND};

/// Appends the description of a connection, without a line's end. Fields that Redis 7.0 does not have come last, for
/// readers that expect its order.
pub(super) fn describe(client: &ClientShared, now: u64, out: &mut Vec<u8>) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let seconds = |since: u64| now.saturating_sub(since) / 1000;
    let [channels, patterns, shard_channels] = [0, 1, 2].map(|kind| client.subscriptions[kind].load(Relaxed));
    let [input, queued] = [&client.input, &client.queued_bytes].map(|bytes| bytes.load(Relaxed));
    let output = client.pending_output();
    let library = client.library.read().clone();
    let line = format!(
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={channels} psub={patterns} \
         ssub={shard_channels} multi={} qbuf={input} qbuf-free={} argv-mem={} multi-mem={queued} rbs=0 \
         rbp=0 obl=0 oll={} omem={output} tot-mem={} events={} cmd={} user={} redir={} resp={} lib-name={} lib-ver={} \
         watch={} capa={} tot-net-in={} tot-net-out={} tot-cmds={}",
        client.id,
        client.origin.address,
        client.origin.local_address,
        client.origin.fd,
        text(&client.name()),
        seconds(client.created),
        seconds(client.last_active.load(Relaxed)),
        client.flags(),
        client.database.load(Relaxed),
        client.queued.load(Relaxed),
        client.input_free(),
        client.argument_memory(),
        usize::from(output > 0),
        client.memory(),
        if output > 0 { "rw" } else { "r" },
        command_name(client.last_command.load(Relaxed)),
        client.user.read(),
        redirection(client),
        client.protocol.load(Relaxed),
        text(&library.name),
        text(&library.version),
        client.watched.load(Relaxed),
        if client.capabilities.load(Relaxed) & 1 == 0 { "" } else { "r" },
        client.bytes_in.load(Relaxed),
        client.bytes_out.load(Relaxed),
        client.commands.load(Relaxed),
    );
    out.extend_from_slice(line.as_bytes());
}

/// Where messages about changed keys go: 0 to the connection itself, -1 nowhere.
pub(super) fn redirection(client: &ClientShared) -> i64 {
    client.tracking.read().as_ref().map_or(-1, |tracking| tracking.redirect.unwrap_or(0).cast_signed())
}

fn command_name(number: u16) -> &'static str {
    match Registry::get() {
        Ok(registry) if number != NO_COMMAND => registry.by_id(number).def.full_name,
        _ => "NULL",
    }
}

//! What is noted of a command that has run: monitors see it, statistics and latencies count it, and the logs of what is
//! slow or large keep it if it is.
//!
//! This happens after every command, so what mostly is not the case (a monitor, a secret, a log entry) is kept out of
//! line, and what is asked of the configuration is copied when that changes.

use super::flags::Flags;
use super::registry::Command;
use super::worker::Runner;
use crate::args::{Args, OwnedArgs};
use crate::observe::{CommandLog, Notable};
use crate::server::{Client, ClientShared};

/// A call that has returned.
#[derive(Clone, Copy)]
pub(super) struct Returned<'a> {
    pub(super) command: &'static Command,
    pub(super) args: Args<'a>,
    /// The database that was selected when it began.
    pub(super) database: usize,
    /// When it began and when it ended, in microseconds since 1970.
    pub(super) times: (u64, u64),
    pub(super) reply_len: usize,
    pub(super) state: State,
}

/// How far a command has come that has returned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Done,
    /// It is counted now, and logged when it is served.
    Waits,
    /// It is `async`, and measured when it is done.
    Later,
}

/// Notes a call.
#[inline(always)]
pub(super) fn note(runner: &Runner, client: &mut Client, returned: &Returned<'_>) {
    if client.hidden.is_empty() {
        note_shown(runner, client, returned);
    } else {
        note_without_secrets(runner, client, returned);
    }
}

#[cold]
fn note_without_secrets(runner: &Runner, client: &mut Client, returned: &Returned<'_>) {
    let args = without_secrets(returned.args, &client.hidden);
    client.hidden.clear();
    note_shown(runner, client, &Returned { args: args.as_args(), ..*returned });
}

#[inline(always)]
fn note_shown(runner: &Runner, client: &Client, returned: &Returned<'_>) {
    let Returned { command, args, database, times, reply_len, state } = *returned;
    let monitors = &runner.server.monitors;
    if !monitors.is_empty() && !command.flags.has_any(Flags::SKIP_MONITOR.union(Flags::ADMIN)) {
        monitors.feed(times.0, database, &client.shared, args);
    }
    match state {
        State::Done => measure(runner, &client.shared, command, args, times, reply_len),
        State::Waits => count(runner, command, times),
        State::Later => {}
    }
}

/// Counts a command that has run, and logs it if it is worth it. The times are those of its beginning and its end, in
/// microseconds.
#[inline]
pub(super) fn measure(
    runner: &Runner,
    client: &ClientShared,
    command: &Command,
    args: Args<'_>,
    times: (u64, u64),
    reply_len: usize,
) {
    count(runner, command, times);
    log_if_notable(runner, client, command, args, times, reply_len);
}

#[inline(always)]
fn count(runner: &Runner, command: &Command, (started, ended): (u64, u64)) {
    let micros = ended.saturating_sub(started);
    let stats = runner.stats.command(usize::from(command.id));
    stats.called(micros * 1000, runner.thresholds.tracks_latency);
    let latency = &runner.server.latency;
    if latency.is_enabled() && !command.flags.has(Flags::BLOCKING) {
        let event = if command.flags.has(Flags::FAST) { "fast-command" } else { "command" };
        latency.record(event, micros / 1000, ended / 1_000_000);
    }
}

/// Writes a command that has run into the logs of what is slow or large, if it is.
#[inline]
pub(super) fn log_if_notable(
    runner: &Runner,
    client: &ClientShared,
    command: &Command,
    args: Args<'_>,
    (started, ended): (u64, u64),
    reply_len: usize,
) {
    let thresholds = &runner.thresholds;
    let micros = ended.saturating_sub(started);
    let notable = micros >= thresholds.micros
        || reply_len as u64 >= thresholds.reply
        || args.input_len() as u64 >= thresholds.request;
    if notable && !command.flags.has(Flags::SKIP_COMMANDLOG) {
        log_notable(runner, client, args, (micros, ended), reply_len);
    }
}

#[cold]
fn log_notable(runner: &Runner, client: &ClientShared, args: Args<'_>, (micros, ended): (u64, u64), reply_len: usize) {
    let (server, thresholds) = (&runner.server, &runner.thresholds);
    let config = &server.config;
    let note = |log: CommandLog, max_len: i64, value: u64| {
        let notable = Notable {
            time: ended / 1_000_000,
            value,
            arguments: args.iter(),
            client_address: &client.origin.address,
            client_name: &client.name(),
        };
        server.logs.record(log, usize::try_from(max_len).unwrap_or(0), notable);
    };
    if micros >= thresholds.micros {
        note(CommandLog::Slow, config.slowlog_max_len.get(), micros);
    }
    if reply_len as u64 >= thresholds.reply {
        note(CommandLog::LargeReply, config.commandlog_large_reply_max_len.get(), reply_len as u64);
    }
    let request = args.byte_len() as u64;
    if request >= thresholds.request {
        note(CommandLog::LargeRequest, config.commandlog_large_request_max_len.get(), request);
    }
}

/// A request as logs and monitors may show it.
#[cold]
pub(super) fn without_secrets(args: Args<'_>, hidden: &[usize]) -> OwnedArgs {
    let shown = |(index, arg)| if hidden.contains(&index) { &b"(redacted)"[..] } else { arg };
    OwnedArgs::new(args.iter().enumerate().map(shown))
}

//! Publish/subscribe: messages that reach those who listen, and are gone.

use redis_core::command::{ArgDoc, ArgKind, Cursor, KeyShape, Shape};
use redis_core::prelude::*;
use redis_core::pubsub::SubscriptionKind;

family!("pubsub");

/// Posts a message to a channel.
#[command(
    since = "2.0.0",
    complexity = "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client).",
    flags(PUBSUB, LOADING, STALE, FAST, MAY_REPLICATE)
)]
fn publish(server: &Server, channel: &[u8], message: &[u8]) -> usize {
    server.pubsub.publish(channel, message)
}

/// Posts a message to a shard channel.
#[command(
    since = "7.0.0",
    complexity = "O(N) where N is the number of clients subscribed to the receiving shard channel.",
    flags(PUBSUB, LOADING, STALE, FAST, MAY_REPLICATE),
    access = none
)]
fn spublish(server: &Server, #[key(NOT_KEY)] shardchannel: ShardChannel, message: &[u8]) -> usize {
    server.pubsub.publish_shard(shardchannel.0, message)
}

/// Listens for messages published to channels.
#[command(
    since = "2.0.0",
    complexity = "O(N) where N is the number of channels to subscribe to.",
    flags(PUBSUB, NOSCRIPT, LOADING, STALE, SUBSCRIBER),
    reply = Messages
)]
fn subscribe(server: &Server, client: &mut Client, #[arg(name = "channel")] channels: Many<&[u8]>, reply: &mut Reply) {
    listen(server, client, SubscriptionKind::Channel, &channels, reply);
}

/// Listens for messages published to channels that match one or more patterns.
#[command(
    since = "2.0.0",
    complexity = "O(N) where N is the number of patterns to subscribe to.",
    flags(PUBSUB, NOSCRIPT, LOADING, STALE, SUBSCRIBER),
    reply = Messages
)]
fn psubscribe(
    server: &Server,
    client: &mut Client,
    #[arg(name = "pattern")] patterns: Many<Pattern>,
    reply: &mut Reply,
) {
    listen(server, client, SubscriptionKind::Pattern, &names(&patterns), reply);
}

/// Listens for messages published to shard channels.
#[command(
    since = "7.0.0",
    complexity = "O(N) where N is the number of shard channels to subscribe to.",
    flags(PUBSUB, NOSCRIPT, LOADING, STALE, SUBSCRIBER),
    access = none,
    reply = Messages
)]
fn ssubscribe(
    server: &Server,
    client: &mut Client,
    #[arg(name = "shardchannel")]
    #[key(NOT_KEY)]
    channels: Many<ShardChannel>,
    reply: &mut Reply,
) {
    listen(server, client, SubscriptionKind::Shard, &shard_names(&channels), reply);
}

/// Stops listening to messages posted to channels.
#[command(
    since = "2.0.0",
    complexity = "O(N) where N is the number of channels to unsubscribe.",
    flags(PUBSUB, NOSCRIPT, LOADING, STALE, SUBSCRIBER),
    reply = Messages
)]
fn unsubscribe(
    server: &Server,
    client: &mut Client,
    #[arg(name = "channel")] channels: Rest<&[u8]>,
    reply: &mut Reply,
) {
    leave(server, client, SubscriptionKind::Channel, &channels, reply);
}

/// Stops listening to messages published to channels that match one or more patterns.
#[command(
    since = "2.0.0",
    complexity = "O(N) where N is the number of patterns to unsubscribe.",
    flags(PUBSUB, NOSCRIPT, LOADING, STALE, SUBSCRIBER),
    reply = Messages
)]
fn punsubscribe(
    server: &Server,
    client: &mut Client,
    #[arg(name = "pattern")] patterns: Rest<Pattern>,
    reply: &mut Reply,
) {
    leave(server, client, SubscriptionKind::Pattern, &names(&patterns), reply);
}

/// Stops listening to messages posted to shard channels.
#[command(
    since = "7.0.0",
    complexity = "O(N) where N is the number of shard channels to unsubscribe.",
    flags(PUBSUB, NOSCRIPT, LOADING, STALE, SUBSCRIBER),
    access = none,
    reply = Messages
)]
fn sunsubscribe(
    server: &Server,
    client: &mut Client,
    #[arg(name = "shardchannel")]
    #[key(NOT_KEY)]
    channels: Rest<ShardChannel>,
    reply: &mut Reply,
) {
    leave(server, client, SubscriptionKind::Shard, &shard_names(&channels), reply);
}

container!("PUBSUB", since = "2.8.0", "A container for Pub/Sub commands.", help_since = "6.2.0");

/// Returns the active channels.
#[command(
    "PUBSUB CHANNELS",
    since = "2.8.0",
    complexity = "O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)",
    flags(PUBSUB, LOADING, STALE),
    reply = Array(&Bulk)
)]
fn pubsub_channels(server: &Server, pattern: Option<OnePattern>, reply: &mut Reply) {
    list(&server.pubsub.channels(pattern.map(|pattern| pattern.0)), reply);
}

/// Returns a count of unique pattern subscriptions.
#[command("PUBSUB NUMPAT", since = "2.8.0", complexity = "O(1)", flags(PUBSUB, LOADING, STALE))]
fn pubsub_numpat(server: &Server) -> usize {
    server.pubsub.pattern_count()
}

/// Returns a count of subscribers to channels.
#[command(
    "PUBSUB NUMSUB",
    since = "2.8.0",
    complexity = "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
    flags(PUBSUB, LOADING, STALE),
    reply = Array(&OneOf(&[Bulk, Integer]))
)]
fn pubsub_numsub(server: &Server, #[arg(name = "channel")] channels: Rest<&[u8]>, reply: &mut Reply) {
    count(&channels, |channel| server.pubsub.subscriber_count(channel), reply);
}

/// Returns the active shard channels.
#[command(
    "PUBSUB SHARDCHANNELS",
    since = "7.0.0",
    complexity = "O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short shard channels).",
    flags(PUBSUB, LOADING, STALE),
    reply = Array(&Bulk)
)]
fn pubsub_shardchannels(server: &Server, pattern: Option<OnePattern>, reply: &mut Reply) {
    list(&server.pubsub.shard_channels(pattern.map(|pattern| pattern.0)), reply);
}

/// Returns the count of subscribers of shard channels.
#[command(
    "PUBSUB SHARDNUMSUB",
    since = "7.0.0",
    complexity = "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
    flags(PUBSUB, LOADING, STALE),
    reply = Array(&OneOf(&[Bulk, Integer]))
)]
fn pubsub_shardnumsub(server: &Server, #[arg(name = "shardchannel")] channels: Rest<&[u8]>, reply: &mut Reply) {
    count(&channels, |channel| server.pubsub.shard_subscriber_count(channel), reply);
}

/// The name of a shard channel. It has a slot like a key, and so a key specification, but names nothing in the keyspace.
#[derive(Clone, Copy)]
struct ShardChannel<'a>(&'a [u8]);

impl<'a> Argument<'a> for ShardChannel<'a> {
    type Raw = &'a [u8];
    const SHAPE: Shape = Shape::exactly(1).with_keys(KeyShape::Fixed(1));
    const DOC: ArgDoc = ArgDoc::new(ArgKind::String);

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        cursor.next()
    }

    fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
        Ok(ShardChannel(raw))
    }
}

/// A pattern behind which nothing may follow.
#[derive(Clone, Copy)]
struct OnePattern<'a>(&'a [u8]);

impl<'a> Argument<'a> for OnePattern<'a> {
    type Raw = &'a [u8];
    const SHAPE: Shape = Shape::exactly(1);
    const DOC: ArgDoc = ArgDoc::new(ArgKind::Pattern);

    fn shape(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        if cursor.left() > 1 {
            return Err(cursor.wrong_subcommand());
        }
        cursor.next()
    }

    fn value(raw: &'a [u8], _: &Context) -> Result<Self> {
        Ok(OnePattern(raw))
    }
}

fn shard_names<'a>(channels: &[ShardChannel<'a>]) -> Vec<&'a [u8]> {
    channels.iter().map(|channel| channel.0).collect()
}

fn names<'a>(patterns: &[Pattern<'a>]) -> Vec<&'a [u8]> {
    patterns.iter().map(|pattern| pattern.0).collect()
}

fn list(channels: &[impl AsRef<[u8]>], reply: &mut Reply) {
    reply.array(channels.len());
    channels.iter().for_each(|channel| reply.bulk(channel.as_ref()));
}

/// Names and numbers in turn, a flat array in both protocols.
fn count(channels: &[&[u8]], subscribers: impl Fn(&[u8]) -> usize, reply: &mut Reply) {
    reply.array(channels.len() * 2);
    for channel in channels {
        reply.bulk(channel);
        reply.integer(subscribers(channel) as i64);
    }
}

/// Subscribes. Every name is confirmed on its own, known or not.
fn listen(server: &Server, client: &mut Client, kind: SubscriptionKind, names: &[&[u8]], reply: &mut Reply) {
    client.reply_pushes = true;
    for name in names {
        server.pubsub.subscribe(kind, &client.subscriber, &mut client.subscriptions, name);
        confirm(kind.subscribe_verb(), Some(name), client.subscriptions.reported(kind), reply);
    }
    client.note_subscriptions();
}

/// Ends subscriptions, all of that kind if no name is given. Every name is confirmed on its own; where there is nothing
/// to end, one confirmation names nothing.
fn leave(server: &Server, client: &mut Client, kind: SubscriptionKind, names: &[&[u8]], reply: &mut Reply) {
    client.reply_pushes = true;
    let all: Vec<Vec<u8>>;
    let mut given: Vec<&[u8]> = names.to_vec();
    if names.is_empty() {
        all = client.subscriptions.names(kind).map(|name| name.to_vec()).collect();
        given = all.iter().map(Vec::as_slice).collect();
    }
    if given.is_empty() {
        confirm(kind.unsubscribe_verb(), None, client.subscriptions.reported(kind), reply);
    }
    for name in given {
        server.pubsub.unsubscribe(kind, &client.subscriber, &mut client.subscriptions, name);
        // What was published before is read before. Inside a transaction it would end up among the replies.
        if !client.in_exec {
            client.shared.mailbox.take().pieces().for_each(|piece| reply.raw(piece));
        }
        confirm(kind.unsubscribe_verb(), Some(name), client.subscriptions.reported(kind), reply);
    }
    client.note_subscriptions();
}

fn confirm(verb: &str, name: Option<&[u8]>, count: usize, reply: &mut Reply) {
    reply.push(3);
    reply.bulk(verb.as_bytes());
    match name {
        Some(name) => reply.bulk(name),
        None => reply.nil(),
    }
    reply.integer(count as i64);
}

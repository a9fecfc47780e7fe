//! Streams as a transcript cannot show them: readers that wait, what is logged and told of each command, and the commands
//! of Redis 8, for which there is no peer.

#![allow(clippy::unwrap_used)]

use redis_commands as _;
use redis_tests::waiting::Fixture;

const NIL: &str = "(nil)";

/// What XREAD answers with one entry `a b`.
fn entry(key: &str, id: &str) -> String {
    format!("1) 1) \"{key}\" 2) 1) 1) \"{id}\" 2) 1) \"a\" 2) \"b\"")
}

#[test]
fn readers_are_served_with_what_comes_behind_their_id() {
    let fixture = Fixture::start();
    let mut writer = fixture.client();
    writer.run("XADD s 5-0 a b");
    // All of them get the entry, also those for whom the stream does not exist yet or names are repeated.
    let mut readers = [
        fixture.blocked("XREAD BLOCK 0 STREAMS s $"),
        fixture.blocked("XREAD BLOCK 0 STREAMS none s 0 5"),
        fixture.blocked("XREAD BLOCK 0 STREAMS s s none s $ $ $ $"),
    ];
    let mut later = fixture.blocked("XREAD BLOCK 0 STREAMS s 7-0");
    writer.run("XADD s 6-0 a b");
    assert_eq!(readers[0].reply(), entry("s", "6-0"));
    assert_eq!(readers[1].reply(), entry("s", "6-0"));
    assert!(readers[2].reply().starts_with(&entry("s", "6-0")));
    assert_eq!(fixture.blocked_clients(), 1, "one wants what is behind another id");
    // What is no new entry serves nobody.
    for request in ["XADD s 7-0 a b", "XDEL s 7-0", "XTRIM s MAXLEN 0", "XSETID s 8-0", "DEL s", "SET s x", "DEL s"] {
        writer.run(request);
    }
    assert_eq!(writer.transaction(&["XADD s 9-0 a b", "DEL s"]), "1) \"9-0\" 2) (integer) 1");
    assert_eq!(fixture.blocked_clients(), 1);
    writer.run("XADD s 7-1 a b");
    assert_eq!(later.reply(), entry("s", "7-1"));
}

#[test]
fn a_reader_gets_what_a_transaction_leaves() {
    let fixture = Fixture::start();
    let mut writer = fixture.client();
    let mut reader = fixture.blocked("XREAD COUNT 1 BLOCK 0 STREAMS s t $ $");
    let mut last = fixture.blocked("XREAD BLOCK 0 STREAMS s +");
    writer.transaction(&["XADD t 1-1 a b", "XADD s 1-1 a b", "XADD s 2-1 a b"]);
    assert_eq!(reader.reply(), format!("{} 2) {}", entry("s", "1-1"), &entry("t", "1-1")[3..]));
    assert_eq!(last.reply(), entry("s", "2-1"));
    // Others bring streams too.
    for bring in ["RENAME other s", "COPY other s", "SWAPDB 0 1", "MOVE s 1"] {
        let mut writer = fixture.client();
        writer.run("FLUSHALL");
        let key = if bring.starts_with("MOVE") { "s" } else { "other" };
        writer.run(&format!("XADD {key} 3-1 a b"));
        let mut reader = fixture.client();
        match bring {
            "MOVE s 1" => drop(reader.run("SELECT 1")),
            "SWAPDB 0 1" => drop((writer.run("RENAME other s"), writer.run("SELECT 1"), reader.run("SELECT 1"))),
            _ => {}
        }
        reader.send("XREAD BLOCK 0 STREAMS s $");
        fixture.until_blocked(1);
        writer.run(bring);
        // `$` was the end of no stream.
        assert_eq!(reader.reply(), entry("s", "3-1"), "{bring}");
    }
}

#[test]
fn consumers_share_out_what_comes() {
    let fixture = Fixture::start();
    let mut writer = fixture.client();
    writer.run("XGROUP CREATE s g 0 MKSTREAM");
    let mut first = fixture.blocked("XREADGROUP GROUP g alice BLOCK 0 STREAMS s >");
    let mut second = fixture.blocked("XREADGROUP GROUP g bob COUNT 1 BLOCK 0 NOACK STREAMS s >");
    assert!(writer.run("XINFO GROUPS s").contains("\"consumers\" 4) (integer) 0"), "who waits is no consumer yet");
    writer.run("XADD s 1-1 a b");
    assert_eq!(first.reply(), entry("s", "1-1"));
    writer.run("XADD s 2-1 a b");
    assert_eq!(second.reply(), entry("s", "2-1"));
    assert_eq!(writer.run("XPENDING s g"), "1) (integer) 1 2) \"1-1\" 3) \"1-1\" 4) 1) 1) \"alice\" 2) \"1\"");
    assert_eq!(second.run("XREADGROUP GROUP g bob BLOCK 20 STREAMS s >"), NIL);
    // The history never waits.
    assert_eq!(first.run("XREADGROUP GROUP g alice BLOCK 0 STREAMS s 0"), entry("s", "1-1"));
    assert_eq!(first.run("XREADGROUP GROUP g alice BLOCK 0 STREAMS s 5"), "1) 1) \"s\" 2) (empty array)");
}

#[test]
fn consumers_are_told_when_there_is_nothing_left_to_wait_for() {
    const STREAM_GONE: &str = "(error) UNBLOCKED the stream key no longer exists";
    const GROUP_GONE: &str = "(error) NOGROUP the consumer group this client was blocked on no longer exists";
    let fixture = Fixture::start();
    let mut writer = fixture.client();
    for (request, told) in [
        ("DEL s", STREAM_GONE),
        ("UNLINK s", STREAM_GONE),
        ("SET s x", STREAM_GONE),
        ("RENAME s other", STREAM_GONE),
        ("MOVE s 1", STREAM_GONE),
        ("FLUSHDB", STREAM_GONE),
        ("FLUSHALL ASYNC", STREAM_GONE),
        ("SWAPDB 0 1", STREAM_GONE),
        ("PEXPIRE s 1", STREAM_GONE),
        ("PEXPIRE s -1", STREAM_GONE),
        ("XGROUP DESTROY s g", GROUP_GONE),
    ] {
        writer.run("FLUSHALL");
        writer.run("XGROUP CREATE s g 0 MKSTREAM");
        let mut reader = fixture.blocked("XREADGROUP GROUP g c BLOCK 0 STREAMS s >");
        writer.run(request);
        assert_eq!(reader.reply(), told, "{request}");
    }
    // What was only away for a moment is not gone.
    writer.run("FLUSHALL");
    writer.run("XGROUP CREATE s g 0 MKSTREAM");
    let mut reader = fixture.blocked("XREADGROUP GROUP g c BLOCK 0 STREAMS s >");
    writer.transaction(&["DEL s", "XGROUP CREATE s g 0 MKSTREAM"]);
    assert_eq!(fixture.blocked_clients(), 1);
    writer.run("XADD s 1-1 a b");
    assert_eq!(reader.reply(), entry("s", "1-1"));
    // Such an error counts as one of the command.
    assert!(writer.run("INFO commandstats").contains("cmdstat_xreadgroup"));
}

#[test]
fn nothing_waits_in_a_transaction_or_without_block() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    client.run("XGROUP CREATE s g 0 MKSTREAM");
    let replies =
        client.transaction(&["XREAD BLOCK 0 STREAMS s $", "XREADGROUP GROUP g c BLOCK 0 STREAMS s >", "PING"]);
    assert_eq!(replies, "1) (nil) 2) (nil) 3) PONG");
    assert_eq!(client.run("XREAD STREAMS s $"), NIL);
    assert_eq!(client.run("XREAD BLOCK 10 STREAMS s $"), NIL);
    assert!(client.run("HELLO 3").contains("proto"));
    client.run("XADD s 1-1 a b");
    assert_eq!(client.run("XREAD STREAMS s 0"), "1# \"s\" => 1) 1) \"1-1\" 2) 1) \"a\" 2) \"b\"");
}

#[test]
fn what_is_logged_is_what_happened() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    client.run("CONFIG SET stream-node-max-entries 2");
    let mut effects = fixture.effects();
    let mut logged = |requests: &[&str]| {
        requests.iter().for_each(|request| drop(client.run(request)));
        let logged = effects.take();
        logged.iter().map(|effect| effect.trim_start_matches("0: ").to_owned()).collect::<Vec<_>>()
    };
    // Ids are those that were chosen, and an approximate trimming is the exact one that it came to.
    assert_eq!(logged(&["XADD s 1-* a b", "XADD s NOMKSTREAM 2 a b"]), ["XADD s 1-0 a b", "XADD s NOMKSTREAM 2-0 a b"]);
    assert_eq!(logged(&["XADD s MAXLEN ~ 1 3 a b"]), ["XADD s MAXLEN = 1 3-0 a b"]);
    assert_eq!(
        logged(&["XADD s MAXLEN ~ 1 4 a b", "XADD s MINID ~ 5 LIMIT 50 5 a b"]),
        ["XADD s 4-0 a b", "XADD s MINID = 5-0 5-0 a b",]
    );
    assert_eq!(
        logged(&["XADD s 6 a b", "XADD s 7 a b", "XTRIM s MAXLEN ~ 1", "XTRIM s MAXLEN 5"]),
        ["XADD s 6-0 a b", "XADD s 7-0 a b", "XTRIM s MAXLEN = 1",]
    );
    logged(&["XGROUP CREATE s g 0", "XADD s 8 a b"]);
    // Reading is logged as who has what, and how far the group has come.
    let read = logged(&["XREADGROUP GROUP g c COUNT 1 STREAMS s >"]);
    assert!(read[1].starts_with("XGROUP SETID s g 7-0 ENTRIESREAD "), "{read:?}");
    assert_eq!(read[0], "XGROUP CREATECONSUMER s g c");
    assert!(read[2].starts_with("XCLAIM s g c 0 7-0 TIME "), "{read:?}");
    assert!(read[2].ends_with(" RETRYCOUNT 1 FORCE JUSTID LASTID 7-0"), "{read:?}");
    let read = logged(&["XREADGROUP GROUP g c NOACK STREAMS s >"]);
    assert!(matches!(&read[..], [moved] if moved.starts_with("XGROUP SETID s g 8-0 ENTRIESREAD ")), "{read:?}");
    // An entry that is claimed is logged as it is then; one that is gone, as no longer pending.
    let claimed = logged(&["XCLAIM s g d 0 7-0", "XAUTOCLAIM s g d 5000000 0", "XCLAIM s g e 0 99"]);
    assert!(matches!(&claimed[..], [claim] if claim.contains("XCLAIM s g d 0 7-0 TIME") && claim.contains("COUNT 2")));
    logged(&["XDEL s 7-0"]);
    assert_eq!(logged(&["XCLAIM s g d 0 7-0"]), ["XACK s g 7-0"]);
    assert_eq!(logged(&["XREADGROUP GROUP g d STREAMS s >", "XREAD STREAMS s 0"]), Vec::<String>::new());
}

#[test]
fn watches_see_entries_and_not_groups() {
    let fixture = Fixture::start();
    let (mut client, mut other) = (fixture.client(), fixture.client());
    other.run("XGROUP CREATE s g 0 MKSTREAM");
    for request in ["XADD s 1-1 a b", "XADD s 2-1 a b", "XDEL s 1-1", "XTRIM s MAXLEN 0"] {
        client.run("WATCH s");
        other.run(request);
        assert_eq!(client.transaction(&["PING"]), NIL, "{request}");
    }
    other.run("XADD s 3-1 a b");
    for request in [
        "XREADGROUP GROUP g c STREAMS s >",
        "XCLAIM s g d 0 3-1",
        "XACK s g 3-1",
        "XGROUP SETID s g 0",
        "XGROUP CREATECONSUMER s g x",
        "XGROUP DELCONSUMER s g x",
        "XGROUP DESTROY s g",
        "XSETID s 9-1",
    ] {
        client.run("WATCH s");
        other.run(request);
        assert_eq!(client.transaction(&["PING"]), "1) PONG", "{request}");
    }
}

#[test]
fn events_tell_of_entries_groups_and_consumers() {
    let fixture = Fixture::start();
    let (mut client, mut subscriber) = (fixture.client(), fixture.client());
    client.run("CONFIG SET notify-keyspace-events Et");
    subscriber.run("PSUBSCRIBE __keyevent@0__:*");
    for (request, events) in [
        ("XADD s 1-1 a b", &["xadd"][..]),
        ("XADD s MAXLEN 1 2-1 a b", &["xadd", "xtrim"]),
        ("XADD s 3-1 a b", &["xadd"]),
        ("XTRIM s MAXLEN 1", &["xtrim"]),
        ("XSETID s 4-1", &["xsetid"]),
        ("XGROUP CREATE s g 0", &["xgroup-create"]),
        ("XREADGROUP GROUP g c STREAMS s >", &["xgroup-createconsumer"]),
        ("XCLAIM s g d 0 3-1", &["xgroup-createconsumer"]),
        ("XGROUP CREATECONSUMER s g e", &["xgroup-createconsumer"]),
        ("XGROUP DELCONSUMER s g e", &["xgroup-delconsumer"]),
        ("XGROUP SETID s g 0", &["xgroup-setid"]),
        ("XDEL s 3-1", &["xdel"]),
        ("XGROUP DESTROY s g", &["xgroup-destroy"]),
    ] {
        client.run(request);
        for event in events {
            let message = subscriber.reply();
            assert!(message.contains(&format!("__keyevent@0__:{event}\"")), "{request}: {message}");
        }
    }
}

#[test]
fn deletion_can_heed_what_groups_remember() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    for id in 1..=6 {
        client.run(&format!("XADD s {id}-0 a b"));
    }
    for group in ["g", "h"] {
        client.run(&format!("XGROUP CREATE s {group} 0"));
        client.run(&format!("XREADGROUP GROUP {group} c COUNT 5 STREAMS s >"));
    }
    const NONE: &str = "1) (integer) 0 2) (nil) 3) (nil) 4) (nil)";
    // Pending in two groups, and not yet delivered.
    assert_eq!(client.run("XDELEX s ACKED IDS 3 1-0 6-0 9-0"), "1) (integer) 2 2) (integer) 2 3) (integer) -1");
    client.run("XACK s g 1-0");
    assert_eq!(client.run("XDELEX s IDS 1 1-0 ACKED"), "1) (integer) 2");
    client.run("XACK s h 1-0");
    assert_eq!(client.run("XDELEX s acked ids 1 1-0"), "1) (integer) 1");
    // By default references stay; with DELREF they go, also those of entries that are gone.
    assert_eq!(client.run("XDELEX s IDS 2 2-0 2-0"), "1) (integer) 1 2) (integer) -1");
    assert!(client.run("XPENDING s g").starts_with("1) (integer) 4 2) \"2-0\""));
    assert_eq!(client.run("XDELEX s DELREF IDS 2 2-0 3-0"), "1) (integer) -1 2) (integer) 1");
    assert!(client.run("XPENDING s g").starts_with("1) (integer) 2 2) \"4-0\""));
    // Acknowledged for one group: deleted when the other has done so too.
    assert_eq!(client.run("XACKDEL s g ACKED IDS 2 4-0 99-0"), "1) (integer) 2 2) (integer) -1");
    assert_eq!(client.run("XACKDEL s h ACKED IDS 1 4-0"), "1) (integer) 1");
    assert_eq!(client.run("XACKDEL s g KEEPREF IDS 1 5-0"), "1) (integer) 1");
    assert!(client.run("XPENDING s h").starts_with("1) (integer) 1 2) \"5-0\""));
    assert_eq!(client.run("XACKDEL s h DELREF IDS 1 5-0"), "1) (integer) 1", "pending, though deleted");
    assert_eq!(client.run("XPENDING s h"), NONE);
    assert_eq!(client.run("XLEN s"), "(integer) 1");
    // Where there is nothing to delete from, nothing is found.
    assert_eq!(client.run("XDELEX none IDS 2 1 2"), "1) (integer) -1 2) (integer) -1");
    assert_eq!(client.run("XACKDEL none g IDS 1 1"), "1) (integer) -1");
    assert_eq!(client.run("XACKDEL s none IDS 1 1"), "1) (integer) -1");
    client.run("SET k v");
    for (request, error) in [
        ("XDELEX s IDS 0 1", "ERR Number of IDs must be a positive integer"),
        ("XDELEX s IDS x 1", "ERR Number of IDs must be a positive integer"),
        ("XDELEX s IDS -1 1", "ERR Number of IDs must be a positive integer"),
        ("XDELEX s IDS 9223372036854775807 1", "ERR The `numids` parameter must match the number of arguments"),
        ("XDELEX s IDS 1 1 2", "ERR syntax error"),
        ("XDELEX s KEEPREF DELREF IDS 1 1", "ERR syntax error"),
        ("XDELEX s IDS 1 1 IDS 1 1", "ERR syntax error"),
        ("XDELEX s KEEPREF IDS 1 x", "ERR Invalid stream ID specified as stream command argument"),
        ("XDELEX s FOO IDS 1 1", "ERR syntax error"),
        ("XDELEX s IDS 1", "ERR wrong number of arguments for 'xdelex' command"),
        ("XACKDEL s g IDS 1", "ERR wrong number of arguments for 'xackdel' command"),
        ("XDELEX k IDS 1 1", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("XACKDEL k g IDS 1 1", "WRONGTYPE Operation against a key holding the wrong kind of value"),
    ] {
        assert_eq!(client.run(request), format!("(error) {error}"), "{request}");
    }
}

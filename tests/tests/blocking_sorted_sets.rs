//! Clients that wait for sorted sets: what is theirs alone. What all waiting has in common is tested with lists.

#![allow(clippy::unwrap_used)]

use redis_commands as _;
use redis_tests::waiting::Fixture;

#[test]
fn each_client_gets_what_it_asked_for() {
    let fixture = Fixture::start();
    let mut lowest = fixture.blocked("BZPOPMIN none k 0");
    let mut highest = fixture.blocked("BZPOPMAX k 0");
    let mut several = fixture.blocked("BZMPOP 0 2 k other MAX COUNT 2");
    let mut late = fixture.blocked("BZMPOP 0 1 k MIN");
    let mut adder = fixture.client();
    assert_eq!(adder.run("ZADD k 1 a 2 b 3 c 4 d 5 e"), "(integer) 5");
    assert_eq!(lowest.reply(), "1) \"k\" 2) \"a\" 3) \"1\"");
    assert_eq!(highest.reply(), "1) \"k\" 2) \"e\" 3) \"5\"");
    assert_eq!(several.reply(), "1) \"k\" 2) 1) 1) \"d\" 2) \"4\" 2) 1) \"c\" 2) \"3\"");
    assert_eq!(late.reply(), "1) \"k\" 2) 1) 1) \"b\" 2) \"2\"");
    assert_eq!(adder.run("EXISTS k"), "(integer) 0");
    assert_eq!(fixture.blocked_clients(), 0);
}

#[test]
fn whatever_makes_a_sorted_set_serves() {
    let fixture = Fixture::start();
    let mut maker = fixture.client();
    maker.run("ZADD source 7 m");
    for request in [
        "ZADD k 7 m",
        "ZINCRBY k 7 m",
        "ZADD k INCR 7 m",
        "ZUNIONSTORE k 1 source",
        "ZINTERSTORE k 1 source",
        "ZDIFFSTORE k 1 source",
        "ZRANGESTORE k source 0 -1",
        "COPY source k",
        "RENAME copy k",
    ] {
        maker.run("COPY source copy REPLACE");
        let mut client = fixture.blocked("BZPOPMIN k 0");
        maker.run(request);
        assert_eq!(client.reply(), "1) \"k\" 2) \"m\" 3) \"7\"", "{request}");
    }
}

#[test]
fn another_type_leaves_a_client_waiting() {
    let fixture = Fixture::start();
    let mut maker = fixture.client();
    let mut client = fixture.blocked("BZPOPMIN k 0");
    for request in ["RPUSH k x", "DEL k", "SADD k x", "DEL k", "SET k x", "DEL k"] {
        maker.run(request);
        assert_eq!(fixture.blocked_clients(), 1, "{request}");
    }
    // A sorted set that is gone before the transaction ends is none.
    maker.transaction(&["ZADD k 1 a", "DEL k"]);
    assert_eq!(fixture.blocked_clients(), 1);
    maker.run("ZADD k 1 a");
    assert_eq!(client.reply(), "1) \"k\" 2) \"a\" 3) \"1\"");
}

#[test]
fn effects_are_those_of_the_commands_that_do_not_wait() {
    let fixture = Fixture::start();
    let mut effects = fixture.effects();
    let mut adder = fixture.client();
    for (request, effect) in [
        ("BZPOPMIN none k 0", "ZPOPMIN k"),
        ("BZPOPMAX k 0", "ZPOPMAX k"),
        ("BZMPOP 0 1 k MIN COUNT 5", "ZPOPMIN k 2"),
        ("BZMPOP 0 2 none k MAX", "ZPOPMAX k 1"),
    ] {
        // As it is served, and as it finds something at once.
        let mut client = fixture.blocked(request);
        effects.take();
        adder.run("ZADD k 1 a 2 b");
        client.reply();
        let expected = ["0: ZADD k 1 a 2 b".to_owned(), format!("0: {effect}")];
        assert_eq!(effects.take(), expected);
        adder.run("DEL k");
        adder.run("ZADD k 1 a 2 b");
        client.run(request);
        assert_eq!(effects.take().last(), Some(&format!("0: {effect}")));
        adder.run("DEL k");
    }
    adder.run("ZADD k 1 a 2 b");
    adder.run("ZMPOP 2 none k MIN COUNT 9");
    assert_eq!(effects.take().last().unwrap(), "0: ZPOPMIN k 2");
}

//! Fields of hashes whose time is over: what followers of the data are told, what subscribers hear, and what becomes of the
//! memory. A transcript cannot say it, because it takes time or is not in the replies.

#![allow(clippy::unwrap_used)]

use redis_commands as _;
use redis_core::resp::Value;
use redis_tests::{Watched, wait_for};

/// Sets fields that are over at once, and that nobody has noticed.
fn set_expired(server: &mut Watched, fields: &str) {
    let count = fields.split(' ').count();
    let pairs: Vec<_> = fields.split(' ').map(|field| format!("{field} old")).collect();
    server.run(&format!("HSETEX h PX 1 FIELDS {count} {}", pairs.join(" ")));
    let request = format!("HEXISTS h {}", fields.split(' ').next().unwrap());
    wait_for(|| (server.run(&request) == Value::Integer(0)).then_some(())).expect("fields expire");
    server.events();
    server.effects();
}

#[test]
fn deadlines_are_logged_as_points_in_time() {
    let mut server = Watched::without_cycle();
    let far = "9000000000000";
    server.check("HSET h a 1 b 2 c 3", &["HSET h a 1 b 2 c 3"], &["hset"]);
    server.check("HEXPIREAT h 9000000000 FIELDS 2 a none", &[&format!("HPEXPIREAT h {far} FIELDS 1 a")], &["hexpire"]);
    server.check("HPEXPIREAT h 1 GT FIELDS 2 a b", &[], &[]);
    server.check("HPERSIST h FIELDS 2 a b", &["HPERSIST h FIELDS 2 a b"], &["hpersist"]);
    server.check("HPERSIST h FIELDS 2 a b", &[], &[]);
    server.check(
        &format!("HSETEX h XX FXX PXAT {far} FIELDS 2 a 4 b 5"),
        &[&format!("HSETEX h PXAT {far} FIELDS 2 a 4 b 5")],
        &["hset", "hexpire"],
    );
    server.check("HSETEX h KEEPTTL FIELDS 1 a 6", &["HSETEX h KEEPTTL FIELDS 1 a 6"], &["hset"]);
    server.check("HINCRBY h a 1", &[&format!("HSETEX h PXAT {far} FIELDS 1 a 7")], &["hincrby"]);
    server.check("HINCRBYFLOAT h a 0.5", &[&format!("HSETEX h PXAT {far} FIELDS 1 a 7.5")], &["hincrbyfloat"]);
    server.check("HINCRBYFLOAT h c 0.5", &["HSET h c 3.5"], &["hincrbyfloat"]);
    server.check("HINCRBY h n 1", &["HINCRBY h n 1"], &["hincrby"]);
    server.check("HGETEX h EXAT 8000000000 FIELDS 2 c none", &["HPEXPIREAT h 8000000000000 FIELDS 1 c"], &["hexpire"]);
    server.check("HGETEX h FIELDS 2 c none", &[], &[]);
    server.check("HGETEX h PERSIST FIELDS 2 c n", &["HPERSIST h FIELDS 1 c"], &["hpersist"]);
    server.check("HGETDEL h FIELDS 2 c none", &["HGETDEL h FIELDS 2 c none"], &["hdel"]);
    server.check("HGETDEL h FIELDS 1 none", &[], &[]);
}

#[test]
fn a_deadline_that_has_passed_is_a_removal() {
    let mut server = Watched::without_cycle();
    server.run("HSET h a 1 b 2 c 3 d 4 e 5 f 6");
    server.effects();
    server.events();
    server.check("HEXPIRE h 0 FIELDS 2 a none", &["HDEL h a"], &["hexpired"]);
    server.check("HPEXPIREAT h 1 FIELDS 2 b b", &["HDEL h b"], &["hexpired"]);
    server.check("HGETEX h PXAT 1 FIELDS 2 c none", &["HDEL h c"], &["hexpired"]);
    server.check("HSETEX h PXAT 1 FIELDS 2 d 1 none 1", &["HDEL h d"], &["hset", "hexpire", "hexpired"]);
    server.check("HSETEX h PXAT 1 FIELDS 1 none 1", &[], &["hset", "hexpire", "hexpired"]);
    server.check("HSETEX none PXAT 1 FIELDS 1 a 1", &[], &["hset", "hexpire", "hexpired", "del"]);
    server.check("HEXPIRE h 0 FIELDS 2 e f", &["HDEL h e f"], &["hexpired", "del"]);
    assert_eq!(server.run("EXISTS h"), Value::Integer(0));
    assert_eq!(server.figure("stats", "expired_fields"), 6);
}

#[test]
fn an_expired_field_that_is_set_is_removed_first() {
    let mut server = Watched::without_cycle();
    set_expired(&mut server, "a b c d e f");
    assert_eq!(server.run("HLEN h"), Value::Integer(6));
    assert_eq!(server.run("HGETALL h").to_string(), "(empty array)");
    assert_eq!(server.run("HRANDFIELD h").to_string(), "(nil)");
    server.check("HDEL h a b", &[], &[]);
    server.check("HEXPIRE h 100 FIELDS 1 a", &[], &[]);
    server.check("HSET h a 1 new 2", &["HDEL h a", "HSET h a 1 new 2"], &["hexpired", "hset"]);
    server.check("HSETNX h b 1", &["HDEL h b", "HSETNX h b 1"], &["hexpired", "hset"]);
    server.check("HINCRBY h c 1", &["HDEL h c", "HINCRBY h c 1"], &["hexpired", "hincrby"]);
    server.check("HINCRBYFLOAT h d 1", &["HDEL h d", "HSET h d 1"], &["hexpired", "hincrbyfloat"]);
    server.check(
        "HSETEX h KEEPTTL FIELDS 1 e 1",
        &["HDEL h e", "HSETEX h KEEPTTL FIELDS 1 e 1"],
        &["hexpired", "hset"],
    );
    assert_eq!(server.run("HTTL h FIELDS 3 a e f").to_string(), "1) (integer) -1\n2) (integer) -1\n3) (integer) -2");
    assert_eq!((server.run("HLEN h"), server.figure("stats", "expired_fields")), (Value::Integer(7), 5));
}

#[test]
fn fields_expire_without_being_asked_for() {
    let mut server = Watched::new();
    server.run("HSET h a 1 b 2 c 3");
    server.run("HPEXPIRE h 1 FIELDS 1 b");
    wait_for(|| (server.run("HLEN h") == Value::Integer(2)).then_some(())).expect("a field is taken out");
    let effects = server.effects();
    assert_eq!(effects.last().unwrap(), "HDEL h b");
    assert_eq!(server.events(), ["hset", "hexpire", "hexpired"]);

    server.run("HPEXPIRE h 1 FIELDS 2 a c");
    wait_for(|| (server.run("EXISTS h") == Value::Integer(0)).then_some(())).expect("an emptied hash is removed");
    let effects = server.effects();
    assert!(["HDEL h a c", "HDEL h c a"].contains(&effects.last().unwrap().as_str()), "{effects:?}");
    assert_eq!(server.events(), ["hexpire", "hexpired", "del"]);
    assert_eq!(server.figure("stats", "expired_fields"), 3);
}

#[test]
fn a_crowd_of_fields_goes_in_portions() {
    const CROWD: usize = 5_000;

    let mut server = Watched::new();
    let pairs: Vec<_> = (0..CROWD).map(|n| format!("f{n} v")).collect();
    server.run(&format!("HSETEX h PX 1 FIELDS {CROWD} {}", pairs.join(" ")));
    server.run("HSET h stays v");
    wait_for(|| (server.run("HLEN h") == Value::Integer(1)).then_some(())).expect("the fields are taken out");
    assert_eq!(server.figure("stats", "expired_fields"), CROWD as u64);
    let mut gone = Vec::new();
    for effect in server.effects().iter().filter_map(|effect| effect.strip_prefix("HDEL h ")) {
        let fields: Vec<_> = effect.split(' ').map(str::to_owned).collect();
        assert!(fields.len() < CROWD / 4, "{} at once", fields.len());
        gone.extend(fields);
    }
    gone.sort();
    gone.dedup();
    assert_eq!(gone.len(), CROWD);
    assert!(!server.events().contains(&"del".to_owned()));
    assert_eq!(server.run("HGETALL h").to_string(), "1) \"stays\"\n2) \"v\"");
}

//! Clients that people use, each in a round of every family: redis-py, node-redis and redis-rs.
//!
//! The rounds are put to a real Redis first, where there is one: what fails there is a mistake in the round.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use redis::{Commands as _, Connection, RedisResult};
use redis_tests::{Process, command_exists, missing, our_server, redis_server, workspace};

/// Runs a round against each server that there is, the real one first.
fn with_servers(round: impl Fn(&str, SocketAddr)) {
    if let Some(peer) = redis_server() {
        round(&peer.name, Process::server(&peer.binary, &[]).address);
    }
    round("this server", Process::server(our_server(), &[]).address);
}

/// Runs a script of `tests/clients` with the server's host and port.
fn run_script(program: &str, script: &str) {
    with_servers(|name, address| {
        let output = Command::new(program)
            .arg(workspace().join("tests/clients").join(script))
            .args([address.ip().to_string(), address.port().to_string()])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(output.status.success(), "{script} against {name}:\n{text}");
        eprint!("{name}: {text}");
    });
}

#[test]
fn redis_py() {
    if !command_exists("python3", &["-c", "import redis.asyncio"]) {
        return missing("no python3 with the package redis: redis-py is not tried (pip install redis)");
    }
    run_script("python3", "redis_py.py");
}

#[test]
fn node_redis() {
    let installed = workspace().join("tests/clients/node_modules/redis/package.json").exists();
    if !installed || !command_exists("node", &["--version"]) {
        return missing("no node, or no package redis in tests/clients: node-redis is not tried (npm ci there)");
    }
    run_script("node", "node_redis.mjs");
}

#[test]
fn redis_rs() {
    with_servers(|name, address| {
        for protocol in ["", "?protocol=resp3"] {
            let client = redis::Client::open(format!("redis://{address}/{protocol}")).unwrap();
            let mut connection = client.get_connection().unwrap();
            connection.flushall::<()>().unwrap();
            for part in [strings, hashes, lists, sets, keys, transactions] {
                part(&mut connection).unwrap_or_else(|error| panic!("{name}: {error}"));
            }
            pubsub(&client).unwrap_or_else(|error| panic!("{name}, pub/sub: {error}"));
            blocking(&client).unwrap_or_else(|error| panic!("{name}, blocking: {error}"));
        }
    });
}

fn strings(r: &mut Connection) -> RedisResult<()> {
    assert_eq!(r.set::<_, _, String>("s", "one")?, "OK");
    assert_eq!(r.get::<_, String>("s")?, "one");
    assert_eq!(r.get::<_, Option<String>>("none")?, None);
    let options = redis::SetOptions::default().get(true).with_expiration(redis::SetExpiry::EX(100));
    assert_eq!(r.set_options::<_, _, String>("s", "two", options)?, "one");
    assert!(r.ttl::<_, i64>("s")? > 98);
    assert_eq!(r.append::<_, _, i64>("s", "!")?, 4);
    assert_eq!(r.mset::<_, _, String>(&[("a", 1), ("b", 2)])?, "OK");
    assert_eq!(r.mget::<_, (i64, i64, Option<i64>)>(&["a", "b", "none"])?, (1, 2, None));
    assert_eq!(r.incr::<_, _, i64>("a", 41)?, 42);
    assert_eq!(r.incr::<_, _, f64>("a", 0.5)?, 42.5);
    assert_eq!(r.getrange::<_, String>("s", 0, 2)?, "two");
    let error = r.incr::<_, _, i64>("s", 1).unwrap_err();
    assert_eq!(error.detail(), Some("value is not an integer or out of range"));
    Ok(())
}

fn hashes(r: &mut Connection) -> RedisResult<()> {
    r.hset_multiple::<_, _, _, ()>("h", &[("a", 1), ("b", 2), ("c", 3)])?;
    assert_eq!(r.hget::<_, _, i64>("h", "a")?, 1);
    assert_eq!(r.hgetall::<_, HashMap<String, i64>>("h")?.len(), 3);
    assert_eq!(r.hincr::<_, _, _, i64>("h", "a", 9)?, 10);
    assert_eq!(r.hdel::<_, _, i64>("h", &["c", "none"])?, 1);
    let many: Vec<_> = (0..1000).map(|number| (format!("field:{number}"), number)).collect();
    r.hset_multiple::<_, _, _, ()>("big", &many)?;
    let seen = r.hscan::<_, (String, i64)>("big")?.collect::<RedisResult<BTreeSet<_>>>()?;
    assert_eq!(seen.len(), 1000);
    assert_eq!(r.get::<_, String>("h").unwrap_err().code(), Some("WRONGTYPE"));
    Ok(())
}

fn lists(r: &mut Connection) -> RedisResult<()> {
    assert_eq!(r.rpush::<_, _, i64>("l", &["a", "b", "c"])?, 3);
    assert_eq!(r.lpush::<_, _, i64>("l", "z")?, 4);
    assert_eq!(r.lrange::<_, Vec<String>>("l", 0, -1)?, ["z", "a", "b", "c"]);
    assert_eq!(r.lpop::<_, String>("l", None)?, "z");
    assert_eq!(r.rpop::<_, Vec<String>>("l", std::num::NonZero::new(2))?, ["c", "b"]);
    assert_eq!(r.llen::<_, i64>("l")?, 1);
    Ok(())
}

fn sets(r: &mut Connection) -> RedisResult<()> {
    assert_eq!(r.sadd::<_, _, i64>("x", &[1, 2, 3])?, 3);
    assert_eq!(r.sadd::<_, _, i64>("y", &[2, 3, 4])?, 3);
    assert_eq!(r.sinter::<_, BTreeSet<i64>>(&["x", "y"])?, BTreeSet::from([2, 3]));
    assert_eq!(r.sunionstore::<_, _, i64>("z", &["x", "y"])?, 4);
    assert!(r.sismember::<_, _, bool>("x", 1)?);
    r.sadd::<_, _, ()>("members", (0..1000).collect::<Vec<i64>>())?;
    let seen = r.sscan::<_, i64>("members")?.collect::<RedisResult<BTreeSet<_>>>()?;
    assert_eq!(seen.len(), 1000);
    Ok(())
}

fn keys(r: &mut Connection) -> RedisResult<()> {
    assert_eq!(r.exists::<_, i64>(&["s", "none"])?, 1);
    assert!(r.persist::<_, bool>("s")?);
    assert!(r.pexpire::<_, bool>("s", 100_000)?);
    assert_eq!(r.rename::<_, _, String>("s", "renamed")?, "OK");
    assert_eq!(r.object_encoding::<_, String>("h")?, "listpack");
    assert_eq!(r.unlink::<_, i64>("renamed")?, 1);
    r.mset::<_, _, ()>(&(0..1000).map(|number| (format!("scan:{number}"), number)).collect::<Vec<_>>())?;
    let seen = r.scan_match::<_, String>("scan:*")?.collect::<RedisResult<BTreeSet<_>>>()?;
    assert_eq!(seen.len(), 1000);
    Ok(())
}

fn transactions(r: &mut Connection) -> RedisResult<()> {
    let (one, two): (i64, i64) = redis::pipe().atomic().incr("n", 1).incr("n", 1).query(r)?;
    assert_eq!((one, two), (1, 2));
    let (doubled,): (i64,) = redis::transaction(r, &["n"], |r, pipe| {
        let value: i64 = r.get("n")?;
        pipe.set("n", value * 2).ignore().get("n").query(r)
    })?;
    assert_eq!(doubled, 4);
    Ok(())
}

fn pubsub(client: &redis::Client) -> RedisResult<()> {
    let (mut subscriber, mut publisher) = (client.get_connection()?, client.get_connection()?);
    let mut subscriber = subscriber.as_pubsub();
    subscriber.set_read_timeout(Some(Duration::from_secs(10)))?;
    subscriber.subscribe("news")?;
    subscriber.psubscribe("new*")?;
    assert_eq!(publisher.publish::<_, _, i64>("news", "hello")?, 2);
    for pattern in [None, Some("new*".to_owned())] {
        let message = subscriber.get_message()?;
        assert_eq!((message.get_channel_name(), message.get_pattern::<Option<String>>()?), ("news", pattern));
        assert_eq!(message.get_payload::<String>()?, "hello");
    }
    subscriber.unsubscribe("news")?;
    assert_eq!(publisher.publish::<_, _, i64>("news", "again")?, 1);
    Ok(())
}

fn blocking(client: &redis::Client) -> RedisResult<()> {
    let (mut waiter, mut pusher) = (client.get_connection()?, client.get_connection()?);
    assert_eq!(waiter.blpop::<_, Option<(String, String)>>("queue", 0.05)?, None);
    thread::scope(|scope| {
        let waiting = scope.spawn(move || waiter.blpop::<_, (String, String)>(&["empty", "queue"], 10.0));
        pusher.rpush::<_, _, ()>("queue", "job")?;
        assert_eq!(waiting.join().unwrap()?, ("queue".into(), "job".into()));
        Ok(())
    })
}

#[test]
fn a_pool_of_200_connections() {
    with_servers(|name, address| {
        let client = redis::Client::open(format!("redis://{address}/")).unwrap();
        let pool = r2d2::Pool::builder().max_size(200).build(client).unwrap();
        // All at once, so that none can be handed out twice.
        let mut all: Vec<_> = (0..200).map(|_| pool.get().unwrap()).collect();
        for (number, connection) in all.iter_mut().enumerate() {
            connection.set::<_, _, ()>(format!("key:{number}"), number).unwrap();
        }
        drop(all);
        thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| (0..20).for_each(|_| pool.get().unwrap().incr("counter", 1).unwrap()));
            }
        });
        let mut connection = pool.get().unwrap();
        assert_eq!(connection.get::<_, i64>("counter").unwrap(), 1000, "{name}");
        assert_eq!(connection.get::<_, i64>("key:199").unwrap(), 199, "{name}");
    });
}

#[tokio::test]
async fn many_tasks_on_one_connection() {
    let server = Process::server(our_server(), &[]);
    let client = redis::Client::open(format!("redis://{}/?protocol=resp3", server.address)).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let mut connection = connection.clone();
            tokio::spawn(async move { redis::AsyncCommands::incr::<_, _, i64>(&mut connection, "counter", 1).await })
        })
        .collect();
    let mut seen = BTreeSet::new();
    for task in tasks {
        seen.insert(task.await.unwrap().unwrap());
    }
    assert_eq!(seen, (1..=200).collect());
}

"""A round of every family with redis-py, in both protocol versions. Usage: redis_py.py HOST PORT"""

import asyncio
import sys
import threading

import redis
import redis.asyncio
import redis.cache

HOST, PORT = sys.argv[1], int(sys.argv[2])


def same(got, expected):
    assert got == expected, f"expected {expected!r}, got {got!r}"


def fails(error, text, function, *args, **kwargs):
    try:
        got = function(*args, **kwargs)
    except error as raised:
        assert text in str(raised), f"expected {text!r} in {raised}"
    else:
        raise AssertionError(f"expected {text!r}, got {got!r}")


def strings(r):
    same(r.set("s", "one"), True)
    same(r.get("s"), "one")
    same(r.set("s", "two", nx=True), None)
    same(r.set("s", "two", get=True), "one")
    same(r.set("t", "x", ex=100), True)
    assert 99 <= r.ttl("t") <= 100
    same(r.append("s", "!"), 4)
    same(r.getrange("s", 0, 2), "two")
    same(r.setrange("s", 1, "W"), 4)
    same(r.strlen("s"), 4)
    same(r.mset({"a": "1", "b": "2"}), True)
    same(r.mget("a", "b", "none"), ["1", "2", None])
    same(r.incr("a", 41), 42)
    same(r.decr("a"), 41)
    same(r.incrbyfloat("a", 0.5), 41.5)
    same(r.getdel("b"), "2")
    same(r.getex("t", persist=True), "x")
    same(r.ttl("t"), -1)
    fails(redis.ResponseError, "not an integer", r.incr, "s")


def hashes(r):
    same(r.hset("h", mapping={"a": "1", "b": "2", "c": "3"}), 3)
    same(r.hget("h", "a"), "1")
    same(r.hgetall("h"), {"a": "1", "b": "2", "c": "3"})
    same(r.hmget("h", "a", "none"), ["1", None])
    same(r.hincrby("h", "a", 9), 10)
    same(r.hincrbyfloat("h", "b", 0.5), 2.5)
    same(sorted(r.hkeys("h")), ["a", "b", "c"])
    same(r.hdel("h", "c", "none"), 1)
    same((r.hlen("h"), r.hexists("h", "c")), (2, False))
    r.hset("big", mapping={f"field:{i}": i for i in range(1000)})
    same(len(dict(r.hscan_iter("big", count=50))), 1000)
    fails(redis.ResponseError, "WRONGTYPE", r.get, "h")


def lists(r):
    same(r.rpush("l", "a", "b", "c"), 3)
    same(r.lpush("l", "z"), 4)
    same(r.lrange("l", 0, -1), ["z", "a", "b", "c"])
    same((r.lpop("l"), r.rpop("l")), ("z", "c"))
    same(r.linsert("l", "BEFORE", "b", "between"), 3)
    same(r.lindex("l", 1), "between")
    same(r.lpos("l", "b"), 2)
    same(r.lset("l", 0, "first"), True)
    same(r.lmove("l", "m", "LEFT", "RIGHT"), "first")
    same(r.lrem("l", 0, "between"), 1)
    same(r.llen("l"), 1)
    same(r.lmpop(2, "none", "m", direction="LEFT"), ["m", ["first"]])


def sets(r):
    same(r.sadd("x", "1", "2", "3"), 3)
    same(r.sadd("y", "2", "3", "4"), 3)
    same(set(r.smembers("x")), {"1", "2", "3"})
    same(set(r.sinter("x", "y")), {"2", "3"})
    same(set(r.sunion("x", "y")), {"1", "2", "3", "4"})
    same(set(r.sdiff("x", "y")), {"1"})
    same(r.sintercard(2, ["x", "y"]), 2)
    same([bool(found) for found in r.smismember("x", ["1", "9"])], [True, False])
    same(r.smove("x", "y", "1"), True)
    same(r.scard("y"), 4)
    r.sadd("members", *range(1000))
    same(len(set(r.sscan_iter("members", count=50))), 1000)


def keys(r):
    same(r.exists("s", "none"), 1)
    same(r.type("h"), "hash")
    same(r.expire("s", 100), True)
    same(r.persist("s"), True)
    same(r.pexpire("s", 100_000, nx=True), True)
    same(r.rename("s", "renamed"), True)
    same(r.copy("renamed", "copied"), True)
    same(r.object("encoding", "h"), "listpack")
    same(r.unlink("copied", "none"), 1)
    same(r.touch("renamed"), 1)
    r.mset({f"scan:{i}": i for i in range(1000)})
    same(len(set(r.scan_iter("scan:*", count=100))), 1000)
    same(len(r.keys("scan:*")), 1000)
    r.rpush("sorted", 3, 1, 2)
    same(r.sort("sorted", desc=True), ["3", "2", "1"])


def transactions(r):
    with r.pipeline(transaction=True) as pipe:
        same(pipe.set("n", 1).incr("n").get("n").execute(), [True, 2, "2"])
    with r.pipeline(transaction=False) as pipe:
        same(pipe.incr("n").incr("n").execute(), [3, 4])

    def double(pipe):
        value = int(pipe.get("n"))
        pipe.multi()
        pipe.set("n", value * 2)

    same(r.transaction(double, "n"), [True])
    same(r.get("n"), "8")
    with r.pipeline() as pipe:
        pipe.watch("n")
        r.set("n", 100)
        pipe.multi()
        pipe.set("n", 0)
        fails(redis.WatchError, "", pipe.execute)
    same(r.get("n"), "100")


def pubsub(r):
    with r.pubsub() as subscriber:
        subscriber.subscribe("news")
        subscriber.psubscribe("new*")

        def receive():
            message = subscriber.get_message(timeout=10)
            assert message, "no message"
            return message["type"], message["channel"], message["data"]

        same(receive(), ("subscribe", "news", 1))
        same(receive(), ("psubscribe", "new*", 2))
        same(r.publish("news", "hello"), 2)
        same(receive(), ("message", "news", "hello"))
        same(receive(), ("pmessage", "news", "hello"))
        same(r.pubsub_numsub("news"), [("news", 1)])
        subscriber.unsubscribe("news")
        same(receive(), ("unsubscribe", "news", 1))


def blocking(r):
    same(r.blpop("queue", timeout=0.05), None)
    pusher = threading.Timer(0.1, r.rpush, ("queue", "job"))
    pusher.start()
    # A tuple or a list, depending on the protocol.
    same(list(r.blpop(["empty", "queue"], timeout=10)), ["queue", "job"])
    pusher.join()
    r.rpush("queue", "next")
    same(r.blmove("queue", "done", 1), "next")


def connection(r):
    same(r.ping(), True)
    same(r.echo("hello"), "hello")
    same(r.client_setname("round"), True)
    same(r.client_getname(), "round")
    assert any(client["name"] == "round" for client in r.client_list())
    same(r.config_set("maxmemory-samples", 7), True)
    same(r.config_get("maxmemory-samples"), {"maxmemory-samples": "7"})
    assert r.info("server")["redis_version"]
    assert r.info("keyspace")["db0"]["keys"] > 0
    same(r.dbsize() > 1000, True)
    assert r.command_count() > 100
    same(r.command_getkeys("MSET", "a", "1", "b", "2"), ["a", "b"])
    same(r.slowlog_reset(), True)
    assert r.time()[0] > 1_600_000_000
    other = redis.Redis(HOST, PORT, db=5, decode_responses=True)
    same(other.exists("renamed"), 0)
    other.close()


def client_side_caching(r):
    """Only protocol 3 has the messages that tell a cache what is no longer so. The client wants a server of 7.4."""
    if r.info("server")["redis_version"].split(".") < ["7", "4"]:
        return
    cached = redis.Redis(HOST, PORT, protocol=3, decode_responses=True, cache_config=redis.cache.CacheConfig())
    r.set("cached", "one")
    same((cached.get("cached"), cached.get("cached")), ("one", "one"))
    same(cached.get_cache().size, 1)
    r.set("cached", "two")
    same(cached.get("cached"), "two")
    cached.close()


def pool(r):
    """200 connections at once, each doing its work while the others are open."""
    connections = redis.ConnectionPool(host=HOST, port=PORT, max_connections=200)
    opened = [connections.get_connection() for _ in range(200)]
    for number, each in enumerate(opened):
        each.send_command("SET", f"pool:{number}", number)
    for each in opened:
        same(each.read_response(), b"OK")
    for each in opened:
        connections.release(each)
    client = redis.Redis(connection_pool=connections)
    threads = [threading.Thread(target=lambda: [client.incr("pool") for _ in range(20)]) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same(r.get("pool"), "1000")
    connections.disconnect()


async def many_at_once():
    client = redis.asyncio.Redis(host=HOST, port=PORT, max_connections=200)
    await asyncio.gather(*(client.incr("async") for _ in range(200)))
    same(await client.get("async"), b"200")
    await client.aclose()


for protocol in (2, 3):
    r = redis.Redis(HOST, PORT, protocol=protocol, decode_responses=True)
    same(r.flushall(), True)
    for part in (strings, hashes, lists, sets, keys, transactions, pubsub, blocking, connection, client_side_caching, pool):
        try:
            part(r)
        except BaseException:
            print(f"{part.__name__}, protocol {protocol}:", file=sys.stderr)
            raise
    asyncio.run(many_at_once())
    r.close()
print(f"redis-py {redis.__version__}: all as expected")

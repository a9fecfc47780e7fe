// A round of every family with node-redis, in both protocol versions. Usage: node_redis.mjs HOST PORT

import assert from "node:assert/strict";
import { createClient, createClientPool, WatchError } from "redis";

const [host, port] = process.argv.slice(2);
const url = `redis://${host}:${port}`;
const same = assert.deepEqual;

// Replies of protocol 3 may be objects without a prototype.
const plain = (object) => ({ ...object });

async function strings(r) {
  same(await r.set("s", "one"), "OK");
  same(await r.set("s", "two", { condition: "NX" }), null);
  same(await r.set("s", "two", { GET: true }), "one");
  same(await r.set("t", "x", { expiration: { type: "EX", value: 100 } }), "OK");
  assert((await r.ttl("t")) > 98);
  same(await r.append("s", "!"), 4);
  same(await r.getRange("s", 0, 2), "two");
  same(await r.mSet({ a: "1", b: "2" }), "OK");
  same(await r.mGet(["a", "b", "none"]), ["1", "2", null]);
  same(await r.incrBy("a", 41), 42);
  same(Number(await r.incrByFloat("a", 0.5)), 42.5);
  same(await r.getDel("b"), "2");
  await assert.rejects(r.incr("s"), /not an integer/);
}

async function hashes(r) {
  same(await r.hSet("h", { a: "1", b: "2", c: "3" }), 3);
  same(await r.hGet("h", "a"), "1");
  same(plain(await r.hGetAll("h")), { a: "1", b: "2", c: "3" });
  same(await r.hmGet("h", ["a", "none"]), ["1", null]);
  same(await r.hIncrBy("h", "a", 9), 10);
  same(await r.hDel("h", ["c", "none"]), 1);
  const many = Array.from({ length: 1000 }, (_, i) => [`field:${i}`, String(i)]);
  await r.hSet("big", Object.fromEntries(many));
  const seen = new Set();
  for await (const page of r.hScanIterator("big", { COUNT: 50 })) {
    for (const { field } of [page].flat()) seen.add(field);
  }
  same(seen.size, 1000);
  await assert.rejects(r.get("h"), /WRONGTYPE/);
}

async function lists(r) {
  same(await r.rPush("l", ["a", "b", "c"]), 3);
  same(await r.lPush("l", "z"), 4);
  same(await r.lRange("l", 0, -1), ["z", "a", "b", "c"]);
  same([await r.lPop("l"), await r.rPop("l")], ["z", "c"]);
  same(await r.lPos("l", "b"), 1);
  same(await r.lMove("l", "m", "LEFT", "RIGHT"), "a");
  same(await r.lLen("l"), 1);
}

async function sets(r) {
  same(await r.sAdd("x", ["1", "2", "3"]), 3);
  same(await r.sAdd("y", ["2", "3", "4"]), 3);
  same([...(await r.sInter(["x", "y"]))].sort(), ["2", "3"]);
  same([...(await r.sMembers("x"))].sort(), ["1", "2", "3"]);
  same(await r.sInterCard(["x", "y"]), 2);
  same(Boolean(await r.sIsMember("x", "9")), false);
  await r.sAdd("members", Array.from({ length: 1000 }, (_, i) => String(i)));
  const seen = new Set();
  for await (const page of r.sScanIterator("members", { COUNT: 50 })) {
    for (const member of [page].flat()) seen.add(member);
  }
  same(seen.size, 1000);
}

async function keys(r) {
  same(await r.exists(["s", "none"]), 1);
  same(await r.type("h"), "hash");
  same(Boolean(await r.expire("s", 100)), true);
  same(Boolean(await r.persist("s")), true);
  same(await r.rename("s", "renamed"), "OK");
  same(await r.objectEncoding("h"), "listpack");
  same(await r.unlink(["renamed", "none"]), 1);
  await r.mSet(Array.from({ length: 1000 }, (_, i) => [`scan:${i}`, String(i)]));
  const seen = new Set();
  for await (const page of r.scanIterator({ MATCH: "scan:*", COUNT: 100 })) {
    for (const key of [page].flat()) seen.add(key);
  }
  same(seen.size, 1000);
  await r.rPush("sorted", ["3", "1", "2"]);
  same(await r.sort("sorted"), ["1", "2", "3"]);
}

async function transactions(r) {
  same(await r.multi().set("n", "1").incr("n").get("n").exec(), ["OK", 2, "2"]);
  const other = await r.duplicate().connect();
  await other.watch("n");
  await r.set("n", "100");
  await assert.rejects(other.multi().set("n", "0").exec(), WatchError);
  await other.watch("n");
  same(await other.multi().incr("n").exec(), [101]);
  other.destroy();
}

async function pubsub(r) {
  const subscriber = await r.duplicate().connect();
  const got = [];
  let done;
  const all = new Promise((resolve) => (done = resolve));
  const note = (...message) => got.push(message.join(" ")) === 3 && done();
  await subscriber.subscribe("news", (message, channel) => note("channel", channel, message));
  await subscriber.pSubscribe("new*", (message, channel) => note("pattern", channel, message));
  await subscriber.sSubscribe("shard", (message, channel) => note("shard", channel, message));
  same(await r.publish("news", "hello"), 2);
  same(await r.sPublish("shard", "hello"), 1);
  await all;
  same(got.sort(), ["channel news hello", "pattern news hello", "shard shard hello"]);
  await subscriber.unsubscribe("news");
  same(plain(await r.pubSubNumSub(["news"])), { news: 0 });
  subscriber.destroy();
}

async function blocking(r) {
  const other = await r.duplicate().connect();
  same(await other.blPop("queue", 0.05), null);
  const waiting = other.blPop(["empty", "queue"], 10);
  await r.rPush("queue", "job");
  same(plain(await waiting), { key: "queue", element: "job" });
  other.destroy();
}

async function connection(r) {
  same(await r.ping(), "PONG");
  await r.clientSetName("round");
  same(await r.clientGetName(), "round");
  assert((await r.clientList()).some((client) => client.name === "round"));
  same(await r.configSet("maxmemory-samples", "7"), "OK");
  same(plain(await r.configGet("maxmemory-samples")), { "maxmemory-samples": "7" });
  assert.match(await r.info("server"), /redis_version:/);
  assert((await r.commandCount()) > 100);
  same(await r.commandGetKeys(["MSET", "a", "1", "b", "2"]), ["a", "b"]);
}

async function pool() {
  const clients = await createClientPool({ url }, { minimum: 50, maximum: 50 }).connect();
  await Promise.all(Array.from({ length: 1000 }, () => clients.incr("pool")));
  same(await clients.get("pool"), "1000");
  await clients.close();
}

for (const RESP of [2, 3]) {
  const r = await createClient({ url, RESP }).connect();
  await r.flushAll();
  for (const part of [strings, hashes, lists, sets, keys, transactions, pubsub, blocking, connection, pool]) {
    try {
      await part(r);
    } catch (error) {
      console.error(`${part.name}, protocol ${RESP}:`);
      throw error;
    }
  }
  r.destroy();
}
console.log("node-redis: all as expected");

import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { keySlot } from "../../packages/client/src/protocol/index.ts";
import { Asker, RedisOracle, redisVersion } from "../../packages/server/src/core/command/testing/redis.ts";
import { TestCluster } from "../harness/cluster.ts";

const version = redisVersion();
if (version === undefined) console.warn("SKIPPED: keys of a cluster compared with Redis'; no redis-server 7 here");

const text = (value: unknown): string => Buffer.from(value as Uint8Array).toString("latin1");
const texts = (value: unknown): string[] => (value as Uint8Array[]).map(text);

async function connect(port: "respPort" | "clusterPort", cluster: TestCluster): Promise<Asker[]> {
  const askers = await Promise.all(cluster.file.nodes.map(({ host, [port]: at }) => Asker.connect({ host, port: at })));
  onTestFinished(() => {
    for (const asker of askers) asker.close();
  });
  return askers;
}

/** A whole SCAN; each call at the next of the given connections, which are of one cluster. */
async function scan(through: readonly Asker[], ...options: string[]): Promise<string[]> {
  const found = new Set<string>();
  let cursor = "0";
  for (let call = 0; ; call += 1) {
    const asker = through[call % through.length] as Asker;
    const [next, keys] = (await asker.value(["SCAN", cursor, ...options])) as [Uint8Array, Uint8Array[]];
    for (const key of keys) found.add(text(key));
    cursor = text(next);
    if (cursor === "0") return [...found].sort();
  }
}

/** Errors, and answers that do not depend on where keys are. */
const SAME = [
  "scan",
  "scan x",
  "scan 0 count",
  "scan 0 count x",
  "scan 0 count 0",
  "scan 0 match",
  "scan 0 nosuch 1",
  "scan 18446744073709551616",
  "keys",
  "keys a b",
  "randomkey x",
  "dbsize x",
  "time x",
  "flushall x",
  "flushdb async x",
  "flushdb x",
  "flushall sync",
].map((line) => line.split(" "));

test.skipIf(version === undefined)("the keys of a cluster are those of a Redis that was given the same", async () => {
  const redis = await RedisOracle.start();
  onTestFinished(() => redis.stop());
  const cluster = await TestCluster.start({ shards: 4 });
  const nodes = await connect("respPort", cluster);
  const words = fc
    .array(fc.constantFrom(..."abc*?[]^\\-{}".split("")), { maxLength: 6 })
    .map((letters) => letters.join(""));
  const [keys] = fc.sample(fc.uniqueArray(words, { minLength: 400, maxLength: 400, size: "max" }), 1) as [string[]];
  // One slot with more keys than come together, so that cursors have to remember a place in it.
  for (let n = 0; n < 400; n += 1) keys.push(`{tag}${n}`);
  const all = [redis.asker, ...nodes];
  await Promise.all(
    keys.flatMap((key) => [redis.value(["SET", key, "v"]), (nodes[0] as Asker).value(["SET", key, "v"])]),
  );
  await Promise.all(all.map((asker) => asker.value(["SET", "ends", "v", "PX", "1"])));
  for (const asker of all) while ((await asker.value(["PTTL", "ends"])) !== -2);

  const patterns = ["*", "{tag}*", "{tag}[1-3]?", "nothing*", ...fc.sample(words, 60)];
  for (const pattern of patterns) {
    const expected = texts(await redis.value(["KEYS", pattern])).sort();
    for (const node of nodes) expect(texts(await node.value(["KEYS", pattern])).sort(), pattern).toEqual(expected);
  }
  await Promise.all([redis.asker, nodes[0]].map((asker) => asker?.value(["DEL", "ends"])));
  const everything = [...keys].sort();
  expect(await scan(nodes)).toEqual(everything);
  expect(await scan(nodes, "COUNT", "1000000", "TYPE", "string")).toEqual(everything);
  for (const pattern of patterns.slice(0, 8)) {
    expect(await scan(nodes, "MATCH", pattern, "COUNT", "7")).toEqual(await scan([redis.asker], "MATCH", pattern));
  }
  for (const command of SAME) {
    const expected = await redis.asker.ask(command);
    for (const node of nodes) expect(await node.ask(command), command.join(" ")).toBe(expected);
    if (command[0] === "flushall") break;
  }
  for (const node of nodes) {
    expect(keys).toContain(text(await node.value(["RANDOMKEY"])));
    expect(await node.value(["DBSIZE"])).toBe(keys.length);
    const [seconds, microseconds] = texts(await node.value(["TIME"])).map(Number) as [number, number];
    expect(Math.abs(seconds + microseconds / 1e6 - Date.now() / 1000)).toBeLessThan(5);
  }
  const slot = String(keySlot(Buffer.from("tag")));
  expect(await nodes[1]?.value(["CLUSTER", "COUNTKEYSINSLOT", slot])).toBe(400);
  expect(texts(await nodes[2]?.value(["CLUSTER", "GETKEYSINSLOT", slot, "3"]))).toEqual([
    "{tag}0",
    "{tag}1",
    "{tag}10",
  ]);
  for (const command of SAME.slice(SAME.findIndex(([name]) => name === "flushall"))) {
    expect(await nodes[1]?.ask(command), command.join(" ")).toBe(await redis.asker.ask(command));
  }
  for (const asker of all) {
    expect(await asker.ask(["dbsize"])).toBe("0");
    expect(await asker.ask(["randomkey"])).toBe("(nil)");
    expect(await asker.ask(["keys", "*"])).toBe("[]");
    expect(await asker.ask(["scan", "0"])).toBe('["0" []]');
  }
});

test("on the cluster port a node speaks for the shards that it leads; all nodes together for the cluster", async () => {
  const cluster = await TestCluster.start({ shards: 4 });
  const plain = (await connect("respPort", cluster))[0] as Asker;
  const nodes = await connect("clusterPort", cluster);
  const keys = Array.from({ length: 300 }, (_, n) => `key:${n}`).sort();
  await Promise.all(keys.map((key) => plain.value(["SET", key, "v"])));
  const found: string[] = [];
  let count = 0;
  for (const node of nodes) {
    const own = await scan([node]);
    expect(await node.value(["DBSIZE"])).toBe(own.length);
    expect(texts(await node.value(["KEYS", "*"])).sort()).toEqual(own);
    found.push(...own);
    count += own.length;
  }
  expect(found.sort()).toEqual(keys);
  expect(count).toBe(keys.length);
  const before = (await nodes[0]?.value(["DBSIZE"])) as number;
  expect(await nodes[0]?.value(["FLUSHALL"])).toBe("OK");
  expect(await plain.value(["DBSIZE"])).toBe(keys.length - before);
  for (const node of nodes) expect(await node.value(["FLUSHDB", "ASYNC"])).toBe("OK");
  expect(await plain.value(["DBSIZE"])).toBe(0);
});

test("a walk goes on through other nodes when the leader of its shard is gone; a cluster that was emptied stays empty", async () => {
  const cluster = await TestCluster.start({ shards: 1 });
  const nodes = await connect("respPort", cluster);
  const keys = Array.from({ length: 500 }, (_, n) => `{tag}${n}`);
  await Promise.all(keys.map((key) => nodes[0]?.value(["SET", key, "v"])));
  const leader = [...(await cluster.leaders()).values()][0] as string;
  const [one, other] = nodes.filter((_, at) => cluster.file.nodes[at]?.name !== leader) as [Asker, Asker];
  const [cursor, first] = (await one.value(["SCAN", "0", "COUNT", "50"])) as [Uint8Array, Uint8Array[]];
  expect(first).toHaveLength(50);
  await cluster.kill(leader);
  const seen = new Set(first.map(text));
  for (let at = text(cursor); at !== "0"; ) {
    const [next, found] = (await other.value(["SCAN", at, "COUNT", "50"])) as [Uint8Array, Uint8Array[]];
    for (const key of found) seen.add(text(key));
    at = text(next);
  }
  expect([...seen].sort()).toEqual([...keys].sort());
  expect(await one.value(["FLUSHALL"])).toBe("OK");
  await cluster.start(leader);
  const again = await connect("respPort", cluster);
  for (const node of again) expect(await node.value(["DBSIZE"])).toBe(0);
});

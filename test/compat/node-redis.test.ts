import { RateLimiterRedisNonAtomic } from "rate-limiter-flexible";
import { createClient, createCluster } from "redis";
import { createClient as createVersion4Client } from "redis-client-4";
import lock from "redis-lock";
import { describe, expect, onTestFinished, test } from "vitest";
import type { PlacedNode } from "../../packages/chaos/src/cluster/index.ts";
import { clusterForFile } from "../harness/file-cluster.ts";

/** node-redis as its users have it, with both protocols, and two libraries on top of it. */
const cluster = clusterForFile();

const urlOf = (at: number, port: "respPort" | "clusterPort"): string => {
  const node = cluster().file.nodes[at] as PlacedNode;
  return `redis://${node.host}:${node[port]}`;
};

async function plainClient(RESP: 2 | 3, at = 0) {
  const client = createClient({ url: urlOf(at, "respPort"), RESP });
  // Without a listener the process would end; what matters rejects the call that it belongs to.
  client.on("error", () => {});
  await client.connect();
  onTestFinished(() => client.destroy());
  return client;
}

/** What the lock library is made for. */
async function version4Client(at: number) {
  const client = createVersion4Client({ url: urlOf(at, "respPort") });
  client.on("error", () => {});
  await client.connect();
  onTestFinished(() => client.disconnect());
  return client;
}

async function clusterClient(RESP: 2 | 3) {
  const client = createCluster({ rootNodes: [{ url: urlOf(0, "clusterPort") }], RESP });
  client.on("error", () => {});
  await client.connect();
  onTestFinished(() => client.destroy());
  return client;
}

describe.each([2, 3] as const)("node-redis, RESP%i", (RESP) => {
  test("cluster: strings, counters, times, transactions", async () => {
    const client = await clusterClient(RESP);
    const keys = Array.from({ length: 200 }, (_, n) => `user:${n}`);
    await Promise.all(keys.map((key) => client.set(key, `name of ${key}`)));
    expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys.map((key) => `name of ${key}`));
    await client.set("short", "lived", { expiration: { type: "EX", value: 100 } });
    expect(await client.ttl("short")).toBeGreaterThan(90);
    expect(await client.getDel("short")).toBe("lived");
    expect(await client.incrBy("visits", 42)).toBe(42);
    await client.mSet({ "{a}1": "x", "{a}2": "y" });
    expect(await client.mGet(["{a}1", "{a}2", "{a}3"])).toEqual(["x", "y", null]);
    expect(await client.multi().set("{t}", "1").incr("{t}").get("{t}").exec()).toEqual(["OK", 2, "2"]);
    expect(await client.del(["{a}1", "{a}2"])).toBe(2);
  });

  test("plain: strings, counters, times, WATCH, the connection's commands", async () => {
    const client = await plainClient(RESP);
    const other = await plainClient(RESP, 1);
    expect(await client.set("k", "1", { condition: "NX" })).toBe("OK");
    expect(await client.set("k", "2", { condition: "NX" })).toBeNull();
    expect(await other.get("k")).toBe("1");
    expect(await client.expire("k", 100)).toBe(1);
    expect(await client.pTTL("k")).toBeGreaterThan(90_000);
    await client.watch("k");
    await other.set("k", "5");
    await expect(client.multi().incr("k").exec()).rejects.toThrow("One (or more) of the watched keys has been changed");
    await client.clientSetName("compat");
    expect(await client.clientGetName()).toBe("compat");
    expect(await client.clientId()).toBeTypeOf("number");
    expect((await client.clientInfo()).name).toBe("compat");
    expect(await client.echo("hello")).toBe("hello");
    expect(await client.info("server")).toContain("redis_version:");
    expect(await client.configGet("maxclients")).toHaveProperty("maxclients");
    expect(await client.wait(1, 1_000)).toBeGreaterThanOrEqual(1);
  });

  test("walks over all keys", async () => {
    const client = await plainClient(RESP);
    const keys = Array.from({ length: 500 }, (_, n) => `walk:${n}`);
    await Promise.all(keys.map((key) => client.set(key, "1")));
    const found = new Set<string>();
    for await (const page of client.scanIterator({ MATCH: "walk:*", COUNT: 50 }))
      for (const key of page) found.add(key);
    expect([...found].sort()).toEqual([...keys].sort());
    expect(await client.dbSize()).toBe(500);
    expect((await client.keys("walk:1?")).sort()).toEqual(Array.from({ length: 10 }, (_, n) => `walk:1${n}`));
    expect(await client.randomKey()).toMatch(/^walk:/);
    expect(await client.flushAll()).toBe("OK");
    expect(await client.dbSize()).toBe(0);
  });

  test("hears what is published at another node", async () => {
    const subscriber = await plainClient(RESP);
    const publisher = await plainClient(RESP, 1);
    const sharded = await clusterClient(RESP);
    const heard: string[] = [];
    await subscriber.subscribe("news", (message) => heard.push(message));
    await subscriber.pSubscribe("new*", (message, channel) => heard.push(`${channel}: ${message}`));
    await sharded.sSubscribe("orders", (message) => heard.push(message));
    await publisher.publish("news", "hello");
    await sharded.sPublish("orders", "one");
    await expect.poll(() => [...heard].sort()).toEqual(["hello", "news: hello", "one"]);
  });
});

test("a rate limiter lets so many through, and no more", async () => {
  const limiter = new RateLimiterRedisNonAtomic({
    storeClient: await plainClient(2),
    useRedisPackage: true,
    points: 5,
    duration: 60,
  });
  // One after the other: as its name says, it reads and writes in two steps.
  const allowed: boolean[] = [];
  for (let n = 0; n < 8; n += 1) {
    const consumed = await limiter.consume("somebody").catch((refusal: { msBeforeNext: number }) => refusal);
    allowed.push("remainingPoints" in consumed && (consumed as { consumedPoints: number }).consumedPoints <= 5);
    expect(consumed.msBeforeNext).toBeGreaterThan(50_000);
  }
  expect(allowed).toEqual([true, true, true, true, true, false, false, false]);
  expect((await limiter.get("somebody"))?.consumedPoints).toBe(8);
});

test("a lock keeps two holders apart, over different nodes", async () => {
  const holders = await Promise.all([0, 1, 2].map(async (at) => lock(await version4Client(at))));
  let inside = 0;
  let most = 0;
  await Promise.all(
    holders.map(async (take) => {
      for (let round = 0; round < 5; round += 1) {
        const release = await take("door");
        inside += 1;
        most = Math.max(most, inside);
        await new Promise(setImmediate);
        inside -= 1;
        await release();
      }
    }),
  );
  expect(most).toBe(1);
});

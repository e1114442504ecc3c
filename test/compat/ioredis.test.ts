import { Cluster, Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import type { PlacedNode } from "../../packages/chaos/src/cluster/index.ts";
import { clusterForFile } from "../harness/file-cluster.ts";

/**
 * ioredis as its users have it: no option that the store would need. Retries of its own are on, as they are by default.
 */
const cluster = clusterForFile();

function clusterClient(): Cluster {
  const client = new Cluster(cluster().file.nodes.map(({ host, clusterPort }) => ({ host, port: clusterPort })));
  onTestFinished(() => client.disconnect());
  return client;
}

function plainClient(at = 0): Redis {
  const { host, respPort } = cluster().file.nodes[at] as PlacedNode;
  const client = new Redis({ host, port: respPort });
  onTestFinished(() => client.disconnect());
  return client;
}

const CLIENTS: readonly (readonly [string, () => Cluster | Redis])[] = [
  ["cluster", clusterClient],
  ["plain", plainClient],
];

describe.each(CLIENTS)("ioredis, %s", (kind, connect) => {
  test("does what applications do with strings, counters and times", async () => {
    const client = connect();
    const keys = Array.from({ length: 200 }, (_, n) => `user:${n}`);
    await Promise.all(keys.map((key) => client.set(key, `name of ${key}`)));
    expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys.map((key) => `name of ${key}`));

    expect(await client.set("once", "1", "EX", 100, "NX")).toBe("OK");
    expect(await client.set("once", "2", "EX", 100, "NX")).toBeNull();
    expect(await client.ttl("once")).toBeGreaterThan(90);
    expect(await client.persist("once")).toBe(1);
    expect(await client.ttl("once")).toBe(-1);
    expect(await client.ttl("no such key")).toBe(-2);

    expect(await client.incrby("visits", 41)).toBe(41);
    expect(await client.incr("visits")).toBe(42);
    expect(await client.incrbyfloat("ratio", 0.5)).toBe("0.5");
    await expect(client.incr("user:1")).rejects.toThrow("ERR value is not an integer or out of range");

    expect(await client.mset({ "{a}1": "x", "{a}2": "y" })).toBe("OK");
    expect(await client.mget("{a}1", "{a}2", "{a}3")).toEqual(["x", "y", null]);
    expect(await client.append("{a}1", "yz")).toBe(3);
    expect(await client.getrange("{a}1", 1, -1)).toBe("yz");
    expect(await client.rename("{a}1", "{a}3")).toBe("OK");
    expect(await client.exists("{a}1", "{a}2", "{a}3")).toBe(2);
    expect(await client.type("{a}3")).toBe("string");
    expect(await client.unlink("{a}2", "{a}3")).toBe(2);
    await expect(client.mget("a", "b")).rejects.toThrow(/CROSSSLOT/);

    const bytes = Buffer.from([0, 13, 10, 255, 36, 42]);
    await client.set("bytes", bytes);
    expect(await client.getBuffer("bytes")).toEqual(bytes);
    expect(await client.setbit("bits", 1_000, 1)).toBe(0);
    expect(await client.bitcount("bits")).toBe(1);
  });

  test("runs pipelines and transactions", async () => {
    const client = connect();
    const pipeline = client.pipeline();
    for (let n = 0; n < 100; n += 1) pipeline.set(`{p}${n}`, n).incr(`{p}${n}`);
    const answers = await pipeline.exec();
    expect(answers?.map(([error]) => error)).toEqual(Array.from({ length: 200 }, () => null));
    expect(answers?.[199]?.[1]).toBe(100);

    expect(await client.multi().set("{t}a", "1").incr("{t}a").get("{t}a").exec()).toEqual([
      [null, "OK"],
      [null, 2],
      [null, "2"],
    ]);
  });

  test("walks over all keys", async () => {
    const client = connect();
    const keys = Array.from({ length: 500 }, (_, n) => `walk:${n}`);
    await Promise.all(keys.map((key) => client.set(key, "1")));
    const nodes = client instanceof Cluster ? client.nodes("master") : [client];
    const found = new Set<string>();
    let size = 0;
    for (const node of nodes) {
      size += await node.dbsize();
      for await (const page of node.scanStream({ match: "walk:*", count: 50 })) {
        for (const key of page as string[]) found.add(key);
      }
    }
    expect([...found].sort()).toEqual([...keys].sort());
    expect(size).toBe(500);
    for (const node of nodes) await node.flushall();
    expect(await client.get("walk:1")).toBeNull();
  });

  test("hears what is published at another node", async () => {
    const subscriber = connect();
    const heard: string[] = [];
    const all = new Promise<void>((resolve) => {
      subscriber.on("message", (channel: string, message: string) => heard.push(`${channel}: ${message}`));
      subscriber.on("pmessage", (pattern: string, channel: string, message: string) => {
        heard.push(`${pattern} ${channel}: ${message}`);
        if (message === "last") resolve();
      });
    });
    await subscriber.subscribe("news");
    await subscriber.psubscribe("n?ws*");
    const publisher = kind === "plain" ? plainClient(1) : clusterClient();
    await publisher.publish("news", "first");
    await publisher.publish("news:more", "last");
    await all;
    expect(heard).toEqual(["news: first", "n?ws* news: first", "n?ws* news:more: last"]);
    await subscriber.unsubscribe("news");
    await subscriber.punsubscribe("n?ws*");
    expect(await subscriber.set("again", "a client")).toBe("OK");
  });
});

test("ioredis: WATCH notices a change by another client", async () => {
  const client = plainClient();
  const other = plainClient(1);
  await client.set("watched", "1");
  await client.watch("watched");
  await other.set("watched", "2");
  expect(await client.multi().set("watched", "3").exec()).toBeNull();
  await client.watch("watched");
  expect(await client.multi().set("watched", "3").exec()).toEqual([[null, "OK"]]);
  expect(await other.get("watched")).toBe("3");
});

test("ioredis: scaleReads finds its way, also where every node leads something", async () => {
  const client = new Cluster(
    cluster().file.nodes.map(({ host, clusterPort }) => ({ host, port: clusterPort })),
    { scaleReads: "slave" },
  );
  onTestFinished(() => client.disconnect());
  await client.set("replicated", "yes");
  // A replica may be behind by moments.
  await expect.poll(() => client.get("replicated")).toBe("yes");
});

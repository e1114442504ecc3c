import { Cluster, Redis } from "ioredis";
import { createClient, createCluster, WatchError } from "redis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Connections } from "../../core/session/index.ts";
import { FakeNode } from "../../core/session/testing/fake-node.ts";
import type { Front } from "../listen.ts";
import { processFacts, startResp } from "./index.ts";

/** Transactions of real clients over real sockets; the node behind is a Map. */
const HOST = "127.0.0.1";
let forwarding: Front;
let cluster: Front;
beforeAll(async () => {
  const node = new FakeNode({ shards: 3 });
  const connections = new Connections(node, processFacts("0.1.0"));
  forwarding = await startResp(connections, { host: HOST, port: 0, redirect: false });
  cluster = await startResp(connections, { host: HOST, port: 0, redirect: true });
  node.map = new FakeNode({ shards: 3, nodes: [{ clusterPort: cluster.port }] }).map;
});
afterAll(async () => void (await Promise.all([forwarding.close(), cluster.close()])));

test("ioredis, plain and cluster", async () => {
  const plain = new Redis({ host: HOST, port: forwarding.port, lazyConnect: true });
  const routed = new Cluster([{ host: HOST, port: cluster.port }], { lazyConnect: true });
  for (const client of [plain, routed]) {
    await client.connect();
    const replies = await client
      .multi()
      .set("{a}1", "x")
      .append("{a}1", "y")
      .rename("{a}none", "{a}2")
      .get("{a}1")
      .exec();
    expect(replies?.map(([error, value]) => error?.message ?? value)).toEqual(["OK", 2, "ERR no such key", "xy"]);
    await client.del("{a}1");
  }
  await expect(plain.multi().set("a", "1").set("b", "1").exec()).rejects.toThrow("CROSSSLOT");
  await plain.watch("{a}w");
  await routed.set("{a}w", "other");
  expect(await plain.multi().set("{a}w", "mine").exec()).toBeNull();
  expect(await plain.get("{a}w")).toBe("other");
  await Promise.all([plain.quit(), routed.quit()]);
});

for (const RESP of [2, 3] as const) {
  test(`node-redis with RESP${RESP}, plain and cluster`, async () => {
    const plain = createClient({ url: `redis://${HOST}:${forwarding.port}`, RESP });
    const routed = createCluster({ rootNodes: [{ url: `redis://${HOST}:${cluster.port}` }], RESP });
    await Promise.all([plain.connect(), routed.connect()]);
    expect(await plain.multi().set("{b}1", "x").incr("{b}n").get("{b}1").exec()).toEqual(["OK", 1, "x"]);
    expect(await routed.multi().set("{b}1", "y").del("{b}n").get("{b}1").exec()).toEqual(["OK", 1, "y"]);
    await plain.watch("{b}w");
    await routed.set("{b}w", "other");
    await expect(plain.multi().set("{b}w", "mine").exec()).rejects.toThrow(WatchError);
    expect(await plain.get("{b}w")).toBe("other");
    await Promise.all([plain.close(), routed.close()]);
  });
}

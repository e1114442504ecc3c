import { expect, test } from "vitest";
import { PEER_QUEUE_BYTES_MAX } from "../base/index.ts";
import { bytes, expectAllUp, startAll, texts, three } from "./testing/three.ts";

test("three nodes of a plan meet, and their messages arrive in order", () => {
  const { cluster, a, b, c, all } = three();
  startAll(all);
  cluster.pass(200);
  expectAllUp(all);
  a.send(b, bytes("one"));
  a.send(b, bytes("two"));
  a.send(c, bytes(""));
  expect(b.messages).toEqual([]);
  a.flush();
  b.send(a, bytes("three"));
  b.flush();
  cluster.world.run();
  expect(texts(b)).toEqual(["a: one", "a: two"]);
  expect(texts(c)).toEqual(["a: "]);
  expect(texts(a)).toEqual(["b: three"]);
});

test("messages of every size survive streams that are cut into small pieces", () => {
  const { cluster, a, b, all } = three(7);
  cluster.world.pieceBytesMax = 13;
  startAll(all);
  cluster.pass(200);
  const sizes = [0, 1, 3, 4, 5, 100, 20_000, 2, 0, 7];
  for (const [i, size] of sizes.entries()) {
    a.send(b, new Uint8Array(size).fill(i + 1));
    if (i % 3 === 2) a.flush();
  }
  a.flush();
  cluster.world.run();
  expect(b.messages.map((m) => m.bytes)).toEqual(sizes.map((size, i) => new Uint8Array(size).fill(i + 1)));
});

test("the sender may reuse its bytes when send returns", () => {
  const { cluster, a, b, all } = three();
  startAll(all);
  cluster.pass(200);
  const scratch = bytes("first");
  a.send(b, scratch);
  scratch.fill(0);
  a.flush();
  cluster.world.run();
  expect(texts(b)).toEqual(["a: first"]);
});

test("what waited for a peer that is gone is forgotten", () => {
  const { cluster, a, b, all } = three();
  startAll(all);
  cluster.pass(2_000);
  cluster.world.stall(b.at);
  for (let i = 0; i < 20; i += 1) a.send(b, new Uint8Array(500_000));
  a.flush();
  expect(a.peers?.numbers()["peerQueuedBytes"]).toBeGreaterThan(0);
  b.kill();
  cluster.world.run();
  expect(a.peers?.numbers()["peerQueuedBytes"]).toBe(0);
  b.start(all.map((node) => node.planned()));
  cluster.pass(500);
  a.send(b, bytes("after"));
  a.flush();
  cluster.world.run();
  expect(texts(b)).toEqual(["a: after"]);
});

test("a peer that does not read: the queue is bounded, the rest is dropped and counted, and it recovers", () => {
  const { cluster, a, b, c, all } = three();
  startAll(all);
  cluster.pass(2_000);
  cluster.world.stall(b.at);
  const message = new Uint8Array(1_000_000).fill(9);
  for (let i = 0; i < 100; i += 1) {
    a.send(b, message);
    a.flush();
  }
  const queued = a.peers?.numbers()["peerQueuedBytes"] as number;
  const dropped = a.peers?.numbers()["peerMessagesDropped"] as number;
  expect(queued).toBeLessThanOrEqual(PEER_QUEUE_BYTES_MAX);
  expect(queued).toBeGreaterThan(PEER_QUEUE_BYTES_MAX - 2 * message.length);
  expect(dropped).toBeGreaterThan(30);
  // The other links do not suffer.
  a.send(c, bytes("still here"));
  a.flush();
  cluster.pass(100);
  expect(texts(c)).toEqual(["a: still here"]);
  expect(a.logs.filter((line) => line.includes("dropped"))).toHaveLength(1);
  cluster.world.unstall(b.at);
  cluster.world.run();
  expect(b.messages).toHaveLength(100 - dropped);
  expect(b.messages.every((m) => m.bytes.length === message.length && m.bytes.every((byte) => byte === 9))).toBe(true);
  expect(a.peers?.numbers()["peerQueuedBytes"]).toBe(0);
});

test("a node of no plan joins with a seed, and hears of all", () => {
  const { cluster, a, b, c, all } = three();
  startAll(all);
  cluster.pass(200);
  const newcomer = cluster.node("newcomer", "hostN:1");
  newcomer.start([], ["hostC:1"]);
  cluster.pass(1_000);
  for (const node of all) expect(newcomer.knows(node)).toBe(node.at);
  expect(a.knows(newcomer)).toBe("hostN:1");
  // The map lists it, and it learns the map: links in both directions.
  const map = [...all, newcomer].map((node) => node.planned());
  for (const node of [a, b, c, newcomer]) node.peers?.update(map);
  cluster.pass(1_000);
  expectAllUp([a, b, c, newcomer]);
});

test("news of a node reach those that it never spoke to", () => {
  const { cluster, a, c, all } = three();
  startAll(all);
  cluster.pass(500);
  const shy = cluster.node("shy", "hostS:1");
  shy.start([c.planned()]);
  cluster.pass(200);
  expect(a.knows(shy)).toBe("hostS:1");
  expect(a.isUp(shy)).toBe(false);
  shy.kill();
  shy.at = "hostT:1";
  shy.start([c.planned()]);
  cluster.pass(200);
  expect(a.knows(shy)).toBe("hostT:1");
});

test("closing tells the others and ends everything here", () => {
  const { cluster, a, b, all } = three();
  startAll(all);
  cluster.pass(2_000);
  for (const node of all) node.events.length = 0;
  b.peers?.close();
  b.kill();
  cluster.world.run();
  expect(b.events).toEqual([]);
  expect(a.events).toEqual(["down b", "gone b"]);
});

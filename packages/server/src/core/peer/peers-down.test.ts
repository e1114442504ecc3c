import { expect, test } from "vitest";
import { PEER_SILENCE_MS } from "../base/index.ts";
import { expectAllUp, startAll, three } from "./testing/three.ts";

test("a killed node is reported down at once, then gone, before any time has passed", () => {
  const { cluster, a, b, c, all } = three();
  startAll(all);
  cluster.pass(2_000);
  for (const node of all) node.events.length = 0;
  b.kill();
  cluster.world.run();
  expect(a.events).toEqual(["down b", "gone b"]);
  expect(c.events).toEqual(["down b", "gone b"]);
  cluster.pass(3_000);
  expect(a.events).toEqual(["down b", "gone b"]);
  expect(a.isUp(c)).toBe(true);
});

test("a dying process that still takes connections is dialed again at once, until it refuses", () => {
  const { cluster, a, b, all } = three();
  startAll(all);
  cluster.pass(2_000);
  a.events.length = 0;
  b.kill();
  let taken = 0;
  cluster.world.bind("hostB", 1).listen((connection) => {
    taken += 1;
    if (taken === 2) cluster.world.kill(b.at);
    else connection.close();
    return { onOpen: () => {}, onData: () => {}, onDrain: () => {}, onClose: () => {} };
  });
  cluster.world.run();
  expect(a.events).toEqual(["down b", "gone b"]);
});

test("a port that takes and closes every connection is not dialed without end", () => {
  const { cluster, a, b, all } = three();
  startAll(all);
  cluster.pass(2_000);
  b.kill();
  cluster.world.bind("hostB", 1).listen((connection) => {
    connection.close();
    return { onOpen: () => {}, onData: () => {}, onDrain: () => {}, onClose: () => {} };
  });
  const before = a.peers?.numbers()["peerDials"] as number;
  cluster.pass(10_000);
  expect((a.peers?.numbers()["peerDials"] as number) - before).toBeLessThan(35);
});

test("a node whose port closed while it goes on talking is down, but not gone", () => {
  const { cluster, a, b, all } = three();
  startAll(all);
  cluster.pass(2_000);
  a.events.length = 0;
  cluster.world.closePort(b.at);
  cluster.world.reset(a.at, b.at);
  cluster.pass(1_000);
  expect(a.events).toEqual(["down b"]);
});

test("a killed node is not dialed without pause", () => {
  const { cluster, a, b, all } = three();
  startAll(all);
  cluster.pass(2_000);
  b.kill();
  cluster.world.run();
  const before = a.peers?.numbers()["peerDials"] as number;
  cluster.pass(10_000);
  const dials = (a.peers?.numbers()["peerDials"] as number) - before;
  expect(dials).toBeGreaterThan(8);
  expect(dials).toBeLessThan(30);
});

test("a restart faster than anybody notices is still reported as down before up", () => {
  const { cluster, a, b, all } = three();
  startAll(all);
  cluster.pass(2_000);
  a.events.length = 0;
  b.kill();
  b.start(all.map((node) => node.planned()));
  cluster.pass(200);
  expect(a.events.filter((event) => event !== "b at hostB:1")).toEqual(["down b", "up b"]);
  expectAllUp(all);
});

test("a node that comes back at its address is up again, its new start known", () => {
  const { cluster, a, b, all } = three();
  startAll(all);
  cluster.pass(2_000);
  b.kill();
  cluster.pass(5_000);
  a.events.length = 0;
  b.start(all.map((node) => node.planned()));
  cluster.pass(100);
  expectAllUp(all);
  expect(a.events).toEqual(["b at hostB:1", "up b"]);
  expect(a.peers?.known().get(b.id)?.bootCounter).toBe(2);
});

test("a host that vanishes is noticed on both sides, and found again", () => {
  const { cluster, a, b, c, all } = three();
  startAll(all);
  cluster.pass(2_000);
  for (const node of all) node.events.length = 0;
  cluster.world.unplug(b.at);
  cluster.pass(PEER_SILENCE_MS - 1_500);
  expect(a.events).toEqual([]);
  cluster.pass(3_000);
  // Down, never gone: nobody said that the process ended.
  expect(a.events).toEqual(["down b"]);
  expect(b.events.toSorted()).toEqual(["down a", "down c"]);
  expect(a.isUp(c)).toBe(true);
  cluster.world.plugIn(b.at);
  cluster.pass(3_000);
  expectAllUp(all);
  expect(a.events).toEqual(["down b", "up b"]);
});

test("a stopped process is noticed although its kernel still answers", () => {
  const { cluster, a, b, all } = three();
  startAll(all);
  cluster.pass(2_000);
  a.events.length = 0;
  const stopped = b.peers;
  b.peers = undefined;
  cluster.world.stall(b.at);
  cluster.pass(PEER_SILENCE_MS + 5_000);
  expect(a.events).toEqual(["down b"]);
  cluster.world.unstall(b.at);
  b.peers = stopped;
  cluster.pass(3_000);
  expectAllUp(all);
});

test("a stall of this process makes no peer look silent", () => {
  const { cluster, a, b, c, all } = three();
  startAll(all);
  cluster.pass(2_000);
  for (const node of all) node.events.length = 0;
  // A does not run for 4 s: the others tick, A does not. Then what came meanwhile is read.
  const stalled = a.peers;
  a.peers = undefined;
  cluster.world.stall(a.at);
  cluster.pass(4_000);
  cluster.world.unstall(a.at);
  a.peers = stalled;
  cluster.pass(3_000);
  expect([a.events, b.events, c.events]).toEqual([[], [], []]);
});

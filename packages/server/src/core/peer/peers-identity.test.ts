import { expect, test } from "vitest";
import { bootCounter, clusterId, directoryId } from "../base/index.ts";
import { hex } from "./testing/cluster.ts";
import { bytes, expectAllUp, startAll, texts, three } from "./testing/three.ts";

test("nodes of two clusters refuse each other and say so, once in a while", () => {
  const { cluster, a, b, all } = three();
  const stranger = cluster.node("stranger", "hostX:1");
  stranger.clusterId = clusterId(hex("other"));
  startAll(all);
  stranger.start([{ ...b.planned() }], ["hostA:1"]);
  cluster.pass(8_000);
  expect(stranger.isUp(b)).toBe(false);
  expect(b.isUp(stranger)).toBe(false);
  expect(stranger.events).toEqual([]);
  for (const node of [a, b, stranger]) {
    const lines = node.logs.filter((line) => line.includes("SHERD_PEER_OTHER_CLUSTER"));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThan(4);
  }
  expect(a.peers?.known().has(stranger.id)).toBe(false);
  expectAllUp(all);
});

test("a node that lost its disk is refused by each other node, under its old id", () => {
  for (const survivor of ["a", "c"]) {
    const { cluster, b, all } = three();
    startAll(all);
    cluster.pass(500);
    const plan = all.map((node) => node.planned());
    for (const node of all) node.kill();
    b.loseDisk();
    // The one that is there is enough: what it knows of directories is on its disk.
    all.find((node) => node.name === survivor)?.start(plan);
    b.start(plan);
    cluster.pass(500);
    expect(b.events.at(-1)).toBe("refused SHERD_DATA_EMPTIED");
    expect(b.peers).toBeUndefined();
  }
});

test("nothing that an emptied node sends is delivered", () => {
  const { cluster, a, b, all } = three();
  startAll(all);
  cluster.pass(500);
  const plan = all.map((node) => node.planned());
  b.kill();
  b.loseDisk();
  b.start(plan);
  for (let i = 0; i < 20; i += 1) {
    b.send(a, bytes("vote"));
    b.flush();
    cluster.pass(50);
  }
  expect(a.messages).toEqual([]);
});

test("a node started on an old copy of its directory is refused", () => {
  const { cluster, b, all } = three();
  startAll(all);
  cluster.pass(500);
  const copy = new Map(b.files);
  const plan = all.map((node) => node.planned());
  for (let i = 0; i < 3; i += 1) {
    b.kill();
    b.start(plan);
    cluster.pass(1_000);
  }
  b.kill();
  b.files = copy;
  b.boots = 1;
  b.start(plan);
  cluster.pass(1_000);
  expect(b.events.at(-1)).toBe("refused SHERD_DATA_OLDER_COPY");
});

test("the cluster map may give a node another directory", () => {
  const { cluster, a, b, c, all } = three();
  startAll(all);
  cluster.pass(500);
  const plan = all.map((node) => node.planned());
  b.kill();
  b.loseDisk();
  const allowed = { ...b.planned(), directory: directoryId(b.directory), bootCounter: bootCounter(1) };
  for (const node of [a, c]) node.peers?.update([a.planned(), allowed, c.planned()]);
  b.start(plan);
  cluster.pass(3_000);
  expectAllUp(all);
});

test("what a peer says of itself is on disk before its first message is delivered", () => {
  const { cluster, a, b, all } = three();
  let atFirstMessage: Uint8Array | undefined;
  a.onMessage = () => {
    atFirstMessage ??= a.files.get("peers");
  };
  startAll(all);
  // No tick: the write must not be one that waits for the next.
  cluster.world.run();
  b.send(a, bytes("hello"));
  b.flush();
  cluster.world.run();
  expect(texts(a)).toEqual(["b: hello"]);
  a.kill();
  a.files = new Map([["peers", atFirstMessage as Uint8Array]]);
  a.start([]);
  expect(a.peers?.known().get(b.id)?.directory).toBe(b.directory);
  expect(a.peers?.known().get(b.id)?.bootCounter).toBe(1);
});

test("two processes under one id do not end each other", () => {
  const { cluster, a, b } = three();
  a.start([a.planned(), b.planned()]);
  const twin = cluster.node("a", "hostT:1");
  twin.directory = directoryId(hex("twin"));
  twin.start([b.planned()], ["hostA:1"]);
  cluster.pass(2_000);
  expect(a.events).toEqual([]);
  expect(twin.events).toEqual([]);
  expect(a.logs.some((line) => line.includes("SHERD_PEER_SAME_ID"))).toBe(true);
});

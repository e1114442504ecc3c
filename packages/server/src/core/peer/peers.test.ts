import { expect, test } from "vitest";
import { bootCounter, clusterId, directoryId, PEER_QUEUE_BYTES_MAX, PEER_SILENCE_MS } from "../base/index.ts";
import { hex, TestCluster, type TestNode } from "./testing/cluster.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const texts = (node: TestNode): string[] =>
  node.messages.map(({ from, bytes }) => `${from}: ${new TextDecoder().decode(bytes)}`);

function three(seed = 1): { cluster: TestCluster; a: TestNode; b: TestNode; c: TestNode; all: TestNode[] } {
  const cluster = new TestCluster(seed);
  const a = cluster.node("a", "hostA:1");
  const b = cluster.node("b", "hostB:1");
  const c = cluster.node("c", "hostC:1");
  return { cluster, a, b, c, all: [a, b, c] };
}

function startAll(nodes: TestNode[], seeds: string[] = []): void {
  const plan = nodes.map((node) => node.planned());
  for (const node of nodes) node.start(plan, seeds);
}

function expectAllUp(nodes: readonly TestNode[]): void {
  for (const node of nodes) for (const other of nodes) if (node !== other) expect(node.isUp(other)).toBe(true);
}

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

test("a node that names a wrong address is reached through the seed, and a refusal there is not its end", () => {
  const cluster = new TestCluster();
  const [a, b] = [cluster.node("a", "hostA:1"), cluster.node("b", "hostB:1")];
  cluster.world.bind("wrong", 1);
  cluster.world.kill("wrong:1");
  b.advertised = "wrong:1";
  const plan = [a.planned(), { ...b.planned(), addresses: { ...b.planned().addresses, host: "wrong" } }];
  a.start(plan, ["hostB:1"]);
  b.start(plan);
  cluster.pass(2_000);
  expectAllUp([a, b]);
  a.events.length = 0;
  cluster.world.unplug(b.at);
  cluster.pass(PEER_SILENCE_MS + 10_000);
  expect(a.events).toEqual(["down b"]);
});

test("a host vanished and its node came back elsewhere: the others do not wait for the silence", () => {
  const { cluster, a, b, all } = three();
  startAll(all);
  cluster.pass(2_000);
  const plan = all.map((node) => node.planned());
  a.events.length = 0;
  cluster.world.unplug(b.at);
  b.at = "elsewhere:9";
  b.start(plan);
  cluster.pass(500);
  expectAllUp(all);
  expect(a.events).toContain("down b");
  expect(a.events.at(-1)).toBe("up b");
});

test("a seed that is a second name of a connected node is asked now and then, and disturbs nothing", () => {
  const { cluster, a, b, all } = three();
  const absent = cluster.node("absent", "nowhere:1");
  const plan = [...all, absent].map((node) => node.planned());
  a.start(plan, ["alias:1"]);
  for (const node of all.slice(1)) node.start(plan);
  cluster.world.alias("alias:1", b.at);
  cluster.pass(2_000);
  for (const node of all) node.events.length = 0;
  const before = a.peers?.numbers()["peerDials"] as number;
  cluster.pass(30_000);
  expect([a.events, b.events]).toEqual([[], []]);
  // One a second for the absent node, one in five seconds for the seed.
  const dials = (a.peers?.numbers()["peerDials"] as number) - before;
  expect(dials).toBeGreaterThan(25);
  expect(dials).toBeLessThan(60);
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

test("one node comes back elsewhere and finds the others by what it remembers", () => {
  const { cluster, a, b, c, all } = three();
  startAll(all);
  cluster.pass(200);
  b.kill();
  b.at = "elsewhere:9";
  b.start([]);
  cluster.pass(2_000);
  expectAllUp([a, b, c]);
  expect(a.knows(b)).toBe("elsewhere:9");
});

test("every node comes back elsewhere: one seed is enough for all to find all", () => {
  const { cluster, a, b, c, all } = three();
  startAll(all);
  cluster.pass(200);
  const plan = all.map((node) => node.planned());
  for (const node of all) node.kill();
  for (const [i, node] of all.entries()) node.at = `moved${i}:5`;
  for (const node of all) node.start(plan, ["moved1:5"]);
  cluster.pass(3_000);
  expectAllUp(all);
  expect([b, c].map((node) => node.knows(a))).toEqual(["moved0:5", "moved0:5"]);
});

test("two nodes came back elsewhere and find each other through the third, without seeds", () => {
  const { cluster, a, b, c, all } = three();
  startAll(all);
  cluster.pass(200);
  const plan = all.map((node) => node.planned());
  for (const node of all) node.kill();
  b.at = "movedB:5";
  c.at = "movedC:5";
  for (const node of all) node.start(plan);
  cluster.pass(3_000);
  expectAllUp([a, b, c]);
});

test("two nodes swap their addresses", () => {
  const { cluster, b, c, all } = three();
  startAll(all);
  cluster.pass(200);
  const plan = all.map((node) => node.planned());
  b.kill();
  c.kill();
  [b.at, c.at] = [c.at, b.at];
  b.start(plan);
  c.start(plan);
  cluster.pass(3_000);
  expectAllUp(all);
});

test("two nodes swap their addresses while the third sleeps through it", () => {
  const { cluster, a, b, c, all } = three();
  startAll(all);
  cluster.pass(200);
  const plan = all.map((node) => node.planned());
  for (const node of all) node.kill();
  [b.at, c.at] = [c.at, b.at];
  b.start(plan);
  c.start(plan);
  cluster.pass(3_000);
  a.start(plan);
  cluster.pass(3_000);
  expectAllUp(all);
});

test("a node given itself as a seed, twice, asks once and lives", () => {
  const { cluster, a, b, all } = three();
  startAll(all, ["hostA:1"]);
  cluster.pass(500);
  expectAllUp(all);
  b.kill();
  const before = a.peers?.numbers()["peerDials"] as number;
  cluster.pass(10_000);
  // Pauses of half to one second to the killed node, none to itself.
  expect((a.peers?.numbers()["peerDials"] as number) - before).toBeLessThan(30);
  expect(a.events.filter((event) => event.startsWith("refused"))).toEqual([]);
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

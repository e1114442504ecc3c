import { expect, test } from "vitest";
import { PEER_SILENCE_MS } from "../base/index.ts";
import { TestCluster } from "./testing/cluster.ts";
import { expectAllUp, startAll, three } from "./testing/three.ts";

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

import { expect, test } from "vitest";
import { HAND_OVER_MS_MAX } from "../../packages/server/src/daemon/limits.ts";
import { TestCluster } from "../harness/cluster.ts";
import { Load } from "../harness/load.ts";
import { eventually } from "../harness/wait.ts";

/** The one way in which all nodes can be lost at once and nothing may be. */
async function killAllUnderLoad(cluster: TestCluster): Promise<Load> {
  const load = new Load(cluster);
  load.start();
  await load.acknowledge(3_000);
  await cluster.killAll();
  await load.abandon();
  return load;
}

test("kill -9 of all nodes under load, started again: every acknowledged write is there", async () => {
  const cluster = await TestCluster.start();
  const load = await killAllUnderLoad(cluster);
  await cluster.startAll();
  await load.verify(cluster.connect());
  expect(load.violations).toEqual([]);
});

test("the same with another address and other ports for every node at once", async () => {
  const cluster = await TestCluster.start({ hosts: ["127.0.0.1", "127.0.0.2", "127.0.0.3"] });
  const load = await killAllUnderLoad(cluster);
  await cluster.moveAll(["127.0.0.4", "127.0.0.5", "127.0.0.6"]);
  await cluster.startAll();
  await load.verify(cluster.connect());
  expect(load.violations).toEqual([]);
  // Each node announces itself through the log; the last announcement may be a moment behind the first read.
  await eventually("the map to have every new address", 5_000, async () => {
    const { nodes } = await cluster.status();
    expect(nodes.map((node) => ({ name: node.name, ...node.addresses }))).toEqual(
      cluster.file.nodes.map((node) => expect.objectContaining(node)),
    );
    return true;
  });
});

test("a clean stop of all nodes and a start: every acknowledged write is there", async () => {
  const cluster = await TestCluster.start();
  const load = new Load(cluster);
  load.start();
  await load.acknowledge(1_000);
  await load.stop();
  const ends = await Promise.all(cluster.names.map((name) => cluster.terminate(name)));
  expect(ends).toEqual(cluster.names.map(() => ({ code: 0, signal: null })));
  await cluster.startAll();
  await load.verify(cluster.connect());
  expect(load.violations).toEqual([]);
});

test("one node alone keeps what it acknowledged", async () => {
  const cluster = await TestCluster.start({ nodes: 1 });
  const load = await killAllUnderLoad(cluster);
  await cluster.startAll();
  await load.verify(cluster.connect());
  expect(load.violations).toEqual([]);

  // Nobody is there to take over, so nothing is waited for.
  const stoppedFromMs = performance.now();
  expect(await cluster.terminate("node-1")).toEqual({ code: 0, signal: null });
  expect(performance.now() - stoppedFromMs).toBeLessThan(HAND_OVER_MS_MAX);
});

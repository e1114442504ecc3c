import { keySlot } from "@sherd/client/protocol";
import { groupId, latin1Bytes, slot } from "sherd/core/base";
import { type CommandSpec, commandByName } from "sherd/core/command";
import { expect, test } from "vitest";
import { Cluster } from "./cluster.ts";
import type { Machine } from "./node/index.ts";
import { World } from "./world/index.ts";

const KIB = 1024;
const SHARDS = 8;
const QUIET = { lossProbability: 0, reorderProbability: 0, duplicateProbability: 0, lateProbability: 0 };

/** Three nodes whose log holds little, and whose engine takes its time. */
function slowCluster(world: World): Cluster {
  const cluster = new Cluster(world, {
    nodes: 3,
    shards: SHARDS,
    network: { latencyMs: [0.1, 2], ...QUIET },
    sizes: {
      log: { directory: "log", segmentBytes: 64 * KIB, frameBytesMax: 56 * KIB, retainedBytesMax: 64 * KIB },
      store: { cacheBytesMax: 1024 * KIB },
    },
    diskWriteMs: [0.1, 1],
    engineMs: [20, 120],
    sabotage: undefined,
  });
  cluster.start();
  world.run(5_000);
  return cluster;
}

function write(machine: Machine, key: string): void {
  const spec = commandByName(latin1Bytes("set")) as CommandSpec;
  const args = [latin1Bytes(key), new Uint8Array(2 * KIB)];
  const at = { slot: slot(keySlot(latin1Bytes(key))), redirect: false, stale: false };
  machine.process?.run(() => machine.node?.execute({ spec, args, ...at, complete: () => {} }));
}

test("a node that lacks all its shards is sent one snapshot for each, though it takes one at a time", {
  timeout: 60_000,
}, () => {
  for (let seed = 1n; seed <= 3n; seed += 1n) {
    const world = new World(seed);
    const cluster = slowCluster(world);
    const [first, , behind] = cluster.machines as [Machine, Machine, Machine];
    behind.process?.crash("process");
    world.run(world.nowMs + 3_000);
    for (let at = 0; at < 800; at += 1) {
      write(first, `k${at}`);
      world.run(world.nowMs + 5);
    }
    behind.start();
    // While the snapshots are on their way, much more is written than the log keeps for a replica that is only slow.
    for (let at = 0; at < 800; at += 1) {
      write(first, `k${at}`);
      world.run(world.nowMs + 5);
    }
    const caughtUp = (): boolean =>
      Array.from({ length: SHARDS + 1 }, (_, group) => groupId(group)).every((group) => {
        const applied = cluster.machines.map(({ node }) => node?.replicaOf(group)?.applied);
        return applied[0] !== undefined && applied.every((index) => index === applied[0]);
      });
    world.run(world.nowMs + 60_000, caughtUp);
    expect(caughtUp()).toBe(true);
    expect(world.coverage.of("log: snapshot installed")).toBe(SHARDS);
    expect(world.coverage.of("log: sending a snapshot")).toBe(SHARDS);
  }
});

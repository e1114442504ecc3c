import { expect, test } from "vitest";
import { LOG_RETAINED_BYTES_MAX, VALUE_BYTES_MAX } from "../../packages/server/src/core/base/index.ts";
import { TestCluster } from "../harness/cluster.ts";
import { keysOfShards, Load } from "../harness/load.ts";
import { eventually } from "../harness/wait.ts";

const MIB = 1024 * 1024;

test("a node away while the others compacted comes back by snapshot while writes go on", async () => {
  const cluster = await TestCluster.start({ shards: 2 });
  const connections = cluster.connect();
  await cluster.kill("node-3");

  // More than the others may keep of their logs for a node that is away: the same few keys again and again, so that
  // the snapshot itself stays small.
  const value = new Uint8Array(4 * MIB);
  expect(value.length).toBeLessThan(VALUE_BYTES_MAX);
  const keys = keysOfShards(cluster.file, 2);
  const rounds = Math.ceil((LOG_RETAINED_BYTES_MAX * 1.5) / value.length / keys.length);
  for (let round = 0; round < rounds; round += 1) {
    value.fill(round);
    const replies = await Promise.all(
      keys.map(({ key }) => connections.call(new TextEncoder().encode(key), ["SET", `big-{${key}}`, value])),
    );
    expect(new Set(replies)).toEqual(new Set(["OK"]));
  }

  const load = new Load(cluster);
  load.start();
  await load.acknowledge(200);
  await cluster.start("node-3");
  await eventually("node-3 to have caught up", 60_000, async () => {
    const { groups } = await cluster.status();
    const lags = groups.flatMap((group) => group.replicas.filter((replica) => replica.node === "node-3"));
    return lags.every((replica) => replica.lag !== undefined && replica.lag < 100) ? true : undefined;
  });
  expect(cluster.log("node-3")).toMatch(/snapshot/i);
  await load.acknowledge(200);
  await load.stop();

  // What it took over must be enough to serve from: with the others gone in turn, it is part of every majority.
  for (const away of ["node-1", "node-2"]) {
    await cluster.kill(away);
    const through = cluster.connect();
    await load.verify(through);
    for (const { key } of keys) {
      const found = await through.call(new TextEncoder().encode(key), ["GET", `big-{${key}}`]);
      expect(found instanceof Uint8Array && found.length === value.length && found[0] === value[0]).toBe(true);
    }
    await cluster.start(away);
  }
  expect(load.violations).toEqual([]);
});

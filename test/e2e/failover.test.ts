import { RespConnection } from "@sherd/client";
import { expect, onTestFinished, test } from "vitest";
import { TestCluster } from "../harness/cluster.ts";
import { keysOfShards, Load } from "../harness/load.ts";

const KILLS = 20;
/** The promise of this stage. */
const WRITES_AGAIN_MS_MAX = 1_500;

test(`kill -9 of one node under load, ${KILLS} times: its shards take writes again in time, nothing is lost or stale`, async () => {
  const cluster = await TestCluster.start();
  const load = new Load(cluster);
  load.start();
  const gapsMs: number[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    await load.acknowledge(200);
    // A node that leads something: else nothing would have to fail over.
    const leaders = await cluster.leaders();
    const victims = [...new Set(leaders.values())].sort();
    const victim = victims[kill % victims.length] as string;
    const shards = [...leaders].filter(([, leader]) => leader === victim).map(([shard]) => shard);
    const killedMs = performance.now();
    await cluster.kill(victim);
    await load.everyShardWrites(shards);
    gapsMs.push(Math.round(performance.now() - killedMs));
    await cluster.start(victim);
  }
  await load.stop();
  await load.verify(cluster.connect());
  console.log(`gaps in ms: ${gapsMs.join(" ")}; errors told: ${JSON.stringify([...load.errors])}`);
  expect(load.violations).toEqual([]);
  expect(Math.max(...gapsMs)).toBeLessThanOrEqual(WRITES_AGAIN_MS_MAX);
}, 300_000);

test("SIGTERM hands leadership over first: no client is told of an error", async () => {
  const cluster = await TestCluster.start();
  const load = new Load(cluster);
  load.start();
  await load.acknowledge(500);
  const leaders = await cluster.leaders();
  const leaving = leaders.get(1) as string;
  const shards = [...leaders].filter(([, leader]) => leader === leaving).map(([shard]) => shard);
  const ended = await cluster.terminate(leaving);
  expect(ended).toEqual({ code: 0, signal: null });
  await load.everyShardWrites(shards);
  const after = await cluster.leaders();
  for (const shard of shards) expect(after.get(shard)).not.toBe(leaving);
  await load.stop();
  await load.verify(cluster.connect());
  expect(load.violations).toEqual([]);
  expect(Object.fromEntries(load.errors)).toEqual({});
});

test("a leader that stands still (SIGSTOP) is led around, and is no stale reader when it goes on", async () => {
  const cluster = await TestCluster.start();
  const leaders = await cluster.leaders();
  const frozen = leaders.get(1) as string;
  const other = cluster.names.find((name) => name !== frozen) as string;
  const { key } = keysOfShards(cluster.file, 1).find(({ shard }) => shard === 1) as { key: string };
  const at = (name: string): RespConnection => {
    const { host, respPort } = cluster.node(name);
    const connection = new RespConnection({ host, port: respPort });
    onTestFinished(() => connection.destroy());
    return connection;
  };
  const toFrozen = at(frozen);
  expect(await toFrozen.call(["SET", key, "old"])).toBe("OK");

  process.kill(cluster.process(frozen).pid, "SIGSTOP");
  // Sent to a node that forwards: it holds the write until there is a leader that answers.
  const wroteAt = performance.now();
  expect(await at(other).call(["SET", key, "new"])).toBe("OK");
  console.log(
    `a write through another node after SIGSTOP of the leader: ${Math.round(performance.now() - wroteAt)} ms`,
  );
  // Waits in the socket of the frozen leader, which still believes to lead when it goes on.
  const read = toFrozen.call(["GET", key]);
  process.kill(cluster.process(frozen).pid, "SIGCONT");
  expect(await read).toEqual(new TextEncoder().encode("new"));
});

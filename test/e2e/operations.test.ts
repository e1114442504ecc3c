import { once } from "node:events";
import { connect } from "node:net";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { TestCluster } from "../harness/cluster.ts";

async function start(...args: string[]): Promise<TestCluster> {
  return TestCluster.start({ args: () => args });
}

function client(cluster: TestCluster, name: string): Redis {
  const { host, respPort: port } = cluster.node(name);
  const redis = new Redis({ host, port, maxRetriesPerRequest: 0 });
  // A node that ends closes it.
  redis.on("error", () => {});
  onTestFinished(() => redis.disconnect());
  return redis;
}

test("WAIT counts the replicas that have it on disk: all, and one less when a node is gone", async () => {
  const cluster = await start();
  const redis = client(cluster, "node-1");
  for (let n = 0; n < 20; n += 1) await redis.set(`key-${n}`, "value");
  expect(await redis.wait(2, 10_000)).toBe(2);
  // In Redis' words: the local disk, and the others'.
  expect(await redis.call("WAITAOF", "1", "2", "10000")).toEqual([1, 2]);
  await cluster.kill("node-3");
  for (let n = 0; n < 20; n += 1) await redis.set(`key-${n}`, "again").catch(() => redis.set(`key-${n}`, "again"));
  expect(await redis.wait(1, 10_000)).toBe(1);
  expect(await redis.wait(2, 500)).toBe(1);
  // The wait ends as soon as the node is back and has caught up.
  const waiting = redis.wait(2, 60_000);
  await cluster.start("node-3");
  expect(await waiting).toBe(2);
});

test("what operators ask of a node, with ioredis: MONITOR, CLIENT, CONFIG, SLOWLOG, LATENCY, DEBUG", async () => {
  const cluster = await start("--enable-debug-command", "local");
  const redis = client(cluster, "node-1");
  const operator = client(cluster, "node-1");
  const monitor = await operator.monitor();
  onTestFinished(() => monitor.disconnect());
  const seen = once(monitor, "monitor");
  await redis.set("seen", "value");
  expect((await seen)[1]).toEqual(["set", "seen", "value"]);

  await operator.config("SET", "slowlog-log-slower-than", "50000", "latency-monitor-threshold", "50");
  await operator.call("DEBUG", "SLEEP", "0.1");
  // Others may have been slow as well: the machine is shared.
  const entries = (await operator.slowlog("GET", -1)) as [number, number, number, string[]][];
  const debug = entries.find(([, , , words]) => words[0] === "debug");
  expect(debug?.[3]).toEqual(["debug", "SLEEP", "0.1"]);
  expect(debug?.[2]).toBeGreaterThanOrEqual(100_000);
  const latest = (await operator.call("LATENCY", "LATEST")) as [string, number, number, number][];
  expect(latest.map(([event]) => event)).toContain("command");

  await operator.client("PAUSE", 60_000, "WRITE");
  const held = redis.set("held", "1");
  expect(await operator.get("held")).toBeNull();
  await operator.client("UNPAUSE");
  expect(await held).toBe("OK");

  const id = await redis.client("ID");
  const closed = once(redis, "close");
  expect(await operator.client("KILL", "ID", id)).toBe(1);
  await closed;

  const idle = connect(cluster.node("node-1").respPort, cluster.node("node-1").host);
  const end = once(idle, "close");
  await once(idle, "connect");
  await operator.config("SET", "timeout", "1");
  idle.resume();
  await end;
  // The operator was idle meanwhile, and is closed as well.
  const info = await client(cluster, "node-1").info("everything");
  expect(info).toMatch(/closed_idle_connections:[1-9]/);
  expect(info).toMatch(/cmdstat_set:calls=2,/);
  expect(info).toMatch(/limit_value_bytes:8388608/);
});

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { keySlot } from "@sherd/client/protocol";
import { Cluster, Redis } from "ioredis";
import { createClient, createCluster } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { slot } from "../../core/base/index.ts";
import { Connections } from "../../core/session/index.ts";
import { FakeNode } from "../../core/session/testing/fake-node.ts";
import type { Row } from "../../core/store/index.ts";
import type { Front } from "../listen.ts";
import { processFacts, startResp } from "./index.ts";

const run = promisify(execFile);
const HOST = "127.0.0.1";

const installed = (program: string): boolean => {
  const found = (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)));
  if (!found) console.warn(`SKIPPED: ${program} is not installed (apt package redis-tools), its tests do not run`);
  return found;
};

/** A cluster of three fake nodes over one Map: real sockets, real clients, no Raft. */
interface FakeCluster {
  readonly cluster: readonly Front[];
  readonly forwarding: Front;
  readonly nodes: readonly FakeNode[];
  close(): Promise<void>;
}

async function startFakeCluster(size: number): Promise<FakeCluster> {
  const rows = new Map<string, Row>();
  const placeholder = Array.from({ length: size }, () => ({ clusterPort: 0 }));
  const nodes = placeholder.map((_, self) => new FakeNode({ nodes: placeholder, shards: size + 2, rows, self }));
  const connections = nodes.map((node) => new Connections(node, processFacts("0.1.0")));
  const cluster: Front[] = [];
  for (const one of connections) cluster.push(await startResp(one, { host: HOST, port: 0, redirect: true }));
  const ports = cluster.map(({ port }) => ({ clusterPort: port }));
  for (const node of nodes) node.map = new FakeNode({ nodes: ports, shards: size + 2 }).map;
  const first = connections[0] as Connections;
  const forwarding = await startResp(first, { host: HOST, port: 0, redirect: false });
  return {
    cluster,
    forwarding,
    nodes,
    close: async () => void (await Promise.all([...cluster, forwarding].map((front) => front.close()))),
  };
}

let fake: FakeCluster;
beforeAll(async () => {
  fake = await startFakeCluster(3);
});
afterAll(async () => fake.close());

const clusterPort = (): number => (fake.cluster[0] as Front).port;

const KEYS = Array.from({ length: 100 }, (_, n) => `client-key-${n}`);

test("ioredis finds its way through the cluster and back", async () => {
  const client = new Cluster([{ host: HOST, port: clusterPort() }], { lazyConnect: true });
  await client.connect();
  await Promise.all(KEYS.map((key) => client.set(key, `value of ${key}`)));
  const values = await Promise.all(KEYS.map((key) => client.get(key)));
  expect(values).toEqual(KEYS.map((key) => `value of ${key}`));
  expect(await client.exists("{tag}a", "{tag}b")).toBe(0);
  expect(await client.del(KEYS[0] as string)).toBe(1);
  expect(await client.get(KEYS[0] as string)).toBeNull();
  expect(client.nodes("master")).toHaveLength(3);
  await client.quit();
});

test("ioredis as a plain client uses the forwarding port", async () => {
  const client = new Redis({ host: HOST, port: fake.forwarding.port, lazyConnect: true });
  await client.connect();
  const pipeline = client.pipeline();
  for (const key of KEYS) pipeline.set(key, key).get(key);
  const answers = await pipeline.exec();
  expect(answers).toEqual(
    KEYS.flatMap((key) => [
      [null, "OK"],
      [null, key],
    ]),
  );
  await expect(client.get("k".repeat(1025))).rejects.toThrow("ERR key is 1025 bytes long; at most 1024 are allowed");
  await expect(client.del("a", "b")).rejects.toThrow("CROSSSLOT Keys in request don't hash to the same slot");
  const binary = Buffer.from([0, 13, 10, 255, 36, 42]);
  await client.set("binary", binary);
  expect(await client.getBuffer("binary")).toEqual(binary);
  await client.quit();
});

for (const RESP of [2, 3] as const) {
  test(`node-redis speaks RESP${RESP} to the cluster`, async () => {
    const client = createCluster({ rootNodes: [{ url: `redis://${HOST}:${clusterPort()}` }], RESP });
    await client.connect();
    await Promise.all(KEYS.map((key) => client.set(key, `v${key}`)));
    expect(await Promise.all(KEYS.map((key) => client.get(key)))).toEqual(KEYS.map((key) => `v${key}`));
    expect(await client.del(KEYS[1] as string)).toBe(1);
    expect(await client.get(KEYS[1] as string)).toBeNull();
    await client.close();
  });

  test(`node-redis speaks RESP${RESP} to the forwarding port`, async () => {
    const client = createClient({ url: `redis://${HOST}:${fake.forwarding.port}`, RESP });
    await client.connect();
    expect(await client.set("plain", "1")).toBe("OK");
    expect(await client.get("plain")).toBe("1");
    expect(await client.exists(["plain"])).toBe(1);
    expect(await client.ping()).toBe("PONG");
    await client.close();
  });
}

describe.skipIf(!installed("redis-cli"))("redis-cli", () => {
  const cli = async (port: number, ...args: string[]): Promise<string> =>
    (await run("redis-cli", ["-h", HOST, "-p", String(port), ...args])).stdout.trimEnd();

  test("puts, gets and deletes on the forwarding port", async () => {
    expect(await cli(fake.forwarding.port, "set", "cli", "a value")).toBe("OK");
    expect(await cli(fake.forwarding.port, "get", "cli")).toBe("a value");
    expect(await cli(fake.forwarding.port, "del", "cli")).toBe("1");
    expect(await cli(fake.forwarding.port, "get", "cli")).toBe("");
  });

  test("follows redirects with -c and shows them without", async () => {
    const remote = KEYS.find((key) => {
      const node = fake.nodes[0] as FakeNode;
      const group = node.shardOf(slot(keySlot(Buffer.from(key))));
      return group !== undefined && node.leaderOf(group)?.node !== node.id;
    }) as string;
    expect(await cli(clusterPort(), "set", remote, "1")).toMatch(/^MOVED \d+ 127\.0\.0\.1:\d+$/);
    expect(await cli(clusterPort(), "-c", "set", remote, "1")).toBe("OK");
    expect(await cli(clusterPort(), "-c", "-3", "get", remote)).toBe("1");
  });

  test("--cluster check finds every slot served", async () => {
    const report = await cli(clusterPort(), "--cluster", "check", `${HOST}:${clusterPort()}`);
    expect(report).toContain("[OK] All nodes agree about slots configuration.");
    expect(report).toContain("[OK] All 16384 slots covered.");
  });
});

describe.skipIf(!installed("redis-benchmark"))("redis-benchmark", () => {
  const benchmark = async (...args: string[]): Promise<string> =>
    (await run("redis-benchmark", ["-h", HOST, "-q", "-n", "2000", "-c", "8", "-r", "1000", ...args])).stdout;

  test("runs SET and GET over all nodes with --cluster", async () => {
    const report = await benchmark("--cluster", "-p", String(clusterPort()), "-t", "set,get", "-P", "16");
    expect(report).toContain("Cluster has 3 master nodes");
    expect(report).toMatch(/SET: [\d.]+ requests per second/);
    expect(report).toMatch(/GET: [\d.]+ requests per second/);
    expect(report).not.toContain("rror");
  });

  test("runs PING, SET and GET on the forwarding port", async () => {
    const report = await benchmark("-p", String(fake.forwarding.port), "-t", "ping,set,get");
    expect(report).toMatch(/PING_INLINE: [\d.]+ requests per second/);
    expect(report).toMatch(/GET: [\d.]+ requests per second/);
  });
});

import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RespError } from "@sherd/client";
import { expect, test } from "vitest";
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from "../../packages/server/src/core/base/index.ts";
import { TestCluster } from "../harness/cluster.ts";
import { Load } from "../harness/load.ts";
import { SherdProcess } from "../harness/node-process.ts";

const REFUSED = 3;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function stopped(nodes = 1): Promise<{ cluster: TestCluster; load: Load }> {
  const cluster = await TestCluster.start({ nodes });
  const load = new Load(cluster.file, cluster.connect());
  load.start();
  await load.acknowledge(200);
  await load.stop();
  await Promise.all(cluster.names.map((name) => cluster.terminate(name)));
  return { cluster, load };
}

test("a data directory of another cluster, of another node or of another format is refused; its data is unharmed", async () => {
  const { cluster, load } = await stopped();
  const original = cluster.file;

  cluster.writeFile({ ...original, cluster: "0".repeat(40) });
  const otherCluster = cluster.begin("node-1");
  expect(await otherCluster.ended).toEqual({ code: REFUSED, signal: null });
  expect(otherCluster.output).toMatch(
    /SHERD_DATA_OTHER_CLUSTER: .*node-1 belongs to cluster .*\. Start with that cluster's file/s,
  );

  cluster.writeFile(original);
  renameSync(cluster.dataOf("node-1"), join(cluster.data, "moved"));
  cluster.writeFile({ ...original, nodes: original.nodes.map((node) => ({ ...node, name: "moved" })) });
  const otherNode = cluster.begin("moved");
  expect(await otherNode.ended).toEqual({ code: REFUSED, signal: null });
  expect(otherNode.output).toMatch(/SHERD_DATA_OTHER_NODE: .* belongs to node-1, not to moved/);
  renameSync(join(cluster.data, "moved"), cluster.dataOf("node-1"));
  cluster.writeFile(original);

  const identityPath = join(cluster.dataOf("node-1"), "identity.json");
  const identity = readFileSync(identityPath, "utf8");
  writeFileSync(identityPath, identity.replace('"format": 1', '"format": 99'));
  const otherFormat = cluster.begin("node-1");
  expect(await otherFormat.ended).toEqual({ code: REFUSED, signal: null });
  expect(otherFormat.output).toMatch(/SHERD_DATA_FORMAT: .*identity\.json says format 99; this version reads format 1/);
  writeFileSync(identityPath, identity);

  await cluster.startAll();
  await load.verify(cluster.connect());
  expect(load.violations).toEqual([]);
});

test("a second process on the same directory is refused while the first serves", async () => {
  const cluster = await TestCluster.start({ nodes: 1 });
  const first = cluster.process("node-1");
  const second = new SherdProcess([
    "node",
    "--cluster",
    cluster.clusterFile,
    "--name",
    "node-1",
    "--data",
    cluster.data,
    "--supervised",
  ]);
  expect((await second.ended).code).not.toBe(0);
  expect(second.output).toMatch(new RegExp(`SHERD_DATA_IN_USE: .*node-1 is used by process ${first.pid}`));
  expect(await cluster.connect().call(bytes("a"), ["SET", "a", "1"])).toBe("OK");
});

test("damage in the middle of the log refuses the start, names file and offset, and leaves the rest of the cluster alone", async () => {
  const { cluster, load } = await stopped(3);
  const logDirectory = join(cluster.dataOf("node-2"), "log");
  const segment = readdirSync(logDirectory)
    .map((name) => join(logDirectory, name))
    .find((path) => statSync(path).size > 1024 && hasRecords(path)) as string;
  const content = readFileSync(segment);
  const at = middleOfRecords(content);
  content[at] = (content[at] as number) ^ 0x40;
  writeFileSync(segment, content);

  await Promise.all([cluster.start("node-1"), cluster.start("node-3")]);
  const damaged = cluster.begin("node-2");
  expect(await damaged.ended).toEqual({ code: REFUSED, signal: null });
  expect(damaged.output).toMatch(/SHERD_LOG_DAMAGED: .*\d+/);
  expect(damaged.output).toContain("be rebuilt from its peers");
  await load.verify(cluster.connect());
  expect(load.violations).toEqual([]);
});

const hasRecords = (path: string): boolean => middleOfRecords(readFileSync(path)) > 64;

/** The middle of what is not the zeros that a segment is filled with ahead of time. */
function middleOfRecords(content: Uint8Array): number {
  let end = content.length;
  while (end > 0 && content[end - 1] === 0) end -= 1;
  return Math.floor(end / 2);
}

test("a store that lost rows it had made durable refuses the start", async () => {
  const { cluster } = await stopped();
  const store = join(cluster.dataOf("node-1"), "store");
  await cluster.startAll();
  for (let n = 0; n < 200; n += 1) await cluster.connect().call(bytes(`k${n}`), ["SET", `k${n}`, "x"]);
  await cluster.terminate("node-1");
  // LevelDB keeps quiet about a log of its own that is gone.
  for (const name of readdirSync(store)) if (name.endsWith(".log")) rmSync(join(store, name));
  const refused = cluster.begin("node-1");
  expect(await refused.ended).toEqual({ code: REFUSED, signal: null });
  expect(refused.output).toMatch(/SHERD_(STORE_DAMAGED|LOG_GAP|ENGINE_FAILED)/);
});

test("an oversized key or value gets a clear error and nothing else; the largest allowed ones work", async () => {
  const cluster = await TestCluster.start({ shards: 1 });
  const connections = cluster.connect();
  const set = (key: string, value: Uint8Array) => connections.call(bytes(key), ["SET", key, value]);

  const longKey = await set("k".repeat(KEY_BYTES_MAX + 1), bytes("v"));
  expect(longKey).toBeInstanceOf(RespError);
  expect((longKey as RespError).message).toMatch(new RegExp(`${KEY_BYTES_MAX}`));
  const longValue = await set("k", new Uint8Array(VALUE_BYTES_MAX + 1));
  expect(longValue).toBeInstanceOf(RespError);
  expect((longValue as RespError).message).toMatch(new RegExp(`${VALUE_BYTES_MAX}`));
  expect(await connections.call(bytes("k"), ["EXISTS", "k"])).toBe(0);

  expect(await set("k".repeat(KEY_BYTES_MAX), bytes("v"))).toBe("OK");
  const largest = new Uint8Array(VALUE_BYTES_MAX).fill(7);
  expect(await set("k", largest)).toBe("OK");
  const back = (await connections.call(bytes("k"), ["GET", "k"])) as Uint8Array;
  expect(back.length).toBe(largest.length);
  expect(Buffer.compare(back, largest)).toBe(0);
});

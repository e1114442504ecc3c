import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RespError } from "@sherd/client";
import { expect, test } from "vitest";
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from "../../packages/server/src/core/base/index.ts";
import { TestCluster } from "../harness/cluster.ts";
import { keysOfShards, Load } from "../harness/load.ts";
import { SherdProcess } from "../harness/node-process.ts";
import { eventually } from "../harness/wait.ts";

const REFUSED = 3;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function stopped(nodes = 1): Promise<{ cluster: TestCluster; load: Load }> {
  const cluster = await TestCluster.start({ nodes });
  const load = new Load(cluster);
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
  expect(second.output).toMatch(new RegExp(`SHERD_DATA_IN_USE: Process ${first.pid} uses .*node-1`));
  expect(await cluster.connect().call(bytes("a"), ["SET", "a", "1"])).toBe("OK");
});

test("damage in the middle of the log refuses the start, names file and offset, and leaves the rest of the cluster alone", async () => {
  const { cluster, load } = await stopped(3);
  const logDirectory = join(cluster.dataOf("node-2"), "log");
  const segment = readdirSync(logDirectory)
    .map((name) => join(logDirectory, name))
    .find((path) => statSync(path).size > 1024 && hasRecords(path)) as string;
  damageMiddle(segment);

  await Promise.all([cluster.start("node-1"), cluster.start("node-3")]);
  const damaged = cluster.begin("node-2");
  expect(await damaged.ended).toEqual({ code: REFUSED, signal: null });
  expect(damaged.output).toMatch(/SHERD_LOG_DAMAGED: .*\d+/);
  expect(damaged.output).toContain("cannot be rebuilt from them yet");
  await load.verify(cluster.connect());
  expect(load.violations).toEqual([]);
});

function damageMiddle(path: string): void {
  const content = readFileSync(path);
  const at = middleOfRecords(content);
  content[at] = (content[at] as number) ^ 0x40;
  writeFileSync(path, content);
}

const hasRecords = (path: string): boolean => middleOfRecords(readFileSync(path)) > 64;

/** The middle of what is not the zeros that a segment is filled with ahead of time. */
function middleOfRecords(content: Uint8Array): number {
  let end = content.length;
  while (end > 0 && content[end - 1] === 0) end -= 1;
  return Math.floor(end / 2);
}

test("a store whose own log lost a batch in the middle refuses the start", async () => {
  const cluster = await TestCluster.start({ nodes: 1 });
  const connections = cluster.connect();
  const store = join(cluster.dataOf("node-1"), "store");
  const log = (): string => join(store, readdirSync(store).find((name) => name.endsWith(".log")) as string);
  // Several batches of several of LevelDB's 32 KiB blocks: it skips what is damaged, without a word, up to the end of
  // a block, and takes what comes behind.
  for (let batch = 1; batch <= 4; batch += 1) {
    const before = statSync(log()).size;
    for (let n = 0; n < 50; n += 1) {
      const key = `batch-${batch}-${n}`;
      expect(await connections.call(bytes(key), ["SET", key, randomBytes(4_096)])).toBe("OK");
    }
    await eventually("the batch to be flushed", 10_000, () =>
      statSync(log()).size > before + 50 * 4_096 ? true : undefined,
    );
  }
  await cluster.kill("node-1");
  damageMiddle(log());
  const refused = cluster.begin("node-1");
  expect(await refused.ended).toEqual({ code: REFUSED, signal: null });
  expect(refused.output).toMatch(/SHERD_STORE_DAMAGED: Batch \d+ is missing/);
});

test("a damaged row is never served: its replica stops, the node's others go on", async () => {
  const cluster = await TestCluster.start();
  const [first, ...others] = keysOfShards(cluster.file, 1).map(({ key }) => key) as [string, ...string[]];
  const connections = cluster.connect();
  // Random, so that LevelDB's compression leaves it as it is.
  const value = randomBytes(2_048);
  for (const key of [first, ...others]) expect(await connections.call(bytes(key), ["SET", key, value])).toBe("OK");
  for (const name of cluster.names) await cluster.terminate(name);
  // A start turns what LevelDB had in its log into a table, whose damage it would not notice.
  await cluster.startAll();
  for (const name of cluster.names) await cluster.terminate(name);
  const store = join(cluster.dataOf("node-2"), "store");
  const damagedFiles = readdirSync(store).filter((name) => damageRow(join(store, name), first, value));
  expect(damagedFiles.length).toBeGreaterThan(0);

  await cluster.startAll();
  const again = cluster.connect();
  // As a leader node-2 reads the row itself; a write of another leader makes it fetch the row, too.
  const isValue = (found: unknown): boolean => found instanceof Uint8Array && value.equals(found);
  for (const key of [first, ...others]) {
    expect(isValue(await again.call(bytes(key), ["GET", key]))).toBe(true);
    expect(await again.call(bytes(key), ["SET", key, "new"])).toBe("OK");
    expect(await again.call(bytes(key), ["GET", key])).toEqual(bytes("new"));
  }
  expect(cluster.process("node-2").running).toBe(true);
});

/** Flips a bit of the value in the row of `key`. */
function damageRow(path: string, key: string, value: Buffer): boolean {
  const content = readFileSync(path);
  const keyAt = content.indexOf(Buffer.from(key));
  if (keyAt < 0) return false;
  const valueAt = content.indexOf(value.subarray(0, 64), keyAt);
  if (valueAt < 0 || valueAt - keyAt > 256) return false;
  content[valueAt + 10] = (content[valueAt + 10] as number) ^ 1;
  writeFileSync(path, content);
  return true;
}

test("an emptied data directory does not come back under its old name", async () => {
  const { cluster, load } = await stopped(3);
  rmSync(cluster.dataOf("node-3"), { recursive: true });
  await Promise.all([cluster.start("node-1"), cluster.start("node-2")]);
  const emptied = cluster.begin("node-3");
  expect(await emptied.ended).toEqual({ code: REFUSED, signal: null });
  expect(emptied.output).toMatch(/SHERD_DATA_EMPTIED/);
  await load.verify(cluster.connect());
  expect(load.violations).toEqual([]);
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

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type LocalCluster, type LocalClusterOptions, openLocalCluster } from "./local-cluster.ts";
import { checkPortsFree } from "./ports.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sherd-local-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const data = (): string => join(root, "data");
const open = (options: Partial<LocalClusterOptions> = {}): Promise<LocalCluster> =>
  openLocalCluster({ data: data(), ports: {}, ...options });

async function begin(options: Partial<LocalClusterOptions> = {}): Promise<LocalCluster> {
  const cluster = await open(options);
  await cluster.save();
  await cluster.release();
  return cluster;
}

test("the first start makes three nodes with ports one beside the other, the second finds them", async () => {
  const first = await begin();
  expect(first.created).toBe(true);
  expect(first.file).toMatchObject({ shards: 5, replicas: 3 });
  expect(first.file.nodes.map(({ name, host, respPort }) => [name, host, respPort])).toEqual([
    ["node-1", "127.0.0.1", 6379],
    ["node-2", "127.0.0.1", 6380],
    ["node-3", "127.0.0.1", 6381],
  ]);
  const second = await begin();
  expect(second.created).toBe(false);
  expect(second.file).toEqual(first.file);
});

test("a later start may choose other ports, which stay until others are chosen", async () => {
  const first = await begin();
  const moved = await begin({ host: "127.0.0.5", ports: { respPort: 7_600 } });
  expect(moved.file.cluster).toBe(first.file.cluster);
  expect(moved.file.nodes[2]).toEqual({ ...first.file.nodes[2], host: "127.0.0.5", respPort: 7_602 });
  expect((await begin()).file).toEqual(moved.file);
});

test("one node alone gets one replica; more replicas than nodes are refused when asked for", async () => {
  await expect(open({ nodes: 1, replicas: 3 })).rejects.toThrow(
    /replicas: 3 replicas need as many nodes, and there are 1/,
  );
  expect((await begin({ nodes: 1 })).file).toMatchObject({ replicas: 1, shards: 5 });
});

test("a host that is none is refused under the name of its option, and no directory is made", async () => {
  await expect(open({ host: "local host" })).rejects.toMatchObject({
    code: "SHERD_CONFIG_INVALID",
    detail: '--host "local host": a host name or an IP address.',
  });
  expect(readdirSync(root)).toEqual([]);
});

test.each([
  ["nodes", { nodes: 5 }, "began with --nodes 3, so it cannot start with --nodes 5"],
  ["shards", { shards: 6 }, "began with --shards 5, so it cannot start with --shards 6"],
  ["replicas", { replicas: 1 }, "began with --replicas 3, so it cannot start with --replicas 1"],
])("other %s than it began with are refused", async (_, options, message) => {
  await begin();
  await expect(open(options)).rejects.toThrow(message);
  expect((await begin({ nodes: 3, shards: 5, replicas: 3 })).created).toBe(false);
});

test("a second start on the same data is refused while the first runs", async () => {
  const first = await open();
  await expect(open()).rejects.toThrow(/SHERD_DATA_IN_USE/);
  await first.release();
  await (await open()).release();
});

test("a directory with other files is refused and left alone", async () => {
  writeFileSync(join(root, "letter.txt"), "dear sir");
  await expect(open({ data: root })).rejects.toThrow(/SHERD_DATA_FOREIGN_FILE: .* holds letter\.txt/);
  expect(readdirSync(root)).toEqual(["letter.txt"]);
});

test("ports that collide with each other are refused by name", async () => {
  await expect(open({ ports: { respPort: 7_099 } })).rejects.toThrow(/127\.0\.0\.1:7100 is already/);
});

test("a busy port is named with its node and option before anything is started", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  try {
    const { file } = await begin({ nodes: 1, ports: { grpcPort: port } });
    await expect(
      checkPortsFree({
        ...file,
        nodes: file.nodes.map((node) => ({ ...node, respPort: 0, clusterPort: 0, peerPort: 0, httpPort: 0 })),
      }),
    ).rejects.toThrow(`SHERD_ADDRESS_IN_USE: 127.0.0.1:${port} (node-1; --grpc-port) is in use.`);
  } finally {
    server.close();
  }
});

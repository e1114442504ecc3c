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
const open = (options: Partial<LocalClusterOptions> = {}): LocalCluster =>
  openLocalCluster({ data: data(), ports: {}, ...options });

function begin(options: Partial<LocalClusterOptions> = {}): LocalCluster {
  const cluster = open(options);
  cluster.save();
  cluster.release();
  return cluster;
}

test("the first start makes three nodes with ports one beside the other, the second finds them", () => {
  const first = begin();
  expect(first.created).toBe(true);
  expect(first.file).toMatchObject({ shards: 5, replicas: 3 });
  expect(first.file.nodes.map(({ name, host, respPort }) => [name, host, respPort])).toEqual([
    ["node-1", "127.0.0.1", 6379],
    ["node-2", "127.0.0.1", 6380],
    ["node-3", "127.0.0.1", 6381],
  ]);
  const second = begin();
  expect(second.created).toBe(false);
  expect(second.file).toEqual(first.file);
});

test("a later start may choose other ports, which stay until others are chosen", () => {
  const first = begin();
  const moved = begin({ host: "127.0.0.5", ports: { respPort: 7_600 } });
  expect(moved.file.cluster).toBe(first.file.cluster);
  expect(moved.file.nodes[2]).toEqual({ ...first.file.nodes[2], host: "127.0.0.5", respPort: 7_602 });
  expect(begin().file).toEqual(moved.file);
});

test("one node alone gets one replica; more replicas than nodes are refused when asked for", () => {
  expect(() => open({ nodes: 1, replicas: 3 })).toThrow(/replicas: 3 replicas need as many nodes, and there are 1/);
  expect(begin({ nodes: 1 }).file).toMatchObject({ replicas: 1, shards: 5 });
});

test.each([
  ["nodes", { nodes: 5 }, "began with --nodes 3, so it cannot start with --nodes 5"],
  ["shards", { shards: 6 }, "began with --shards 5, so it cannot start with --shards 6"],
  ["replicas", { replicas: 1 }, "began with --replicas 3, so it cannot start with --replicas 1"],
])("other %s than it began with are refused", (_, options, message) => {
  begin();
  expect(() => open(options)).toThrow(message);
  expect(begin({ nodes: 3, shards: 5, replicas: 3 }).created).toBe(false);
});

test("a second start on the same data is refused while the first runs", () => {
  const first = open();
  expect(() => open()).toThrow(/SHERD_DATA_IN_USE/);
  first.release();
  open().release();
});

test("a directory with other files is refused and left alone", () => {
  writeFileSync(join(root, "letter.txt"), "dear sir");
  expect(() => open({ data: root })).toThrow(/SHERD_DATA_FOREIGN_FILE: .* holds letter\.txt/);
  expect(readdirSync(root)).toEqual(["letter.txt"]);
});

test("ports that collide with each other are refused by name", () => {
  expect(() => open({ ports: { respPort: 7_099 } })).toThrow(/127\.0\.0\.1:7100 is already/);
});

test("a busy port is named with its node and option before anything is started", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  try {
    const { file } = begin({ nodes: 1, ports: { grpcPort: port } });
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

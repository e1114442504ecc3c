import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ROW_CACHE_BYTES_DEFAULT } from "../core/base/index.ts";
import { addressesOf, type ClusterFile, checkClusterFile } from "./cluster-file.ts";
import { startNode } from "./compose.ts";
import { type DataDirectory, openDataDirectory } from "./data-directory.ts";
import type { NodeConfig } from "./node-config.ts";

const HOST = "127.0.0.1";
const FREE_PORTS = { respPort: 0, clusterPort: 0, grpcPort: 0, peerPort: 0, httpPort: 0 };

let root: string;
let directory: DataDirectory;
let file: ClusterFile;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "sherd-compose-"));
  const nodes = [{ name: "a", host: HOST }];
  file = checkClusterFile({ cluster: "e".repeat(40), shards: 2, replicas: 1, nodes }, "test");
  directory = await openDataDirectory(join(root, "a"), file, "a");
});
afterEach(async () => {
  await directory.release();
  rmSync(root, { recursive: true });
});

function config(ports: Partial<typeof FREE_PORTS>): NodeConfig {
  const { identity } = directory;
  const [node] = file.nodes;
  return {
    name: "a",
    nodeId: identity.node,
    clusterId: identity.plan.clusterId,
    directoryId: identity.directory,
    bootCounter: identity.bootCounter,
    dataDirectory: directory.path,
    addresses: { ...addressesOf(node!), ...FREE_PORTS, ...ports },
    listenHost: HOST,
    plan: identity.plan,
    seeds: [],
    logger: pino({ level: "silent" }),
    cacheBytes: ROW_CACHE_BYTES_DEFAULT,
    fatal: (error) => {
      throw error;
    },
  };
}

async function listening(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, HOST);
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}

test("a start that fails at its last port leaves nothing open: another one of the same process succeeds", async () => {
  const taken = await listening();
  const free = await listening();
  await closed(free.server);
  const ports = { peerPort: free.port, httpPort: taken.port };
  await expect(startNode(config(ports))).rejects.toMatchObject({ code: "SHERD_ADDRESS_IN_USE" });
  await closed(taken.server);
  // The same peer port, log, and LevelDB with its lock.
  const node = await startNode(config(ports));
  await node.ready;
  expect(node.status().groups).toHaveLength(3);
  await node.close();
});

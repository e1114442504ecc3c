import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type RequestOptions, request } from "node:https";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ROW_CACHE_BYTES_DEFAULT } from "../core/base/index.ts";
import { TestAuthority } from "../host/tls/testing/authority.ts";
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

test("a node with certificates answers over TLS, replaces them when told, and its metrics say until when they hold", async () => {
  const authority = await TestAuthority.create();
  const files = await authority.issue("a");
  const free = await listening();
  await closed(free.server);
  const tls = { clients: { files, clientAuth: "require" as const }, peers: files };
  const node = await startNode({ ...config({ httpPort: free.port }), tls });
  await node.ready;
  const notAfterMs = node.certificates.clients?.notAfterMs as number;
  const where = { host: HOST, port: free.port, path: "/metrics", ca: authority.text, agent: false };
  const page = await body({ ...where, cert: readFileSync(files.cert), key: readFileSync(files.key) });
  expect(page).toContain(`sherd_tls_certificate_expiry_timestamp_seconds{ports="clients"} ${notAfterMs / 1000}\n`);
  expect(page).toContain(`sherd_tls_certificate_expiry_timestamp_seconds{ports="peers"} ${notAfterMs / 1000}\n`);
  expect(page).toContain('sherd_tls_handshakes_total{ports="clients",result="ok"} 1\n');
  await expect(body(where)).rejects.toThrow();
  await authority.replace(files, "a");
  await node.reloadCertificates();
  expect(node.certificates).toMatchObject({ clients: { reloads: 1 }, peers: { reloads: 1 } });
  await node.close();
});

function body(options: RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve(text));
    });
    asked.on("error", reject);
    asked.end();
  });
}

test("a node that would listen to strangers is refused before anything is opened", async () => {
  await expect(startNode({ ...config({}), listenHost: "0.0.0.0" })).rejects.toMatchObject({ code: "SHERD_INSECURE" });
});

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { ROW_CACHE_BYTES_DEFAULT } from "../../core/base/index.ts";
import { addressesOf, type ClusterFile, checkClusterFile } from "../cluster-file.ts";
import { type DataDirectory, openDataDirectory } from "../data-directory.ts";
import type { NodeConfig } from "../node-config.ts";

export const HOST = "127.0.0.1";
const ANY_PORTS = { respPort: 0, clusterPort: 0, grpcPort: 0, peerPort: 0, httpPort: 0 };

/** The data directory of a cluster of one node with two shards, and what that node is started with. */
export class OneNode {
  readonly #root: string;
  readonly #file: ClusterFile;
  readonly #directory: DataDirectory;

  private constructor(root: string, file: ClusterFile, directory: DataDirectory) {
    this.#root = root;
    this.#file = file;
    this.#directory = directory;
  }

  static async create(): Promise<OneNode> {
    const root = mkdtempSync(join(tmpdir(), "sherd-node-"));
    const nodes = [{ name: "a", host: HOST }];
    const file = checkClusterFile({ cluster: "e".repeat(40), shards: 2, replicas: 1, nodes }, "test");
    return new OneNode(root, file, await openDataDirectory(join(root, "a"), file, "a"));
  }

  /** Ports that are not given are any that are free. */
  config(ports: Partial<typeof ANY_PORTS>): NodeConfig {
    const { identity, path } = this.#directory;
    const [node] = this.#file.nodes;
    return {
      name: "a",
      nodeId: identity.node,
      clusterId: identity.plan.clusterId,
      directoryId: identity.directory,
      bootCounter: identity.bootCounter,
      dataDirectory: path,
      addresses: { ...addressesOf(node!), ...ANY_PORTS, ...ports },
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

  async dispose(): Promise<void> {
    await this.#directory.release();
    rmSync(this.#root, { recursive: true });
  }
}

/** A port that is taken until `free` resolves. */
export async function takenPort(): Promise<{ readonly port: number; readonly free: () => Promise<void> }> {
  const server = createServer().listen(0, HOST);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async free() {
      server.close();
      await once(server, "close");
    },
  };
}

export async function freePort(): Promise<number> {
  const { port, free } = await takenPort();
  await free();
  return port;
}

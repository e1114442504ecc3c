import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { SherdError } from "../core/base/index.ts";
import { lockDirectory } from "../host/disk/index.ts";
import {
  type ClusterFile,
  checkClusterFile,
  checkHost,
  DEFAULT_PORTS,
  formatClusterFile,
  PORT_NAMES,
  type PortName,
  readClusterFile,
} from "./cluster-file.ts";
import { usingDirectory } from "./data-directory.ts";
import { BESIDE, ensureDirectory, writeFileDurably } from "./durable-file.ts";
import { LOCK_DIRECTORY } from "./identity.ts";

export const LOCAL_NODES_DEFAULT = 3;
export const SHARDS_DEFAULT = 5;
export const REPLICAS_DEFAULT = 3;
const CLUSTER_FILE = "cluster.json";
const LOOPBACK = "127.0.0.1";

/** What `sherd start` was asked for; undefined: as it was, or the default. */
export interface LocalClusterOptions {
  readonly data: string;
  readonly nodes?: number | undefined;
  readonly shards?: number | undefined;
  readonly replicas?: number | undefined;
  readonly host?: string | undefined;
  /** Of the first node; node i adds i. */
  readonly ports: Partial<Record<PortName, number>>;
}

export interface LocalCluster {
  readonly file: ClusterFile;
  readonly path: string;
  /** False: its data was there. */
  readonly created: boolean;
  /** Makes the file durable. Called when nothing speaks against a start any more. */
  save(): Promise<void>;
  release(): Promise<void>;
}

/**
 * The cluster whose data lies in `options.data`, locked for this process: made, or found and given the addresses that
 * were asked for. Throws coded errors: in use, foreign files, a shape other than it began with.
 */
export async function openLocalCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  if (options.host !== undefined) checkHost(options.host, "--host", "reach");
  const path = join(options.data, CLUSTER_FILE);
  return usingDirectory(options.data, async () => {
    checkForeign(options.data);
    ensureDirectory(options.data);
    const lock = await lockDirectory(options.data);
    try {
      const found = existsSync(path) ? readClusterFile(path) : undefined;
      const file = found === undefined ? newCluster(options) : sameCluster(found, options, path);
      const save = (): Promise<void> =>
        usingDirectory(options.data, () => writeFileDurably(path, formatClusterFile(file)));
      return { file, path, created: found === undefined, save, release: () => lock.release() };
    } catch (error) {
      await lock.release();
      throw error;
    }
  });
}

function checkForeign(data: string): void {
  if (!existsSync(data) || existsSync(join(data, CLUSTER_FILE))) return;
  const foreign = readdirSync(data).filter((name) => name !== LOCK_DIRECTORY && name !== CLUSTER_FILE + BESIDE);
  if (foreign.length === 0) return;
  throw new SherdError("SHERD_DATA_FOREIGN_FILE", `${data} has no ${CLUSTER_FILE}, but holds ${foreign[0]}.`);
}

function newCluster(options: LocalClusterOptions): ClusterFile {
  const count = options.nodes ?? LOCAL_NODES_DEFAULT;
  const file = {
    cluster: randomBytes(20).toString("hex"),
    shards: options.shards ?? SHARDS_DEFAULT,
    // Who asks for more replicas than nodes is told; who only asks for fewer nodes gets what they can hold.
    replicas: options.replicas ?? Math.min(REPLICAS_DEFAULT, count),
    nodes: Array.from({ length: count }, (_, at) => ({
      name: `node-${at + 1}`,
      host: options.host ?? LOOPBACK,
      ...portsFrom({ ...DEFAULT_PORTS, ...options.ports }, at),
    })),
  };
  return checkClusterFile(file, "The cluster");
}

function sameCluster(found: ClusterFile, options: LocalClusterOptions, path: string): ClusterFile {
  const shape = [
    ["--nodes", found.nodes.length, options.nodes],
    ["--shards", found.shards, options.shards],
    ["--replicas", found.replicas, options.replicas],
  ] as const;
  for (const [flag, has, asked] of shape) {
    if (asked === undefined || asked === has) continue;
    throw new SherdError(
      "SHERD_CONFIG_INVALID",
      `The cluster in ${path} began with ${flag} ${has}, so it cannot start with ${flag} ${asked}: leave the option out, or choose another --data.`,
    );
  }
  const nodes = found.nodes.map((node, at) => ({
    ...node,
    ...(options.host === undefined ? {} : { host: options.host }),
    ...portsFrom(options.ports, at),
  }));
  return checkClusterFile({ ...found, nodes }, path);
}

function portsFrom<Ports extends Partial<Record<PortName, number>>>(ports: Ports, at: number): Ports {
  const moved: Partial<Record<PortName, number>> = {};
  for (const which of PORT_NAMES) {
    const base = ports[which];
    if (base !== undefined) moved[which] = base + at;
  }
  return moved as Ports;
}

import { randomBytes } from "node:crypto";
import * as nodeFs from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import {
  type BootCounter,
  bootCounter,
  type DirectoryId,
  directoryId,
  isHexId,
  type NodeId,
  nodeId,
  SherdError,
} from "../core/base/index.ts";
import type { ClusterMap } from "../core/meta/index.ts";
import { type ClusterFile, clusterIdOf, describeIssues, nodeIdOf } from "./cluster-file.ts";
import { BESIDE, ensureDirectory, type FileSystem, writeFileDurably } from "./durable-file.ts";
import { bootstrapPlan } from "./plan.ts";
import { clusterMapSchema, clusterMapToJson } from "./plan-json.ts";

/** Counts changes of what a data directory holds that an older version could not read. */
const DATA_FORMAT = 1;
/** The lock of `host/disk`. */
export const LOCK_DIRECTORY = "lock";
const IDENTITY_FILE = "identity.json";

/** What a data directory is, for as long as it exists. */
export interface Identity {
  /** The `cluster` of the file that it was made from. */
  readonly cluster: string;
  readonly node: NodeId;
  readonly name: string;
  /** Drawn when the directory was made: tells it from an emptied one under the same name. */
  readonly directory: DirectoryId;
  /** Of this start; durable before it is returned. */
  readonly bootCounter: BootCounter;
  /** What the node's groups began from. Stored, so that a later version or file cannot begin them differently. */
  readonly plan: ClusterMap;
}

const hexId = z.string().refine(isHexId, "40 lower-case hex digits");
const identitySchema: z.ZodType<Identity & { format: number }> = z.object({
  format: z.literal(DATA_FORMAT),
  cluster: hexId,
  node: hexId.transform(nodeId),
  name: z.string().min(1),
  directory: hexId.transform(directoryId),
  bootCounter: z.int().min(1).transform(bootCounter),
  plan: clusterMapSchema,
});

/** The parts of a data directory that other code fills. */
export const dataPaths = (path: string): { log: string; store: string; logs: string; runFile: string } => ({
  log: join(path, "log"),
  store: join(path, "store"),
  logs: join(path, "logs"),
  runFile: join(path, "run.json"),
});

/** Refuses, before anything is written, a directory that is somebody else's. */
export function checkForeign(path: string, fs: FileSystem = nodeFs): void {
  if (!fs.existsSync(path) || fs.existsSync(join(path, IDENTITY_FILE))) return;
  const ours = new Set(["log", "store", "logs", LOCK_DIRECTORY, IDENTITY_FILE + BESIDE]);
  const foreign = fs.readdirSync(path).filter((name) => !ours.has(name));
  if (foreign.length > 0) {
    throw new SherdError("SHERD_DATA_FOREIGN_FILE", `${path} has no ${IDENTITY_FILE}, but holds ${foreign[0]}.`);
  }
  // The identity is written before anything else, so data without one has lost it (or was copied without it).
  for (const part of ["log", "store"]) {
    const inside = join(path, part);
    if (fs.existsSync(inside) && fs.readdirSync(inside).length > 0) {
      throw new SherdError("SHERD_DATA_FOREIGN_FILE", `${inside} holds files, but ${path} has no ${IDENTITY_FILE}.`);
    }
  }
}

/**
 * Opens the directory as the node `name` of the cluster `file`, and counts this start. A directory that is new or whose
 * making was interrupted is made; the caller holds its lock. Throws coded errors for a directory that is another's.
 */
export function openIdentity(path: string, file: ClusterFile, name: string, fs: FileSystem = nodeFs): Identity {
  const paths = dataPaths(path);
  for (const part of [paths.log, paths.store, paths.logs]) ensureDirectory(part, { fs });
  const identityPath = join(path, IDENTITY_FILE);
  const found = fs.existsSync(identityPath) ? readIdentity(identityPath, fs) : undefined;
  if (found !== undefined) checkOwner(found, path, file, name);
  const identity: Identity =
    found === undefined
      ? {
          cluster: file.cluster,
          node: nodeIdOf(file, name),
          name,
          directory: directoryId(randomBytes(20).toString("hex")),
          bootCounter: bootCounter(1),
          plan: bootstrapPlan(file),
        }
      : { ...found, bootCounter: bootCounter(found.bootCounter + 1) };
  writeFileDurably(identityPath, formatIdentity(identity), fs);
  return identity;
}

function formatIdentity(identity: Identity): string {
  const json = { format: DATA_FORMAT, ...identity, plan: clusterMapToJson(identity.plan) };
  return `${JSON.stringify(json, undefined, 2)}\n`;
}

function readIdentity(path: string, fs: FileSystem): Identity {
  const text = fs.readFileSync(path, "utf8");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new SherdError("SHERD_DATA_FORMAT", `${path} is damaged: ${(cause as Error).message}.`, { cause });
  }
  const format = z.object({ format: z.number() }).safeParse(json);
  if (format.success && format.data.format !== DATA_FORMAT) {
    const detail = `${path} says format ${format.data.format}; this version reads format ${DATA_FORMAT}.`;
    throw new SherdError("SHERD_DATA_FORMAT", detail);
  }
  const result = identitySchema.safeParse(json);
  if (!result.success) {
    throw new SherdError("SHERD_DATA_FORMAT", `${path} is damaged: ${describeIssues(result.error)}.`);
  }
  const { format: _, ...identity } = result.data;
  return identity;
}

function checkOwner(identity: Identity, path: string, file: ClusterFile, name: string): void {
  if (identity.cluster !== file.cluster) {
    const detail = `${path} belongs to cluster ${identity.cluster}; the file says ${file.cluster}.`;
    throw new SherdError("SHERD_DATA_OTHER_CLUSTER", detail);
  }
  if (identity.name !== name) {
    throw new SherdError("SHERD_DATA_OTHER_NODE", `${path} belongs to ${identity.name}, not to ${name}.`);
  }
  if (identity.plan.clusterId === clusterIdOf(file)) return;
  // The file's shape is the bootstrap's, and that is over: to follow a changed file would begin other groups.
  const { shards, nodes } = identity.plan;
  const was = `${shards.length} shards with ${shards[0]?.replicas.length} replicas on ${[...nodes.values()].map((node) => node.name).join(", ")}`;
  const is = `${file.shards} with ${file.replicas} on ${file.nodes.map((node) => node.name).join(", ")}`;
  throw new SherdError(
    "SHERD_CLUSTER_FILE",
    `The cluster began with ${was}; the file now says ${is}. Shards, replicas and nodes cannot be changed in the file (addresses can): put the first values back.`,
  );
}

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { z } from "zod";
import {
  type ClusterId,
  clusterId,
  GROUPS_PER_NODE_MAX,
  isHexId,
  NODES_MAX,
  type NodeId,
  nodeId,
  REPLICAS_PER_GROUP_MAX,
  SherdError,
  SLOT_COUNT,
} from "../core/base/index.ts";
import type { NodeAddresses } from "../core/meta/index.ts";

/** Ports of a node whose file names none: those of `sherd start` for its first node. */
export const DEFAULT_PORTS = {
  respPort: 6379,
  clusterPort: 7379,
  grpcPort: 7000,
  peerPort: 7100,
  httpPort: 7080,
} as const;

export type PortName = keyof typeof DEFAULT_PORTS;
export const PORT_NAMES: readonly PortName[] = ["respPort", "clusterPort", "grpcPort", "peerPort", "httpPort"];

/** A node of the file: its name, and where it can be reached. */
export interface ClusterFileNode extends NodeAddresses {
  readonly name: string;
}

/** What all nodes of a cluster are started from. Addresses may change later; the rest is the bootstrap, done once. */
export interface ClusterFile {
  /** 40 lower-case hex digits, drawn when the file was made. */
  readonly cluster: string;
  readonly shards: number;
  readonly replicas: number;
  readonly nodes: readonly ClusterFileNode[];
}

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "1 to 63 letters, digits, dots, dashes or underscores");
const port = z.int().min(1).max(65_535);
/** The longest name that DNS knows; less than NODE_HOST_BYTES_MAX. */
const HOST_BYTES_MAX = 253;
/** A host that this node listens on: all addresses, perhaps. */
export const listenSchema: z.ZodType<string> = z
  .string()
  .max(HOST_BYTES_MAX, `at most ${HOST_BYTES_MAX} characters`)
  .regex(/^[A-Za-z0-9:._-]+$/, "a host name or an IP address")
  .refine((text) => !text.includes(":") || isIPv6(text), "a host name or an IP address, without a port");
/** A host that others find this node at. */
export const hostSchema: z.ZodType<string> = listenSchema.refine(
  (text) => text !== "0.0.0.0" && text !== "::",
  "an address that other machines can reach",
);

const nodeSchema = z.strictObject({
  name,
  host: hostSchema,
  respPort: port.default(DEFAULT_PORTS.respPort),
  clusterPort: port.default(DEFAULT_PORTS.clusterPort),
  grpcPort: port.default(DEFAULT_PORTS.grpcPort),
  peerPort: port.default(DEFAULT_PORTS.peerPort),
  httpPort: port.default(DEFAULT_PORTS.httpPort),
});

const fileSchema: z.ZodType<ClusterFile> = z
  .strictObject({
    cluster: z.string().refine(isHexId, "40 lower-case hex digits"),
    shards: z.int().min(1).max(SLOT_COUNT),
    replicas: z.int().min(1).max(REPLICAS_PER_GROUP_MAX),
    nodes: z.array(nodeSchema).min(1).max(NODES_MAX),
  })
  .superRefine((file, context) => {
    const complain = (path: (string | number)[], message: string): void => {
      context.addIssue({ code: "custom", path, message });
    };
    if (file.replicas > file.nodes.length) {
      complain(["replicas"], `${file.replicas} replicas need as many nodes, and there are ${file.nodes.length}`);
    }
    // The meta group may add one to each node.
    const groupsPerNode = Math.ceil((file.shards * file.replicas) / file.nodes.length) + 1;
    if (groupsPerNode > GROUPS_PER_NODE_MAX) {
      complain(["shards"], `${groupsPerNode} replicas on one node are more than ${GROUPS_PER_NODE_MAX}`);
    }
    const names = new Set<string>();
    const sockets = new Map<string, string>();
    for (const [at, node] of file.nodes.entries()) {
      if (names.has(node.name)) complain(["nodes", at, "name"], `a second node is called ${node.name}`);
      names.add(node.name);
      for (const which of PORT_NAMES) {
        const socket = `${node.host}:${node[which]}`;
        const holder = sockets.get(socket);
        if (holder !== undefined) complain(["nodes", at, which], `${socket} is already ${holder}`);
        sockets.set(socket, `${which} of ${node.name}`);
      }
    }
  });

/** `nodes[1].respPort`: how a person finds the place in the file. */
function place(path: readonly PropertyKey[]): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += text === "" ? String(step) : `.${String(step)}`;
  }
  return text;
}

/** One line for each thing that is wrong, with its place. */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .map((issue) => (issue.path.length === 0 ? issue.message : `${place(issue.path)}: ${issue.message}`))
    .join("; ");
}

/** `from` names the source in errors. */
export function checkClusterFile(value: unknown, from: string): ClusterFile {
  const result = fileSchema.safeParse(value);
  if (!result.success) throw new SherdError("SHERD_CLUSTER_FILE", `${from}: ${describeIssues(result.error)}.`);
  return result.data;
}

/**
 * A host that comes from an option, which errors name. `listen`: where this node listens, which may be on all addresses;
 * `reach`: where others find it. Throws SHERD_CONFIG_INVALID.
 */
export function checkHost(text: string, option: string, use: "reach" | "listen"): void {
  const result = (use === "listen" ? listenSchema : hostSchema).safeParse(text);
  if (result.success) return;
  throw new SherdError("SHERD_CONFIG_INVALID", `${option} ${quoted(text)}: ${describeIssues(result.error)}.`);
}

const SHOWN_MAX = 64;
const quoted = (text: string): string =>
  JSON.stringify(text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}...` : text);

export function parseClusterFile(text: string, from: string): ClusterFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SherdError("SHERD_CLUSTER_FILE", `${from} is not JSON: ${(cause as Error).message}.`, { cause });
  }
  return checkClusterFile(value, from);
}

export function readClusterFile(path: string): ClusterFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new SherdError("SHERD_CLUSTER_FILE", `${path} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  return parseClusterFile(text, path);
}

/** One node a line, so that people can read and edit it. */
export function formatClusterFile(file: ClusterFile): string {
  const nodes = file.nodes.map((node) => `    ${JSON.stringify(node)}`).join(",\n");
  return `{\n  "cluster": "${file.cluster}",\n  "shards": ${file.shards},\n  "replicas": ${file.replicas},\n  "nodes": [\n${nodes}\n  ]\n}\n`;
}

export function nodeOfFile(file: ClusterFile, wanted: string, from: string): ClusterFileNode {
  const found = file.nodes.find((node) => node.name === wanted);
  if (found !== undefined) return found;
  const names = file.nodes.map((node) => node.name).join(", ");
  throw new SherdError("SHERD_CLUSTER_FILE", `${from} has no node called ${wanted}; it has ${names}.`);
}

export function addressesOf(node: ClusterFileNode): NodeAddresses {
  const { name: _, ...addresses } = node;
  return addresses;
}

const hexDigest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 40);

/** Permanent: the same name in the same cluster is the same node, wherever it runs. */
export const nodeIdOf = (file: Pick<ClusterFile, "cluster">, nodeName: string): NodeId =>
  nodeId(hexDigest(`${file.cluster} ${nodeName}`));

/**
 * The id that nodes show each other. It covers all that the bootstrap plan depends on: nodes started from files that
 * would make different plans (another number of shards, another list of nodes) take each other for strangers, instead
 * of electing leaders in groups whose members they do not agree on. Addresses are not part of it.
 */
export function clusterIdOf(file: ClusterFile): ClusterId {
  const names = file.nodes.map((node) => node.name).sort();
  return clusterId(hexDigest(JSON.stringify([file.cluster, file.shards, file.replicas, names])));
}

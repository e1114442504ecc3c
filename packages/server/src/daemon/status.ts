import { type IncomingMessage, request } from "node:http";
import { request as requestTls } from "node:https";
import type { SecureContextOptions } from "node:tls";
import { z } from "zod";
import type { GroupId, NodeId } from "../core/base/index.ts";
import { META_GROUP, SherdError } from "../core/base/index.ts";
import type { ClusterMap, NodeAddresses, ReplicaInfo, SlotRange } from "../core/meta/index.ts";
import type { GroupStatus, NodeStatus } from "../core/node/index.ts";
import { Role } from "../core/raft/index.ts";
import { STATUS_BYTES_MAX, STATUS_TIMEOUT_MS } from "./limits.ts";
import { clusterMapSchema } from "./plan-json.ts";
import { socketText } from "./ports.ts";

/** What `GET /status` of a node answers: its status, and its copy of the map. */
export interface NodeAnswer extends NodeStatus {
  readonly map: ClusterMap;
}

const integer = z.int().min(0);
/** Checked only as far as it is used: a newer node may say more. */
const answerSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  ready: z.boolean(),
  groups: z.array(
    z.looseObject({
      group: integer,
      role: integer,
      term: integer,
      applied: integer,
      commit: integer,
      stopped: z.string().optional(),
    }),
  ),
  map: clusterMapSchema,
});

export interface ClusterStatus {
  /** Every group has a leader that this saw. */
  readonly ok: boolean;
  readonly clusterId: string;
  readonly mapVersion: number;
  readonly nodes: readonly NodeSummary[];
  /** The meta group and the shards. */
  readonly groups: readonly GroupSummary[];
}

export interface NodeSummary {
  readonly id: NodeId;
  readonly name: string;
  readonly addresses: NodeAddresses;
  readonly state: "ready" | "not ready" | "unreachable";
  readonly replicas: number;
  readonly leads: number;
}

export interface GroupSummary {
  readonly group: GroupId;
  readonly slots: readonly SlotRange[];
  /** Name of the node that leads it. */
  readonly leader: string | undefined;
  readonly term: number | undefined;
  readonly replicas: readonly ReplicaSummary[];
}

export interface ReplicaSummary {
  readonly node: string;
  /** Entries that the leader has committed and this replica has not applied; undefined when one of them is unknown. */
  readonly lag: number | undefined;
  /** Why it does not run, if it does not. */
  readonly stopped: string | undefined;
}

export interface AskOptions {
  /** The HTTP ports speak TLS. */
  readonly tls?: SecureContextOptions | undefined;
  /** `Basic ...`, where the nodes have users. */
  readonly authorization?: string | undefined;
}

/** Asks the node at `host:httpPort` for the map, then every node of the map. */
export async function askCluster(host: string, httpPort: number, options: AskOptions = {}): Promise<ClusterStatus> {
  const first = await askNode(host, httpPort, options);
  if (first instanceof Error) {
    throw new SherdError("SHERD_UNREACHABLE", `${socketText(host, httpPort)}: ${first.message}.`, { cause: first });
  }
  const answers = new Map<NodeId, NodeStatus>([[first.id, first]]);
  const others = [...first.map.nodes.values()].filter((info) => info.id !== first.id);
  await Promise.all(
    others.map(async (info) => {
      const answer = await askNode(info.addresses.host, info.addresses.httpPort, options);
      if (answer instanceof Error) return;
      // Another node, or one of another cluster, may have taken the address over.
      if (answer.id === info.id && answer.map.clusterId === first.map.clusterId) answers.set(info.id, answer);
    }),
  );
  return summarize(first.map, answers);
}

async function askNode(host: string, port: number, options: AskOptions): Promise<NodeAnswer | Error> {
  try {
    const parsed = answerSchema.safeParse(JSON.parse(await get(host, port, options)));
    return parsed.success ? (parsed.data as unknown as NodeAnswer) : new Error("the answer is not a node's status");
  } catch (error) {
    return error instanceof SyntaxError ? new Error("the answer is not a node's status") : (error as Error);
  }
}

const HTTP_TEXTS: Readonly<Record<number, string>> = {
  401: "it wants a user and a password, and other ones if some were given (HTTP 401)",
  403: "the user may not run INFO (HTTP 403)",
};

/** Not `fetch`, which cannot be given the authorities to trust. */
async function get(host: string, port: number, { tls, authorization }: AskOptions): Promise<string> {
  const headers = authorization === undefined ? {} : { authorization };
  const options = {
    headers,
    host,
    port,
    path: "/status",
    agent: false,
    signal: AbortSignal.timeout(STATUS_TIMEOUT_MS),
    ...tls,
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = (tls === undefined ? request : requestTls)(options, resolve);
    asked.on("error", (error: NodeJS.ErrnoException) => {
      // A name with several addresses has an error for each, and no text of its own.
      const text = error.name === "AbortError" ? `no answer within ${STATUS_TIMEOUT_MS} ms` : error.message;
      reject(new Error(text === "" ? error.code : text, { cause: error }));
    });
    asked.end();
  });
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(HTTP_TEXTS[response.statusCode ?? 0] ?? `HTTP ${response.statusCode}`);
  }
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response) {
    parts.push(part as Buffer);
    length += (part as Buffer).length;
    if (length > STATUS_BYTES_MAX) throw new Error(`the answer is longer than ${STATUS_BYTES_MAX} bytes`);
  }
  return Buffer.concat(parts, length).toString("utf8");
}

export function summarize(map: ClusterMap, answers: ReadonlyMap<NodeId, NodeStatus>): ClusterStatus {
  const nameOf = (node: NodeId): string => map.nodes.get(node)?.name ?? node;
  const replicaAt = (node: NodeId, group: GroupId): GroupStatus | undefined =>
    answers.get(node)?.groups.find((status) => status.group === group);

  const leads = new Map<NodeId, number>();
  const summary = (group: GroupId, slots: readonly SlotRange[], replicas: readonly ReplicaInfo[]): GroupSummary => {
    // A deposed leader may not know it yet: the one of the highest term counts.
    const leader = replicas
      .map(({ node }) => ({ node, status: replicaAt(node, group) }))
      .filter((at): at is { node: NodeId; status: GroupStatus } => at.status?.role === Role.leader)
      .sort((a, b) => b.status.term - a.status.term)[0];
    if (leader !== undefined) leads.set(leader.node, (leads.get(leader.node) ?? 0) + 1);
    return {
      group,
      slots,
      leader: leader === undefined ? undefined : nameOf(leader.node),
      term: leader?.status.term,
      replicas: replicas.map(({ node }) => {
        const status = replicaAt(node, group);
        const known = leader !== undefined && status !== undefined;
        const lag = known ? Math.max(0, leader.status.commit - status.applied) : undefined;
        return { node: nameOf(node), lag, stopped: status?.stopped };
      }),
    };
  };

  const groups = [
    summary(META_GROUP, [], map.metaReplicas),
    ...map.shards.map((shard) => summary(shard.group, shard.slots, shard.replicas)),
  ];
  const nodes = [...map.nodes.values()].map((info): NodeSummary => {
    const answer = answers.get(info.id);
    return {
      id: info.id,
      name: info.name,
      addresses: info.addresses,
      state: answer === undefined ? "unreachable" : answer.ready ? "ready" : "not ready",
      replicas: groups.reduce((sum, group) => sum + group.replicas.filter((r) => r.node === info.name).length, 0),
      leads: leads.get(info.id) ?? 0,
    };
  });
  const ok = groups.every((group) => group.leader !== undefined);
  return { ok, clusterId: map.clusterId, mapVersion: map.version, nodes, groups };
}

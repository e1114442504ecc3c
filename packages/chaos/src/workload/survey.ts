import { ClusterConnections, RespConnection, RespError, type SlotRange } from "@sherd/client";
import type { PlacedNode } from "../cluster/index.ts";
import { KEY_KINDS, type KeyKind } from "./key-ring.ts";

/** A command that is known only where all are that a kind of key needs (SET NX and SETNX came together). */
const NEEDED: Readonly<Record<KeyKind, string>> = { register: "SET", counter: "INCR", list: "APPEND", slot: "SETNX" };

/** The slots of each shard, as the cluster tells its clients. */
export async function shardSlots(nodes: readonly PlacedNode[], shards: number): Promise<readonly SlotRange[][]> {
  const connections = new ClusterConnections({
    seeds: nodes.map(({ host, clusterPort }) => ({ host, port: clusterPort })),
  });
  try {
    await connections.refresh();
    const ranges = [...connections.ranges].sort((left, right) => left.from - right.from);
    if (ranges.length !== shards) throw new Error(`CLUSTER SLOTS tells ${ranges.length} ranges for ${shards} shards`);
    return ranges.map((range) => [range]);
  } finally {
    connections.destroy();
  }
}

/** What the nodes can hold. */
export async function knownKinds(node: PlacedNode): Promise<{ kinds: KeyKind[]; missing: string[] }> {
  const connection = new RespConnection({ host: node.host, port: node.respPort });
  try {
    const kinds: KeyKind[] = [];
    const missing: string[] = [];
    for (const kind of KEY_KINDS) {
      // Without arguments a known command complains about these.
      const reply = await connection.call([NEEDED[kind]]);
      if (reply instanceof RespError && !reply.message.includes("unknown command")) kinds.push(kind);
      else missing.push(`${kind}s: the nodes do not know ${NEEDED[kind]}`);
    }
    return { kinds, missing };
  } finally {
    connection.destroy();
  }
}

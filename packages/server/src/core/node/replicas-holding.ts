import { type GroupId, META_GROUP, type NodeId, type ReplicaId, type Slot } from "../base/index.ts";
import { type CommandSpec, integer, NOT_RESIDENT, type Reply } from "../command/index.ts";
import { Opcode } from "../machine/index.ts";
import type { RaftCore } from "../raft/index.ts";
import type { Replica } from "../replica/index.ts";

/** What the leader of a shard knows of its replicas. */
export interface ReplicasHolding {
  /** What it had applied when it was asked: at least all that anybody had been answered before. */
  readonly applied: number;
  /** Up to where the leader has the log on its own disk: less than what is applied while its write is slower than others'. */
  readonly own: number;
  /** For each other replica, up to where it has the log on its disk. */
  readonly matched: readonly number[];
}

interface HoldingHost {
  readonly raft: Pick<RaftCore, "progress">;
  shardOf(slot: Slot): GroupId | undefined;
  replicaOf(group: GroupId): Replica | undefined;
}

/**
 * Asks a shard's leader how far its replicas are: a read without keys, so that it finds its way, waits for the state and
 * is answered as every read. It is not the state that it looks at, and it has an opcode that no client can name.
 */
export function holdingCommand(host: HoldingHost): CommandSpec {
  return {
    name: "replicas.holding",
    opcode: Opcode.holding,
    arity: 1,
    flags: ["readonly"],
    keys: { first: 0, last: 0, step: 0 },
    since: "",
    group: "internal",
    summary: "",
    run(context, slot) {
      const group = host.shardOf(slot);
      const replica = group === undefined ? undefined : host.replicaOf(group);
      if (group === undefined || replica === undefined) return NOT_RESIDENT;
      const all = host.raft.progress(group);
      const own = all.find(({ peer }) => peer === replica.id)?.matched ?? 0;
      const others = all.filter(({ peer }) => peer !== replica.id).map(({ matched }) => matched);
      return { type: "array", items: [context.version, own, ...others].map(integer) };
    },
  };
}

/** Over all shards that are led here. */
export function replicationOf(
  replicas: Iterable<Replica>,
  host: Pick<HoldingHost, "raft"> & { nodeOf(group: GroupId, replica: ReplicaId): NodeId | undefined },
): { applied: number; others: Map<NodeId, number> } {
  let applied = 0;
  const others = new Map<NodeId, number>();
  for (const { group, id, leads, applied: index } of replicas) {
    if (!leads || group === META_GROUP) continue;
    applied += index;
    for (const { peer, matched } of host.raft.progress(group)) {
      const node = peer === id ? undefined : host.nodeOf(group, peer);
      if (node !== undefined) others.set(node, (others.get(node) ?? 0) + matched);
    }
  }
  return { applied, others };
}

export function replicasHoldingOf(reply: Reply): ReplicasHolding | undefined {
  if (reply.type !== "array") return undefined;
  const [applied, own, ...matched] = reply.items.map((item) => (item.type === "integer" ? Number(item.value) : 0));
  return applied === undefined || own === undefined ? undefined : { applied, own, matched };
}

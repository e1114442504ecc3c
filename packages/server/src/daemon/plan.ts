import {
  assert,
  bootCounter,
  type GroupId,
  groupId,
  META_GROUP,
  type NodeId,
  replicaId,
  SLOT_COUNT,
} from "../core/base/index.ts";
import type { ClusterMap, NodeInfo, ReplicaInfo, ShardInfo, SlotRange } from "../core/meta/index.ts";
import { addressesOf, type ClusterFile, clusterIdOf, nodeIdOf } from "./cluster-file.ts";

/** More members than this make the meta group slower and hardly safer. */
const META_REPLICAS_MAX = 5;

interface Load {
  readonly node: NodeId;
  replicas: number;
  leads: number;
}

/**
 * The cluster map that a new cluster starts from, version 0. A function of the file alone, and not of the order of its
 * nodes: machines with the same file make the same plan without talking. The first replica of a group is the one that
 * should lead it.
 */
export function bootstrapPlan(file: ClusterFile): ClusterMap {
  const sorted = [...file.nodes].sort((a, b) => (a.name < b.name ? -1 : 1));
  const nodes = new Map<NodeId, NodeInfo>();
  const loads: Load[] = [];
  for (const node of sorted) {
    const id = nodeIdOf(file, node.name);
    assert(!nodes.has(id), "distinct names have distinct node ids");
    nodes.set(id, {
      id,
      name: node.name,
      addresses: addressesOf(node),
      bootCounter: bootCounter(0),
      directory: undefined,
    });
    loads.push({ node: id, replicas: 0, leads: 0 });
  }

  let lastReplica = 0;
  const members = (count: number): ReplicaInfo[] =>
    place(loads, count).map((node) => {
      lastReplica += 1;
      return { replica: replicaId(lastReplica), node };
    });

  const ranges = slotRanges(file.shards);
  const shards: ShardInfo[] = ranges.map((range, at) => ({
    group: shardGroup(at),
    slots: [range],
    replicas: members(file.replicas),
    epoch: 1,
  }));
  // Last, so that the meta group's leader lands where the fewest shards are led.
  const metaReplicas = members(metaReplicaCount(sorted.length));
  return { clusterId: clusterIdOf(file), version: 0, nodes, metaReplicas, shards };
}

const shardGroup = (at: number): GroupId => groupId(META_GROUP + 1 + at);

/** Odd, because an even group tolerates no more failures than the odd one below it. */
export function metaReplicaCount(nodes: number): number {
  const count = Math.min(nodes, META_REPLICAS_MAX);
  return count % 2 === 0 ? count - 1 : count;
}

/** Contiguous and even, with the borders that Redis draws for as many masters. */
export function slotRanges(shards: number): SlotRange[] {
  const ranges: SlotRange[] = [];
  let from = 0;
  for (let i = 1; i <= shards; i += 1) {
    const to = i === shards ? SLOT_COUNT - 1 : Math.round((i * SLOT_COUNT) / shards - 1);
    ranges.push({ from, to });
    from = to + 1;
  }
  return ranges;
}

/**
 * The leader goes where the fewest groups are led, the others where the fewest replicas are (of equals to those that
 * lead the most: the rest must stay free to lead). Ties go to the order of the names. So both counts differ between
 * nodes by one at most.
 */
function place(loads: readonly Load[], count: number): NodeId[] {
  const leader = [...loads].sort((a, b) => a.leads - b.leads || a.replicas - b.replicas)[0];
  assert(leader !== undefined, "a cluster has a node");
  const others = loads
    .filter((load) => load !== leader)
    .sort((a, b) => a.replicas - b.replicas || b.leads - a.leads)
    .slice(0, count - 1);
  const chosen = [leader, ...others];
  assert(chosen.length === count, "there are at least as many nodes as replicas");
  leader.leads += 1;
  for (const load of chosen) load.replicas += 1;
  return chosen.map((load) => load.node);
}

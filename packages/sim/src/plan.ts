import {
  assert,
  bootCounter,
  clusterId,
  type GroupId,
  groupId,
  type NodeId,
  nodeId,
  replicaId,
  SLOT_COUNT,
  type Slot,
} from "sherd/core/base";
import type { ClusterMap, NodeInfo, ShardInfo } from "sherd/core/meta";

const hexId = (number: number): string => number.toString(16).padStart(40, "0");

/** The bootstrap plan: every node has a replica of every group. */
export function makePlan(nodes: number, shards: number): ClusterMap {
  const infos = Array.from({ length: nodes }, (_, at) => nodeInfo(at + 1));
  let replicas = 0;
  const members = (first: number): { replica: ReturnType<typeof replicaId>; node: NodeId }[] =>
    infos.map((_, at) => {
      replicas += 1;
      return { replica: replicaId(replicas), node: (infos[(first + at) % nodes] as NodeInfo).id };
    });
  const metaReplicas = members(0);
  const shardInfos: ShardInfo[] = Array.from({ length: shards }, (_, at) => ({
    group: groupId(at + 1),
    slots: [{ from: Math.floor((at * SLOT_COUNT) / shards), to: Math.floor(((at + 1) * SLOT_COUNT) / shards) - 1 }],
    replicas: members(at),
    epoch: 1,
  }));
  return {
    clusterId: clusterId(hexId(0xc1)),
    version: 0,
    nodes: new Map(infos.map((info) => [info.id, info])),
    metaReplicas,
    shards: shardInfos,
  };
}

function nodeInfo(number: number): NodeInfo {
  const host = `n${number}`;
  const addresses = { host, peerPort: 7100, respPort: 6379, clusterPort: 7379, grpcPort: 7000, httpPort: 7080 };
  return { id: nodeId(hexId(number)), name: host, addresses, bootCounter: bootCounter(0), directory: undefined };
}

export function shardOf(plan: ClusterMap, slot: Slot): GroupId {
  const shard = plan.shards.find(({ slots }) => slots.some(({ from, to }) => from <= slot && slot <= to));
  assert(shard !== undefined, "every slot has a shard");
  return shard.group;
}

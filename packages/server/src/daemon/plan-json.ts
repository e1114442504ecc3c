import { z } from "zod";
import {
  bootCounter,
  clusterId,
  directoryId,
  groupId,
  isHexId,
  type NodeId,
  nodeId,
  replicaId,
  SLOT_COUNT,
} from "../core/base/index.ts";
import type { ClusterMap, NodeInfo, ReplicaInfo, ShardInfo } from "../core/meta/index.ts";

const count = z.int().min(0);
const hexId = z.string().refine(isHexId, "40 lower-case hex digits");
const node = hexId.transform(nodeId);
const port = z.int().min(0).max(65_535);
const slotNumber = z
  .int()
  .min(0)
  .max(SLOT_COUNT - 1);
const replicas = z.array(z.object({ replica: z.int().min(1).transform(replicaId), node }));

/** A cluster map as JSON: the same fields, `nodes` as a list. */
export interface ClusterMapJson {
  readonly clusterId: string;
  readonly version: number;
  readonly nodes: readonly NodeInfo[];
  readonly metaReplicas: readonly ReplicaInfo[];
  readonly shards: readonly ShardInfo[];
}

export const clusterMapSchema: z.ZodType<ClusterMap> = z
  .object({
    clusterId: hexId.transform(clusterId),
    version: count,
    nodes: z.array(
      z.object({
        id: node,
        name: z.string(),
        addresses: z.object({
          host: z.string(),
          peerPort: port,
          respPort: port,
          clusterPort: port,
          grpcPort: port,
          httpPort: port,
        }),
        bootCounter: count.transform(bootCounter),
        directory: hexId.transform(directoryId).optional(),
      }),
    ),
    metaReplicas: replicas,
    shards: z.array(
      z.object({
        group: count.transform(groupId),
        slots: z.array(z.object({ from: slotNumber, to: slotNumber })),
        replicas,
        epoch: count,
      }),
    ),
  })
  .transform((map): ClusterMap => {
    const nodes = map.nodes.map((info): [NodeId, NodeInfo] => [info.id, { ...info, directory: info.directory }]);
    return { ...map, nodes: new Map(nodes) };
  });

export const clusterMapToJson = (map: ClusterMap): ClusterMapJson => ({ ...map, nodes: [...map.nodes.values()] });

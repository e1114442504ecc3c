import { type ClusterId, isHexId, nodeId, SherdError, utf8, utf8Bytes } from "../base/index.ts";
import type { ClusterMap, NodeInfo } from "./types.ts";

const FORMAT = 1;

export function emptyMap(clusterId: ClusterId): ClusterMap {
  return { clusterId, version: 0, nodes: new Map(), metaReplicas: [], shards: [] };
}

/** JSON: read by people (plan files) and by machines; small and of rare change. */
export function encodeMap(map: ClusterMap): Uint8Array {
  return utf8Bytes(
    JSON.stringify({
      format: FORMAT,
      clusterId: map.clusterId,
      version: map.version,
      nodes: [...map.nodes.values()],
      metaReplicas: map.metaReplicas,
      shards: map.shards,
    }),
  );
}

type Encoded = Omit<ClusterMap, "nodes"> & { readonly format: number; readonly nodes: readonly NodeInfo[] };

/** `where` names the source in the error. */
export function decodeMap(bytes: Uint8Array, where: string): ClusterMap {
  let plain: Encoded;
  try {
    plain = JSON.parse(utf8(bytes)) as Encoded;
  } catch (error) {
    throw new SherdError("SHERD_DATA_FORMAT", `The cluster map in ${where} is not JSON.`, { cause: error });
  }
  if (plain.format !== FORMAT || !isHexId(plain.clusterId)) {
    throw new SherdError("SHERD_DATA_FORMAT", `The cluster map in ${where} has format ${plain.format}.`);
  }
  return {
    clusterId: plain.clusterId,
    version: plain.version,
    nodes: new Map(plain.nodes.map((node) => [nodeId(node.id), node])),
    metaReplicas: plain.metaReplicas,
    shards: plain.shards,
  };
}

/** The map with the node's announcement, or the same map when it says nothing newer. */
export function announceNode(map: ClusterMap, info: NodeInfo, version: number): ClusterMap {
  const known = map.nodes.get(info.id);
  // A stranger is not let in by announcing itself: joining is a decision of the operator, another entry.
  if (known === undefined || known.bootCounter >= info.bootCounter) return map;
  const nodes = new Map(map.nodes);
  nodes.set(info.id, { ...info, name: known.name });
  return { ...map, version, nodes };
}

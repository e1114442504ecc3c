import { type ClusterId, isHexId, nodeId, SherdError, utf8, utf8Bytes } from "../base/index.ts";
import type { ClusterMap, NodeInfo } from "./types.ts";
import { isUserList, type UsersChange } from "./users.ts";

const FORMAT = 1;
/** Of a map with users: a version that does not know of them must not read it, because it would let everybody in. */
const FORMAT_WITH_USERS = 2;

export function emptyMap(clusterId: ClusterId): ClusterMap {
  return { clusterId, version: 0, nodes: new Map(), metaReplicas: [], shards: [] };
}

/** JSON: read by people (plan files) and by machines; small and of rare change. */
export function encodeMap(map: ClusterMap): Uint8Array {
  return utf8Bytes(
    JSON.stringify({
      format: map.users === undefined ? FORMAT : FORMAT_WITH_USERS,
      clusterId: map.clusterId,
      version: map.version,
      nodes: [...map.nodes.values()],
      metaReplicas: map.metaReplicas,
      shards: map.shards,
      users: map.users,
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
  const { format, users } = plain;
  if (!isHexId(plain.clusterId) || (users === undefined ? format !== FORMAT : format !== FORMAT_WITH_USERS)) {
    throw new SherdError("SHERD_DATA_FORMAT", `The cluster map in ${where} has format ${format}.`);
  }
  if (users !== undefined && !(Number.isSafeInteger(users.version) && isUserList(users.list))) {
    throw new SherdError("SHERD_DATA_FORMAT", `The cluster map in ${where} has users that cannot be read.`);
  }
  return {
    clusterId: plain.clusterId,
    version: plain.version,
    nodes: new Map(plain.nodes.map((node) => [nodeId(node.id), node])),
    metaReplicas: plain.metaReplicas,
    shards: plain.shards,
    users,
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

/** The map with other users, or the same map when they were not made from those that it has. */
export function changeUsers(map: ClusterMap, change: UsersChange, version: number): ClusterMap {
  if (change.expected !== usersVersion(map)) return map;
  return { ...map, version, users: { version, list: change.list } };
}

export const usersVersion = (map: ClusterMap): number => map.users?.version ?? 0;

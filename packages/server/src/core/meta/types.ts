import type { BootCounter, ClusterId, DirectoryId, GroupId, NodeId, ReplicaId } from "../base/index.ts";

/** Where a node can be reached. Ports of one host; the host is a name or an IP as clients should see it. */
export interface NodeAddresses {
  readonly host: string;
  readonly peerPort: number;
  /** Forwards. */
  readonly respPort: number;
  /** Redirects; what CLUSTER SLOTS advertises. */
  readonly clusterPort: number;
  readonly grpcPort: number;
  readonly httpPort: number;
}

export interface NodeInfo {
  readonly id: NodeId;
  readonly name: string;
  readonly addresses: NodeAddresses;
  /** Which start the addresses are of: the highest counter wins. */
  readonly bootCounter: BootCounter;
  readonly directory: DirectoryId | undefined;
}

export interface ReplicaInfo {
  readonly replica: ReplicaId;
  readonly node: NodeId;
}

/** Inclusive on both ends, as Redis writes ranges. */
export interface SlotRange {
  readonly from: number;
  readonly to: number;
}

export interface ShardInfo {
  readonly group: GroupId;
  readonly slots: readonly SlotRange[];
  readonly replicas: readonly ReplicaInfo[];
  /** Grows with every change of the shard's slots. */
  readonly epoch: number;
}

/** A user, as `access` reads it. Both are latin1 of their bytes. */
export interface UserInfo {
  readonly name: string;
  /** In the words of ACL SETUSER, with hashes for passwords. */
  readonly rules: string;
}

/** All users but those that nobody has spoken of. */
export interface UserList {
  /** Index of the meta group's entry that made it; 0: what a node was started with, no entry yet. */
  readonly version: number;
  readonly list: readonly UserInfo[];
}

/** The cluster map: immutable; a change makes a new one with a higher version. */
export interface ClusterMap {
  readonly clusterId: ClusterId;
  /** Index of the meta group's entry that made it; 0: the bootstrap plan. */
  readonly version: number;
  readonly nodes: ReadonlyMap<NodeId, NodeInfo>;
  readonly metaReplicas: readonly ReplicaInfo[];
  readonly shards: readonly ShardInfo[];
  /** The same object until they change. Undefined: no user was ever set. */
  readonly users?: UserList | undefined;
}

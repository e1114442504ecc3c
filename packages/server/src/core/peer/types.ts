import type { BootCounter, ClusterId, DirectoryId, ErrorCode, NodeId } from "../base/index.ts";
import type { Disk, PeerLinks, PeerLinksHandler } from "../env/index.ts";
import type { NodeAddresses, NodeInfo } from "../meta/index.ts";

/** Who this node is, as it tells its peers. */
export interface PeerIdentity {
  readonly nodeId: NodeId;
  readonly clusterId: ClusterId;
  readonly directoryId: DirectoryId;
  /** Durable, and higher than at any earlier start on this directory. */
  readonly bootCounter: BootCounter;
  readonly name: string;
  readonly addresses: NodeAddresses;
}

export interface PeersOptions {
  readonly self: PeerIdentity;
  /** The nodes of the cluster map, or of the bootstrap plan. This node itself may be among them. */
  readonly members: readonly NodeInfo[];
  /** `host:port` of peers to ask for the others, at most `SEEDS_MAX`. */
  readonly seeds: readonly string[];
}

/** All that is needed of the data directory: the file `peers`. */
export type PeersDisk = Pick<Disk, "readFile" | "writeFile">;

export type NodeAddressBook = ReadonlyMap<NodeId, NodeInfo>;

export interface Peers extends PeerLinks {
  /** Every `TICK_MS`. After a stall once, not once for each tick missed: what peers sent meanwhile is read first. */
  tick(): void;
  /** A new cluster map. Its directory ids override what was heard from the nodes themselves. */
  update(members: readonly NodeInfo[]): void;
  /** All other nodes that were ever heard of, with the newest addresses known. A live view. */
  known(): NodeAddressBook;
  /** Counters since the start, for metrics. */
  numbers(): Readonly<Record<string, number>>;
  /** Closes all connections. No event comes after it. */
  close(): void;
}

export interface PeersHandler extends PeerLinksHandler {
  /** A node was heard of for the first time, or started again (perhaps elsewhere). */
  onAddresses?(info: NodeInfo): void;
  /**
   * The cluster does not let this node in: it has an emptied directory (SHERD_DATA_EMPTIED) or an old copy
   * (SHERD_DATA_OLDER_COPY). The node must end: under its old id it could vote twice.
   */
  onRefused(code: ErrorCode, detail: string): void;
}

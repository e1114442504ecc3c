import type { Logger } from "pino";
import type { BootCounter, ClusterId, DirectoryId, NodeId } from "../core/base/index.ts";
import type { ClusterMap, NodeAddresses, UserInfo } from "../core/meta/index.ts";
import type { NodeStatus } from "../core/node/index.ts";
import type { DebugCommand } from "../core/session/index.ts";
import type { CertificateFacts } from "../host/tls/index.ts";
import type { TlsSettings } from "./tls.ts";

export interface GrpcSettings {
  /** For calls that bring no deadline of their own. */
  readonly deadlineMs?: number | undefined;
  /** Calls worked on at once. */
  readonly inflightMax?: number | undefined;
  /** A line in the node's log for each call: method, length of the key, result, time taken. */
  readonly logRequests?: boolean | undefined;
}

/** Everything a node is started with. */
export interface NodeConfig {
  readonly name: string;
  readonly nodeId: NodeId;
  /** What handshakes compare: covers the bootstrap plan (`clusterIdOf`). */
  readonly clusterId: ClusterId;
  readonly directoryId: DirectoryId;
  /** Of this start; already durable. */
  readonly bootCounter: BootCounter;
  /** Absolute; holds `log`, `store` and `logs`, which exist, and is locked for this process. */
  readonly dataDirectory: string;
  /** Where others reach this node, from this start on. */
  readonly addresses: NodeAddresses;
  /** Where it listens, with the ports of `addresses`. */
  readonly listenHost: string;
  /** The map that the groups began from. Its addresses are those of the first start: the last resort. */
  readonly plan: ClusterMap;
  /** Peer addresses, `host:port` (`[host]:port` for IPv6), where other nodes may be. */
  readonly seeds: readonly string[];
  readonly logger: Logger;
  /** Of the row cache. */
  readonly cacheBytes: number;
  /** Undefined: plain text everywhere. */
  readonly tls?: TlsSettings;
  /** Users to begin with: in force until the cluster map has some, and offered to it. */
  readonly users?: readonly UserInfo[];
  /** Listens beyond loopback even where anybody may come in; else that is SHERD_INSECURE. */
  readonly insecure?: boolean;
  /** Whose DEBUG is run; undefined: nobody's. */
  readonly debugCommand?: DebugCommand;
  /** What was chosen for the gRPC port; the rest is its defaults. */
  readonly grpc?: GrpcSettings;
  /** Writes the error to the log and to stderr, and ends the process before anything else runs. */
  readonly fatal: (error: Error) => never;
}

/** A node that listens. */
export interface RunningNode {
  status(): NodeStatus;
  /** Every shard has a leader that this node knows, and this node serves. */
  readonly ready: Promise<void>;
  /** Gives its leaderships to other replicas; resolves when it leads nothing, or nothing that another could lead. */
  handOver(): Promise<void>;
  /** Reads certificates and keys again; those that cannot be used are logged, and the old ones stay in force. */
  reloadCertificates(): Promise<void>;
  /** What is in force. */
  readonly certificates: {
    readonly clients?: CertificateFacts | undefined;
    readonly peers?: CertificateFacts | undefined;
  };
  /** Stops listening, flushes, seals the log. */
  close(): Promise<void>;
}

export type StartNode = (config: NodeConfig) => Promise<RunningNode>;

import type { DurationHistogram, GroupId, Index, NodeId, ReplicaId, Term } from "../base/index.ts";
import type { LogStats } from "../log/index.ts";
import { type KeyspaceCounts, ShardMachine } from "../machine/index.ts";
import type { Role } from "../raft/index.ts";
import type { Replica } from "../replica/index.ts";
import type { StoreStats } from "../store/index.ts";
import type { Node } from "./node.ts";

/** Numbers of one replica on this node. Counters begin with the process. */
export interface ReplicaMetrics {
  readonly group: GroupId;
  readonly replica: ReplicaId;
  readonly role: Role;
  readonly stopped: boolean;
  readonly term: Term;
  readonly commit: Index;
  readonly applied: Index;
  readonly lastIndex: Index;
  readonly leaderChanges: number;
  readonly keys: number;
  readonly sessions: number;
  readonly snapshotsSent: number;
  readonly snapshotsFailed: number;
  readonly snapshotsInstalled: number;
}

/** What a node counts about itself; read when somebody asks, never computed on the way of a request. */
export interface NodeMetrics {
  readonly ready: boolean;
  readonly mapVersion: number;
  readonly diskFull: boolean;
  readonly peers: readonly { readonly name: string; readonly node: NodeId; readonly up: boolean }[];
  readonly replicas: readonly ReplicaMetrics[];
  /** How long each turn of the loop took; their count is the number of turns. */
  readonly passes: DurationHistogram;
  readonly log: LogStats;
  readonly logRetainedBytes: number;
  readonly store: StoreStats;
  readonly raftMemoryBytes: number;
  /** Requests that wait for a leader, or for a way to it. */
  readonly requestsWaiting: number;
  /** Requests that were forwarded to another node and have no answer yet. */
  readonly requestsForwarded: number;
  /** Since the start of the process. */
  readonly forwardsTotal: number;
  /** Parts of snapshots, sent to other nodes. */
  readonly transferSentBytes: number;
  /** This machine's clock less the middle of the cluster's clocks. */
  readonly clockOffsetMs: number;
  readonly keyspace: Readonly<KeyspaceCounts>;
}

export interface NodeCounts {
  readonly passes: DurationHistogram;
  readonly requestsWaiting: number;
  readonly requestsForwarded: number;
  readonly forwardsTotal: number;
  readonly transferSentBytes: number;
  readonly clockOffsetMs: number;
}

export function nodeMetrics(node: Node, counts: NodeCounts): NodeMetrics {
  return {
    ...counts,
    ready: node.status().ready,
    mapVersion: node.map.version,
    diskFull: node.diskFull,
    peers: [...node.map.nodes.values()]
      .filter(({ id }) => id !== node.id)
      .map(({ id, name }) => ({ name, node: id, up: node.isUp(id) })),
    replicas: [...node.replicas()].map((replica) => replicaMetrics(node, replica)),
    log: node.log.stats,
    logRetainedBytes: node.log.retainedBytes,
    store: node.store.stats,
    raftMemoryBytes: node.raft.memoryBytes,
    keyspace: node.figures.keyspace,
  };
}

function replicaMetrics(node: Node, replica: Replica): ReplicaMetrics {
  const { group, machine, transfers } = replica;
  return {
    group,
    replica: replica.id,
    role: replica.role,
    stopped: replica.stopped !== undefined,
    term: replica.term,
    commit: node.hardState(group).commit,
    applied: replica.applied,
    lastIndex: node.log.last(group),
    leaderChanges: replica.leaderChanges,
    keys: machine.keys,
    sessions: machine instanceof ShardMachine ? machine.sessions : 0,
    snapshotsSent: transfers.counts.sent,
    snapshotsFailed: transfers.counts.failed,
    snapshotsInstalled: transfers.counts.installed,
  };
}

import type { ReplicaMetrics } from "../../core/node/index.ts";
import { Role } from "../../core/raft/index.ts";
import { inGroup, type MetricDefinition } from "./metric.ts";
import { each, one } from "./samples.ts";

const group = "Shards";
const { gauge, counter } = inGroup(group);

/** What the shards of the map are called in INFO and `sherd status`. */
const shard = (replica: ReplicaMetrics): { shard: string } => ({
  shard: replica.group === 0 ? "meta" : String(replica.group),
});

const roleNames: readonly (readonly [keyof typeof Role, number])[] = Object.entries(Role) as [
  keyof typeof Role,
  number,
][];

/** A line for each replica on this node. */
const ofReplicas = (
  type: MetricDefinition["type"],
  name: string,
  help: string,
  value: (replica: ReplicaMetrics) => number,
): MetricDefinition => ({
  name,
  type,
  group,
  help,
  labels: ["shard"],
  collect: ({ node }) => each(node.replicas, shard, value),
});

export const SHARDS: readonly MetricDefinition[] = [
  {
    name: "sherd_raft_role",
    type: "gauge",
    group,
    help: "1 for the role that this node's replica of the shard has, 0 for the others.",
    labels: ["shard", "role"],
    collect: ({ node }) =>
      node.replicas.flatMap((replica) =>
        each(
          roleNames,
          ([role]) => ({ ...shard(replica), role }),
          ([, role]) => Number(replica.role === role),
        ),
      ),
  },
  ofReplicas("gauge", "sherd_raft_term", "Raft's term of the shard, as this replica knows it.", ({ term }) => term),
  ofReplicas(
    "gauge",
    "sherd_raft_commit_index",
    "The last entry that this replica knows to be committed.",
    ({ commit }) => commit,
  ),
  ofReplicas(
    "gauge",
    "sherd_raft_applied_index",
    "The last entry that this replica has applied.",
    ({ applied }) => applied,
  ),
  ofReplicas(
    "gauge",
    "sherd_raft_lag_entries",
    "Entries in this replica's log that it has not applied.",
    ({ lastIndex, applied }) => Math.max(0, lastIndex - applied),
  ),
  ofReplicas(
    "counter",
    "sherd_raft_leader_changes_total",
    "How often the shard got another leader.",
    ({ leaderChanges }) => leaderChanges,
  ),
  ofReplicas(
    "gauge",
    "sherd_raft_stopped",
    "1 when the replica does not run, because its data is damaged.",
    ({ stopped }) => Number(stopped),
  ),
  ofReplicas("gauge", "sherd_keys", "Keys that the replica holds.", ({ keys }) => keys),
  ofReplicas("gauge", "sherd_sessions", "Sessions that the replica keeps replies for.", ({ sessions }) => sessions),
  {
    name: "sherd_snapshots_sent_total",
    type: "counter",
    group,
    help: "Snapshots sent to other replicas of the shard, by result: ok, failed.",
    labels: ["shard", "result"],
    collect: ({ node }) =>
      node.replicas.flatMap((replica) => [
        ...one(replica.snapshotsSent, { ...shard(replica), result: "ok" }),
        ...one(replica.snapshotsFailed, { ...shard(replica), result: "failed" }),
      ]),
  },
  ofReplicas(
    "counter",
    "sherd_snapshots_installed_total",
    "Snapshots that replaced the replica's rows.",
    ({ snapshotsInstalled }) => snapshotsInstalled,
  ),
  counter(
    "sherd_snapshot_sent_bytes_total",
    "Bytes of snapshots sent to other nodes.",
    ({ node }) => node.transferSentBytes,
  ),
  counter(
    "sherd_keyspace_hits_total",
    "Keys that reads answered by this node looked for and found.",
    ({ node }) => node.keyspace.hits,
  ),
  counter(
    "sherd_keyspace_misses_total",
    "Keys that reads answered by this node looked for and that were not there.",
    ({ node }) => node.keyspace.misses,
  ),
  counter(
    "sherd_expired_keys_total",
    "Keys that had ended, and were removed or replaced by entries that this node proposed.",
    ({ node }) => node.keyspace.expired,
  ),
  gauge("sherd_raft_memory_bytes", "Memory of the Raft core, for all shards.", ({ node }) => node.raftMemoryBytes),
];

import type { ReplicaMetrics } from "../../core/node/index.ts";
import { Role } from "../../core/raft/index.ts";
import type { CommandStatistic } from "../../core/session/index.ts";
import { each, histogram, one } from "./samples.ts";
import type { Moment, Sample } from "./sources.ts";
import { TLS } from "./tls.ts";

/** A metric: what it is called, what it says, and where its lines come from. */
export interface MetricDefinition {
  /** Prometheus' conventions: the unit last, in base units; counters end in `_total`. */
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** Heading of docs/metrics.md. */
  readonly group: string;
  readonly help: string;
  readonly labels: readonly string[];
  collect(moment: Moment): Sample[];
}

/** What the shards of the map are called in INFO and `sherd status`. */
const shard = ({ group }: ReplicaMetrics): { shard: string } => ({ shard: group === 0 ? "meta" : String(group) });

const roleNames: readonly (readonly [keyof typeof Role, number])[] = Object.entries(Role) as [
  keyof typeof Role,
  number,
][];

/** A gauge or counter with a line for each replica on this node. */
const ofReplicas = (
  type: MetricDefinition["type"],
  name: string,
  help: string,
  value: (replica: ReplicaMetrics) => number,
): MetricDefinition => ({
  name,
  type,
  group: "Shards",
  help,
  labels: ["shard"],
  collect: ({ node }) => each(node.replicas, shard, value),
});

const ofNode = (
  group: string,
  type: "counter" | "gauge",
  name: string,
  help: string,
  value: (moment: Moment) => number,
): MetricDefinition => ({ name, type, group, help, labels: [], collect: (moment) => one(value(moment)) });

function statistics({ connections }: Moment): CommandStatistic[] {
  const all: CommandStatistic[] = [];
  connections.statistics.forEach((statistic) => all.push(statistic));
  return all;
}

function unsentBytes({ connections }: Moment): number {
  let bytes = 0;
  for (const connection of connections.all) bytes += connection.unsentBytes;
  return bytes;
}

const NODE: readonly MetricDefinition[] = [
  {
    name: "sherd_info",
    type: "gauge",
    group: "Node",
    help: "Always 1; the labels say which node this is, and of which version.",
    labels: ["node", "version"],
    collect: ({ name, version }) => one(1, { node: name, version }),
  },
  ofNode("Node", "gauge", "sherd_ready", "1 when every shard has a leader that this node knows, else 0.", ({ node }) =>
    Number(node.ready),
  ),
  ofNode(
    "Node",
    "gauge",
    "sherd_disk_full",
    "1 while the disk is nearly full and writes that add data are refused.",
    ({ node }) => Number(node.diskFull),
  ),
  ofNode(
    "Node",
    "gauge",
    "sherd_map_version",
    "Version of this node's copy of the cluster map.",
    ({ node }) => node.mapVersion,
  ),
  {
    name: "sherd_peer_up",
    type: "gauge",
    group: "Node",
    help: "1 while there is a connection in both directions to the other node.",
    labels: ["peer"],
    collect: ({ node }) =>
      each(
        node.peers,
        ({ name }) => ({ peer: name }),
        ({ up }) => Number(up),
      ),
  },
  ofNode(
    "Node",
    "gauge",
    "sherd_clock_offset_seconds",
    "This machine's clock less the middle of the cluster's clocks; more than 5 s away from it, the node does not lead.",
    ({ node }) => node.clockOffsetMs / 1_000,
  ),
  {
    name: "sherd_pass_duration_seconds",
    type: "histogram",
    group: "Node",
    help: "How long each turn of the node's loop took.",
    labels: [],
    collect: ({ node }) => histogram("sherd_pass_duration_seconds", node.passes),
  },
  ofNode(
    "Node",
    "gauge",
    "sherd_requests_waiting",
    "Requests that wait for a leader, or for a way to it.",
    ({ node }) => node.requestsWaiting,
  ),
  ofNode(
    "Node",
    "gauge",
    "sherd_requests_forwarded",
    "Requests that were forwarded to another node and have no answer yet.",
    ({ node }) => node.requestsForwarded,
  ),
  ofNode(
    "Node",
    "counter",
    "sherd_forwarded_requests_total",
    "Requests that were forwarded to another node; one that came back and was forwarded again counts again.",
    ({ node }) => node.forwardsTotal,
  ),
];

const COMMANDS: readonly MetricDefinition[] = [
  {
    name: "sherd_commands_total",
    type: "counter",
    group: "Commands",
    help: "Commands of Redis clients by name and result: ok; failed (run, or perhaps run, with an error); rejected (not run). Names that are not known are one: unknown.",
    labels: ["command", "result"],
    collect: (moment) => [
      ...statistics(moment).flatMap(({ name, calls, failed, rejected }) => [
        ...one(calls - failed, { command: name, result: "ok" }),
        ...one(failed, { command: name, result: "failed" }),
        ...one(rejected, { command: name, result: "rejected" }),
      ]),
      ...one(moment.connections.statistics.unknown, { command: "unknown", result: "rejected" }),
    ],
  },
  {
    name: "sherd_command_duration_seconds",
    type: "histogram",
    group: "Commands",
    help: "From a command's arrival to the end of the pass that answered it, for commands that were run.",
    labels: ["command"],
    collect: (moment) =>
      statistics(moment)
        .filter(({ calls }) => calls > 0)
        .flatMap(({ name, durations }) => histogram("sherd_command_duration_seconds", durations, { command: name })),
  },
  {
    name: "sherd_access_denied_total",
    type: "counter",
    group: "Commands",
    help: "What users were refused, on all ports: auth (a wrong password), command, key or channel (not in their rules).",
    labels: ["reason"],
    collect: ({ connections }) =>
      each(
        Object.entries(connections.access.log.counts),
        ([reason]) => ({ reason }),
        ([, count]) => count,
      ),
  },
  {
    name: "sherd_error_replies_total",
    type: "counter",
    group: "Commands",
    help: "Error replies to Redis clients, by their first word.",
    labels: ["kind"],
    collect: ({ connections }) =>
      each(
        connections.statistics.errors,
        ([kind]) => ({ kind }),
        ([, count]) => count,
      ),
  },
  {
    name: "sherd_grpc_calls_total",
    type: "counter",
    group: "Commands",
    help: "Calls of KVStore by method and result: ok, missing, the first word of the error, or gRPC's status.",
    labels: ["method", "result"],
    collect: ({ grpc }) =>
      each(
        grpc.results(),
        ({ method, result }) => ({ method, result }),
        ({ count }) => count,
      ),
  },
  {
    name: "sherd_grpc_call_duration_seconds",
    type: "histogram",
    group: "Commands",
    help: "How long calls of KVStore took.",
    labels: ["method"],
    collect: ({ grpc }) =>
      [...grpc.durations].flatMap(([method, durations]) =>
        histogram("sherd_grpc_call_duration_seconds", durations, { method }),
      ),
  },
];

const CONNECTIONS: readonly MetricDefinition[] = [
  ofNode(
    "Connections",
    "gauge",
    "sherd_connections",
    "Open connections of Redis clients.",
    ({ connections }) => connections.size,
  ),
  ofNode(
    "Connections",
    "counter",
    "sherd_connections_accepted_total",
    "Connections of Redis clients that were accepted.",
    ({ connections }) => connections.accepted,
  ),
  ofNode(
    "Connections",
    "counter",
    "sherd_connections_rejected_total",
    "Connections refused because there were too many.",
    ({ connections }) => connections.rejected,
  ),
  ofNode(
    "Connections",
    "gauge",
    "sherd_connection_input_bytes",
    "Memory that holds commands which have not arrived completely.",
    ({ connections }) => connections.input.takenBytes,
  ),
  ofNode(
    "Connections",
    "gauge",
    "sherd_connection_output_bytes",
    "Replies that clients have not taken yet.",
    unsentBytes,
  ),
];

const STORAGE: readonly MetricDefinition[] = [
  {
    name: "sherd_log_sync_duration_seconds",
    type: "histogram",
    group: "Storage",
    help: "How long each write to the log took until it was durable.",
    labels: [],
    collect: ({ node }) => histogram("sherd_log_sync_duration_seconds", node.log.syncs),
  },
  ofNode(
    "Storage",
    "counter",
    "sherd_log_written_bytes_total",
    "Bytes written to the log.",
    ({ node }) => node.log.writtenBytes,
  ),
  ofNode(
    "Storage",
    "counter",
    "sherd_log_entries_total",
    "Entries written to the log.",
    ({ node }) => node.log.entries,
  ),
  ofNode(
    "Storage",
    "gauge",
    "sherd_log_retained_bytes",
    "Bytes of the log that are still needed.",
    ({ node }) => node.logRetainedBytes,
  ),
  ofNode(
    "Storage",
    "gauge",
    "sherd_memtable_bytes",
    "Changed rows that are not in the engine yet.",
    ({ node }) => node.store.memtableBytes,
  ),
  ofNode(
    "Storage",
    "gauge",
    "sherd_cache_bytes",
    "Rows that are kept in memory and also in the engine.",
    ({ node }) => node.store.cacheBytes,
  ),
  ofNode(
    "Storage",
    "counter",
    "sherd_cache_hits_total",
    "Reads of rows that were answered from memory.",
    ({ node }) => node.store.cacheHits,
  ),
  ofNode(
    "Storage",
    "counter",
    "sherd_cache_misses_total",
    "Rows read from the engine.",
    ({ node }) => node.store.cacheMisses,
  ),
  ofNode(
    "Storage",
    "counter",
    "sherd_flushes_total",
    "Flushes of changed rows to the engine.",
    ({ node }) => node.store.flushes,
  ),
  ofNode(
    "Storage",
    "counter",
    "sherd_flushed_rows_total",
    "Rows that flushes took to the engine.",
    ({ node }) => node.store.flushedRows,
  ),
  {
    name: "sherd_engine_write_duration_seconds",
    type: "histogram",
    group: "Storage",
    help: "How long each batch of the engine took, from its first row until it was durable: flushes, snapshots, clearing.",
    labels: [],
    collect: ({ node }) => histogram("sherd_engine_write_duration_seconds", node.store.engineWrites),
  },
  ofNode(
    "Storage",
    "counter",
    "sherd_engine_written_bytes_total",
    "Keys and values given to the engine.",
    ({ node }) => node.store.engineWrittenBytes,
  ),
];

const SHARDS: readonly MetricDefinition[] = [
  {
    name: "sherd_raft_role",
    type: "gauge",
    group: "Shards",
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
    group: "Shards",
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
  ofNode(
    "Shards",
    "counter",
    "sherd_snapshot_sent_bytes_total",
    "Bytes of snapshots sent to other nodes.",
    ({ node }) => node.transferSentBytes,
  ),
  ofNode(
    "Shards",
    "gauge",
    "sherd_raft_memory_bytes",
    "Memory of the Raft core, for all shards.",
    ({ node }) => node.raftMemoryBytes,
  ),
];

export const metricDefinitions: readonly MetricDefinition[] = [
  ...NODE,
  ...COMMANDS,
  ...CONNECTIONS,
  ...STORAGE,
  ...SHARDS,
  ...TLS,
];

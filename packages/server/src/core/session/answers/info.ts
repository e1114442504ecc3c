import { SLOT_COUNT } from "../../base/index.ts";
import type { Connections } from "../connections.ts";
import { limitFields } from "./info-limits.ts";
import { clientBytes } from "./memory.ts";

/** Clients switch features by it: the Redis whose commands and replies are followed here. */
export const REDIS_COMPATIBLE_VERSION = "7.2.0";

type Field = readonly [name: string, value: string | number];

interface Section {
  readonly name: string;
  /** Shown only when it is asked for: by its name, or by `all`. */
  readonly extra?: true;
  readonly fields: (connections: Connections) => Field[];
}

const KIB = 1024;

/** As Redis writes sizes for people; redis-cli --stat shows them. */
function humanBytes(bytes: number): string {
  const units = ["B", "K", "M", "G", "T"];
  let at = 0;
  let value = bytes;
  for (; value >= KIB && at < units.length - 1; at += 1) value /= KIB;
  return at === 0 ? `${bytes}B` : `${value.toFixed(2)}${units[at]}`;
}

const seconds = (ms: number): number => Math.floor(ms / 1000);

function serverFields({ facts, node }: Connections): Field[] {
  const addresses = node.map.nodes.get(node.id)?.addresses;
  return [
    ["redis_version", REDIS_COMPATIBLE_VERSION],
    ["redis_mode", "cluster"],
    ["server_name", "sherd"],
    ["sherd_version", facts.version],
    ["os", facts.system],
    ["node_version", facts.nodeVersion],
    ["arch_bits", 64],
    ["process_id", facts.processId],
    ["run_id", node.id],
    ["tcp_port", addresses?.clusterPort ?? 0],
    ["server_time_usec", Math.round(facts.wallMs() * 1000)],
    ["uptime_in_seconds", seconds(facts.uptimeMs())],
    ["uptime_in_days", Math.floor(facts.uptimeMs() / 86_400_000)],
    ["config_file", ""],
  ];
}

function clientFields(connections: Connections): Field[] {
  const all = [...connections.all].map(({ load, socket }) => ({
    input: load.bufferedBytes,
    output: load.outputBytes + load.waitingBytes + socket.pendingBytes,
  }));
  const largest = (values: readonly number[]): number => values.reduce((most, value) => Math.max(most, value), 0);
  return [
    ["connected_clients", connections.size],
    ["cluster_connections", connections.node.status().peers.filter(({ up }) => up).length],
    ["maxclients", connections.settings.clientsMax],
    ["client_recent_max_input_buffer", largest(all.map(({ input }) => input))],
    ["client_recent_max_output_buffer", largest(all.map(({ output }) => output))],
    ["blocked_clients", connections.waits.waiting],
    ["tracking_clients", 0],
    ["monitors", connections.monitors.size],
    ["incomplete_input_bytes", connections.input.takenBytes],
  ];
}

function memoryFields(connections: Connections): Field[] {
  const { residentBytes, heapBytes } = connections.facts.memory();
  const { memoryBytes } = connections.facts;
  // Looked at once a second, and now.
  const peakBytes = Math.max(connections.upkeep.memoryPeakBytes, heapBytes);
  const { numbers } = connections.node.status();
  return [
    ["used_memory", heapBytes],
    ["used_memory_human", humanBytes(heapBytes)],
    ["used_memory_rss", residentBytes],
    ["used_memory_rss_human", humanBytes(residentBytes)],
    ["used_memory_peak", peakBytes],
    ["used_memory_peak_human", humanBytes(peakBytes)],
    ["used_memory_peak_perc", `${((100 * heapBytes) / Math.max(1, peakBytes)).toFixed(2)}%`],
    ["total_system_memory", memoryBytes],
    ["total_system_memory_human", humanBytes(memoryBytes)],
    // What keys take in memory: rows that were changed or read lately. All are on disk.
    ["used_memory_dataset", (numbers["store_memtable_bytes"] ?? 0) + (numbers["store_cache_bytes"] ?? 0)],
    ["maxmemory", 0],
    ["maxmemory_human", "0B"],
    ["maxmemory_policy", "noeviction"],
    ["mem_fragmentation_ratio", (residentBytes / Math.max(1, heapBytes)).toFixed(2)],
    ["mem_clients_normal", clientBytes({ connections })],
  ];
}

function statsFields(connections: Connections): Field[] {
  const { upkeep } = connections;
  const { counts, statistics } = connections.sinceReset;
  return [
    ["total_connections_received", counts.accepted],
    ["total_commands_processed", counts.commands],
    ["instantaneous_ops_per_sec", upkeep.commandsPerSecond],
    ["total_net_input_bytes", counts.inputBytes],
    ["total_net_output_bytes", counts.outputBytes],
    ["instantaneous_input_kbps", (upkeep.inputBytesPerSecond / KIB).toFixed(2)],
    ["instantaneous_output_kbps", (upkeep.outputBytesPerSecond / KIB).toFixed(2)],
    ["rejected_connections", counts.rejected],
    ["acl_access_denied_auth", connections.access.log.counts.auth],
    ["acl_access_denied_cmd", connections.access.log.counts.command],
    ["acl_access_denied_key", connections.access.log.counts.key],
    ["acl_access_denied_channel", connections.access.log.counts.channel],
    ["closed_idle_connections", counts.closedIdle],
    ["closed_slow_connections", counts.closedSlow],
    ["expired_keys", counts.expiredKeys],
    ["evicted_keys", 0],
    ["evicted_clients", counts.closedUnread],
    ["unread_reply_bytes", upkeep.unreadBytes],
    ["keyspace_hits", counts.keyspaceHits],
    ["keyspace_misses", counts.keyspaceMisses],
    // Nothing is ever forked.
    ["latest_fork_usec", 0],
    ["total_forks", 0],
    ["total_error_replies", [...statistics.errors.values()].reduce((sum, count) => sum + count, 0)],
    ["unknown_commands", statistics.unknown],
    ["pubsub_channels", connections.pubsub.channelCount],
    ["pubsub_patterns", connections.pubsub.patternCount],
    ["pubsubshard_channels", connections.pubsub.shardChannelCount],
    ["pubsub_unread_bytes", connections.pubsub.unread.bytes],
    ["pubsub_subscribers_closed", connections.pubsub.unread.closed],
  ];
}

function replicationFields({ node }: Connections): Field[] {
  const led = node.map.shards.filter((shard) => node.leaderOf(shard.group)?.node === node.id);
  return [
    // Every node leads some shards and follows in others; clients that ask want to know whether they may write.
    ["role", "master"],
    ["connected_slaves", 0],
    ["master_failover_state", "no-failover"],
    ["master_replid", node.id],
    ["master_repl_offset", node.figures.replication.applied],
    ["shards_led", led.length],
  ];
}

function sherdFields({ node }: Connections): Field[] {
  const { name, ready, mapVersion, groups, peers, numbers } = node.status();
  return [
    ["node_name", name],
    ["ready", ready ? 1 : 0],
    ["map_version", mapVersion],
    ["replicas", groups.length],
    ["replicas_stopped", groups.filter((group) => group.stopped !== undefined).length],
    ["peers_up", peers.filter((peer) => peer.up).length],
    ["peers_down", peers.filter((peer) => !peer.up).length],
    ["active_expiry", node.activeExpiry ? 1 : 0],
    ...Object.entries(numbers),
    ...limitFields,
  ];
}

function commandFields({ sinceReset }: Connections): Field[] {
  const fields: Field[] = [];
  sinceReset.statistics.forEach(({ name, calls, failed, rejected, durations }) => {
    const perCall = calls === 0 ? 0 : durations.sumUs / calls;
    const numbers = `calls=${calls},usec=${durations.sumUs},usec_per_call=${perCall.toFixed(2)}`;
    fields.push([`cmdstat_${name}`, `${numbers},rejected_calls=${rejected},failed_calls=${failed}`]);
  });
  return fields;
}

function latencyFields({ sinceReset, settings }: Connections): Field[] {
  const fields: Field[] = [];
  sinceReset.statistics.forEach(({ name, calls, durations }) => {
    if (calls === 0) return;
    const parts = settings.percentiles.map((part) => `p${part}=${durations.quantileUs(part / 100).toFixed(3)}`);
    fields.push([`latency_percentiles_usec_${name}`, parts.join(",")]);
  });
  return fields;
}

/** Redis' sections, with what is true here. A number that nobody counts is left out, not made up. */
const sections: readonly Section[] = [
  { name: "Server", fields: serverFields },
  { name: "Clients", fields: clientFields },
  { name: "Memory", fields: memoryFields },
  {
    name: "Persistence",
    fields: ({ facts }) => [
      // ioredis waits for this one to be 0. A node that cannot serve yet has no port open.
      ["loading", 0],
      ["async_loading", 0],
      ["rdb_changes_since_last_save", 0],
      ["rdb_bgsave_in_progress", 0],
      // What is acknowledged is on disk at any moment.
      ["rdb_last_save_time", seconds(facts.wallMs())],
      ["rdb_last_bgsave_status", "ok"],
      // There never was one.
      ["rdb_last_bgsave_time_sec", -1],
      ["rdb_current_bgsave_time_sec", -1],
      ["aof_enabled", 1],
      ["aof_rewrite_in_progress", 0],
      ["aof_rewrite_scheduled", 0],
      ["aof_last_bgrewrite_status", "ok"],
      ["aof_last_write_status", "ok"],
    ],
  },
  { name: "Stats", fields: statsFields },
  { name: "Replication", fields: replicationFields },
  {
    name: "CPU",
    fields: ({ facts }) => {
      const { userSeconds, systemSeconds } = facts.cpu();
      return [
        ["used_cpu_sys", systemSeconds.toFixed(6)],
        ["used_cpu_user", userSeconds.toFixed(6)],
        ["used_cpu_sys_children", "0.000000"],
        ["used_cpu_user_children", "0.000000"],
      ];
    },
  },
  { name: "Modules", fields: () => [] },
  { name: "Commandstats", extra: true, fields: commandFields },
  {
    name: "Errorstats",
    fields: ({ sinceReset }) =>
      [...sinceReset.statistics.errors].map(([kind, count]) => [`errorstat_${kind}`, `count=${count}`]),
  },
  { name: "Latencystats", extra: true, fields: latencyFields },
  { name: "Sherd", fields: sherdFields },
  {
    name: "Cluster",
    fields: ({ node }) => [
      ["cluster_enabled", 1],
      ["cluster_shards", node.map.shards.length],
      ["cluster_slots", SLOT_COUNT],
    ],
  },
  {
    name: "Keyspace",
    fields: ({ node }) => {
      // Of the shards that this node leads. How long keys live on average is not measured.
      const { keys, expiring } = node.figures.keyCounts;
      return keys === 0 ? [] : [["db0", `keys=${keys},expires=${expiring},avg_ttl=0`]];
    },
  },
];

/** The named sections; those that are usually wanted, or all of them. A section nobody knows is empty, as in Redis. */
export function infoText(connections: Connections, wanted: readonly string[]): string {
  const all = wanted.includes("all") || wanted.includes("everything");
  const usual = all || wanted.length === 0 || wanted.includes("default") || wanted.includes("");
  const texts: string[] = [];
  for (const section of sections) {
    const named = wanted.includes(section.name.toLowerCase());
    if (!named && !(section.extra === true ? all : usual)) continue;
    const lines = section.fields(connections).map(([name, value]) => `${name}:${value}\r\n`);
    texts.push(`# ${section.name}\r\n${lines.join("")}`);
  }
  return texts.join("\r\n");
}

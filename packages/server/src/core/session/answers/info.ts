import { CONNECTIONS_MAX, INPUT_BYTES_MAX, SLOT_COUNT } from "../../base/index.ts";
import type { Connections } from "../connections.ts";

/** Clients switch features by it: the Redis whose commands and replies are followed here. */
export const REDIS_COMPATIBLE_VERSION = "7.2.0";

type Field = readonly [name: string, value: string | number];

const MIB = 1024 * 1024;

/** Redis' sections, with what is true here. A number that nobody counts is left out, not made up. */
const sections: readonly { readonly name: string; readonly fields: (connections: Connections) => Field[] }[] = [
  {
    name: "Server",
    fields: ({ facts, node }) => [
      ["redis_version", REDIS_COMPATIBLE_VERSION],
      ["redis_mode", "cluster"],
      ["server_name", "sherd"],
      ["sherd_version", facts.version],
      ["os", facts.system],
      ["node_version", facts.nodeVersion],
      ["arch_bits", 64],
      ["process_id", facts.processId],
      ["run_id", node.id],
      ["tcp_port", node.map.nodes.get(node.id)?.addresses.clusterPort ?? 0],
      ["server_time_usec", Math.round(facts.wallMs() * 1000)],
      ["uptime_in_seconds", Math.floor(facts.uptimeMs() / 1000)],
      ["uptime_in_days", Math.floor(facts.uptimeMs() / 86_400_000)],
    ],
  },
  {
    name: "Clients",
    fields: (connections) => [
      ["connected_clients", connections.size],
      ["maxclients", CONNECTIONS_MAX],
      ["blocked_clients", 0],
      ["incomplete_input_bytes", connections.input.takenBytes],
      ["incomplete_input_bytes_max", INPUT_BYTES_MAX],
    ],
  },
  {
    name: "Memory",
    fields: ({ facts }) => {
      const { residentBytes, heapBytes } = facts.memory();
      return [
        ["used_memory", heapBytes],
        ["used_memory_human", `${(heapBytes / MIB).toFixed(2)}M`],
        ["used_memory_rss", residentBytes],
        ["used_memory_rss_human", `${(residentBytes / MIB).toFixed(2)}M`],
        ["maxmemory", 0],
        ["maxmemory_policy", "noeviction"],
      ];
    },
  },
  {
    name: "Persistence",
    fields: () => [
      // ioredis waits for this one to be 0. A node that cannot serve yet has no port open.
      ["loading", 0],
      ["async_loading", 0],
      ["rdb_bgsave_in_progress", 0],
      ["aof_enabled", 1],
    ],
  },
  {
    name: "Stats",
    fields: (connections) => [
      ["total_connections_received", connections.accepted],
      ["total_commands_processed", connections.commands],
      ["rejected_connections", connections.rejected],
      ["total_error_replies", connections.errors],
      ["pubsub_channels", connections.pubsub.channelCount],
      ["pubsub_patterns", connections.pubsub.patternCount],
      ["pubsubshard_channels", connections.pubsub.shardChannelCount],
      ["pubsub_unread_bytes", connections.pubsub.unread.bytes],
      ["pubsub_subscribers_closed", connections.pubsub.unread.closed],
    ],
  },
  {
    name: "Replication",
    fields: ({ node }) => {
      const led = node.map.shards.filter((shard) => node.leaderOf(shard.group)?.node === node.id);
      return [
        // Every node leads some shards and follows in others; clients that ask want to know whether they may write.
        ["role", "master"],
        ["connected_slaves", 0],
        ["shards_led", led.length],
      ];
    },
  },
  {
    name: "CPU",
    fields: ({ facts }) => {
      const { userSeconds, systemSeconds } = facts.cpu();
      return [
        ["used_cpu_sys", systemSeconds.toFixed(6)],
        ["used_cpu_user", userSeconds.toFixed(6)],
      ];
    },
  },
  {
    name: "Sherd",
    fields: ({ node }) => {
      const { name, ready, mapVersion, groups, peers, numbers } = node.status();
      return [
        ["node_name", name],
        ["ready", ready ? 1 : 0],
        ["map_version", mapVersion],
        ["replicas", groups.length],
        ["replicas_stopped", groups.filter((group) => group.stopped !== undefined).length],
        ["peers_up", peers.filter((peer) => peer.up).length],
        ["peers_down", peers.filter((peer) => !peer.up).length],
        ...Object.entries(numbers),
      ];
    },
  },
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
      const keys = node.keyCount("led");
      return keys === 0 ? [] : [["db0", `keys=${keys},expires=0,avg_ttl=0`]];
    },
  },
];

const EVERYTHING: readonly string[] = ["", "all", "default", "everything"];

/** The named sections, or all of them. A section nobody knows is empty, as in Redis. */
export function infoText(connections: Connections, wanted: readonly string[]): string {
  const all = wanted.length === 0 || wanted.some((name) => EVERYTHING.includes(name));
  const texts: string[] = [];
  for (const section of sections) {
    if (!all && !wanted.includes(section.name.toLowerCase())) continue;
    const lines = section.fields(connections).map(([name, value]) => `${name}:${value}\r\n`);
    texts.push(`# ${section.name}\r\n${lines.join("")}`);
  }
  return texts.join("\r\n");
}

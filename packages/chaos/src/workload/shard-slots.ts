import { setTimeout as sleep } from "node:timers/promises";
import { ClusterConnections, type SlotRange } from "@sherd/client";
import type { PlacedNode } from "../cluster/index.ts";
import { BACK_OFF_MS, SERVES_AGAIN_MS_MAX } from "../limits.ts";

/** The slots of each shard, as the cluster tells its clients once every shard has a leader. */
export async function shardSlots(nodes: readonly PlacedNode[], shards: number): Promise<readonly SlotRange[][]> {
  const connections = new ClusterConnections({
    seeds: nodes.map(({ host, clusterPort }) => ({ host, port: clusterPort })),
  });
  const untilMs = performance.now() + SERVES_AGAIN_MS_MAX;
  try {
    for (;;) {
      await connections.refresh();
      const ranges = [...connections.ranges].sort((left, right) => left.from - right.from);
      if (ranges.length === shards) return ranges.map((range) => [range]);
      if (performance.now() > untilMs) {
        throw new Error(`CLUSTER SLOTS tells ${ranges.length} ranges for ${shards} shards`);
      }
      await sleep(BACK_OFF_MS);
    }
  } finally {
    connections.destroy();
  }
}

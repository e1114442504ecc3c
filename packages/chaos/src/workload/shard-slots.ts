import { setTimeout as sleep } from "node:timers/promises";
import { RespConnection, type RespValue } from "@sherd/client";
import type { PlacedNode } from "../cluster/index.ts";
import { BACK_OFF_MS, SERVES_AGAIN_MS_MAX } from "../limits.ts";
import type { Slots } from "./key-ring.ts";

/** The slots of each shard, as a node tells its clients once it knows a leader of every shard. */
export async function shardSlots(nodes: readonly PlacedNode[], shards: number): Promise<readonly Slots[][]> {
  const [{ host, clusterPort }] = nodes as [PlacedNode, ...PlacedNode[]];
  const connection = new RespConnection({ host, port: clusterPort });
  const untilMs = performance.now() + SERVES_AGAIN_MS_MAX;
  try {
    for (;;) {
      const told = (list(await connection.call(["CLUSTER", "SHARDS"])) ?? []).map(shardOf);
      const led = told.filter((shard) => shard.hasLeader);
      if (led.length === shards) return led.map(({ ranges }) => ranges).sort(bySlot);
      if (performance.now() > untilMs) {
        throw new Error(
          `CLUSTER SHARDS tells ${told.length} shards, ${led.length} with a leader, instead of ${shards}`,
        );
      }
      await sleep(BACK_OFF_MS);
    }
  } finally {
    connection.destroy();
  }
}

const bySlot = ([left]: readonly Slots[], [right]: readonly Slots[]): number => (left?.from ?? 0) - (right?.from ?? 0);

const list = (value: RespValue | undefined): readonly RespValue[] | undefined =>
  Array.isArray(value) ? value : undefined;

const text = (value: RespValue | undefined): string | undefined =>
  value instanceof Uint8Array ? new TextDecoder().decode(value) : undefined;

/** In RESP2: names and values by turns. */
function shardOf(shard: RespValue): { readonly ranges: Slots[]; readonly hasLeader: boolean } {
  const slots = (list(fieldOf(shard, "slots")) ?? []).map(Number);
  const ranges: Slots[] = [];
  for (let at = 0; at + 1 < slots.length; at += 2)
    ranges.push({ from: slots[at] as number, to: slots[at + 1] as number });
  const members = list(fieldOf(shard, "nodes")) ?? [];
  return { ranges, hasLeader: members.some((member) => text(fieldOf(member, "role")) === "master") };
}

function fieldOf(pairs: RespValue, name: string): RespValue | undefined {
  const words = list(pairs) ?? [];
  const at = words.findIndex((word, place) => place % 2 === 0 && text(word) === name);
  return at === -1 ? undefined : words[at + 1];
}

import type { GroupId, Slot } from "../../base/index.ts";
import type { CommandSpec, Reply } from "../../command/index.ts";
import type { NodeApi } from "../../node/index.ts";
import type { Connection } from "../connection.ts";

/** Slots next to each other that one shard owns. */
export interface ShardSlots {
  readonly group: GroupId;
  readonly from: Slot;
  readonly to: Slot;
}

/**
 * The slots that a connection's commands about all keys concern, ascending: of the shards that this node leads where
 * clients ask every node, else of all.
 */
export function slotsFor({ redirect }: Connection, node: NodeApi): ShardSlots[] {
  const ranges: ShardSlots[] = [];
  for (const { group, slots } of node.map.shards) {
    if (redirect && node.leaderOf(group)?.node !== node.id) continue;
    for (const { from, to } of slots) ranges.push({ group, from: from as Slot, to: to as Slot });
  }
  return ranges.sort((left, right) => left.from - right.from);
}

/** One slot of each shard: requests find their shard by a slot. */
export function shardsOf(ranges: readonly ShardSlots[]): Map<GroupId, Slot> {
  const shards = new Map<GroupId, Slot>();
  for (const { group, from } of ranges) if (!shards.has(group)) shards.set(group, from);
  return shards;
}

/** Asks a shard, wherever its leader is: the node sees to that in bounded time. `complete` may be called at once. */
export function askShard(
  connection: Connection,
  node: NodeApi,
  spec: CommandSpec,
  slot: Slot,
  args: readonly Uint8Array[],
  complete: (reply: Reply) => void,
): void {
  // Never MOVED: this is a part of a command that the client sent to the right node.
  node.execute({ spec, args, slot, redirect: false, stale: connection.stale, complete });
}

import { type Address, parseClusterSlots, RespError, type RespValue, SLOT_COUNT } from "@sherd/client";
import { SherdError } from "../../core/base/index.ts";
import { openConnection } from "../target/resp.ts";

/**
 * Keys in the whole store. DBSIZE counts the shards that a node leads, so it is asked of every leader that CLUSTER SLOTS
 * names; a server that is no cluster is asked alone. Exact only while nobody writes and no leader changes.
 */
export async function countKeys(address: Address): Promise<number> {
  const connection = await openConnection(address);
  try {
    const slots = await connection.call(["CLUSTER", "SLOTS"]);
    if (slots instanceof RespError) return keyCount(await connection.call(["DBSIZE"]), address);
    const ranges = parseClusterSlots(slots, address.host);
    if (typeof ranges === "string") throw uncounted(address, ranges);
    const served = ranges.reduce((sum, range) => sum + range.to - range.from + 1, 0);
    if (served !== SLOT_COUNT) throw uncounted(address, `only ${served} of ${SLOT_COUNT} slots have a leader`);
    const leaders = new Map(ranges.map(({ leader }) => [`${leader.host}:${leader.port}`, leader]));
    let count = 0;
    for (const leader of leaders.values()) count += await countOfNode(leader);
    return count;
  } finally {
    connection.destroy();
  }
}

async function countOfNode(address: Address): Promise<number> {
  const connection = await openConnection(address);
  try {
    return keyCount(await connection.call(["DBSIZE"]), address);
  } finally {
    connection.destroy();
  }
}

function keyCount(reply: RespValue, address: Address): number {
  if (typeof reply === "number") return reply;
  throw uncounted(address, reply instanceof RespError ? reply.message : "DBSIZE did not answer a number");
}

function uncounted(address: Address, detail: string): SherdError {
  return new SherdError("SHERD_UNCOUNTED", `The keys cannot be counted at ${address.host}:${address.port}: ${detail}.`);
}

import { addressName, parseClusterSlots, RespError, type RespValue, SLOT_COUNT } from "@sherd/client";
import { SherdError } from "../../core/base/index.ts";
import type { TargetAddress } from "../options.ts";
import { openConnection } from "../target/resp.ts";

type Address = Omit<TargetAddress, "protocol">;

/**
 * Zero only if the whole store is empty. DBSIZE counts the shards that a node leads at that moment, so every node that
 * CLUSTER SLOTS names is asked, not only those that were leaders when it was answered; a server that is no cluster is
 * asked alone. Where replicas count too, as in Redis, the sum is larger than the number of keys.
 */
export async function countKeys(address: Address): Promise<number> {
  const connection = await openConnection(address);
  try {
    const slots = await connection.call(["CLUSTER", "SLOTS"]);
    if (slots instanceof RespError) return keyCount(await connection.call(["DBSIZE"]), address);
    const ranges = parseClusterSlots(slots, address.host);
    if (typeof ranges === "string") throw uncounted(address, ranges);
    // A shard without a leader is counted by nobody.
    const served = servedSlots(await connection.call(["CLUSTER", "INFO"]));
    if (served !== SLOT_COUNT) throw uncounted(address, `only ${served} of ${SLOT_COUNT} slots have a leader`);
    const nodes = new Map<string, Address>();
    for (const { leader, replicas } of ranges) {
      for (const node of [leader, ...replicas])
        nodes.set(addressName(node), { ...node, tls: address.tls, credentials: address.credentials });
    }
    let count = 0;
    for (const node of nodes.values()) count += await countOfNode(node);
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

function servedSlots(reply: RespValue): number {
  const text = reply instanceof Uint8Array ? Buffer.from(reply).toString("latin1") : reply;
  return typeof text === "string" ? Number(/^cluster_slots_ok:(\d+)\r?$/m.exec(text)?.[1] ?? 0) : 0;
}

function keyCount(reply: RespValue, address: Address): number {
  if (typeof reply === "number") return reply;
  throw uncounted(address, reply instanceof RespError ? reply.message : "DBSIZE did not answer a number");
}

function uncounted(address: Address, detail: string): SherdError {
  return new SherdError("SHERD_UNCOUNTED", `The keys cannot be counted at ${addressName(address)}: ${detail}.`);
}

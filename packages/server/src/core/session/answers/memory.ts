import { CONNECTION_OUTPUT_BYTES_PAUSE } from "../../base/index.ts";
import { bulkText, integer, OK, type Reply } from "../../command/index.ts";
import type { Answers, LocalCall } from "./types.ts";

const text = (value: string): Reply => ({ type: "verbatim", format: "txt", text: value });

/** Bytes of the connections' buffers. */
export function clientBytes({ connections }: Pick<LocalCall, "connections">): number {
  let bytes = 0;
  for (const { load, socket } of connections.all) {
    bytes += load.bufferedBytes + load.spareBytes + load.queuedBytes + load.outputCapacityBytes + load.waitingBytes;
    bytes += socket.pendingBytes;
  }
  return bytes;
}

function stats(call: LocalCall): Reply {
  const { facts, node } = call.connections;
  const { residentBytes, heapBytes } = facts.memory();
  const { numbers } = node.status();
  const { keys } = node.figures.keyCounts;
  const fields: [string, number][] = [
    ["total.allocated", heapBytes],
    ["resident", residentBytes],
    ["clients.normal", clientBytes(call)],
    ["keys.count", keys],
    ["raft", numbers["raft_memory_bytes"] ?? 0],
    ["store.memtable", numbers["store_memtable_bytes"] ?? 0],
    ["store.cache", numbers["store_cache_bytes"] ?? 0],
  ];
  return { type: "map", entries: fields.map(([name, value]) => [bulkText(name), integer(value)] as const) };
}

/** Of the resident memory, what is neither objects nor buffers: above it the collector, or an addon, holds much more. */
const UNEXPLAINED_PART = 0.7;
const SMALL_BYTES = 256 * 1024 * 1024;

function doctor(call: LocalCall): Reply {
  const { residentBytes, heapBytes } = call.connections.facts.memory();
  const findings: string[] = [];
  const clients = clientBytes(call);
  if (clients > 64 * CONNECTION_OUTPUT_BYTES_PAUSE) {
    findings.push(`Clients' buffers hold ${clients} bytes: CLIENT LIST shows whose (tot-mem).`);
  }
  if (residentBytes > SMALL_BYTES && residentBytes - heapBytes > residentBytes * UNEXPLAINED_PART) {
    findings.push(
      `${residentBytes - heapBytes} of ${residentBytes} resident bytes are not objects or buffers: memory of the Raft core ` +
        "never shrinks (raft_memory_bytes in INFO), and the engine has its own cache.",
    );
  }
  return text(findings.length === 0 ? "Nothing about this node's memory is unusual.\n" : `${findings.join("\n")}\n`);
}

export const memoryAnswers: Answers = {
  "memory|doctor": doctor,
  "memory|malloc-stats": () => text("Stats not supported for the current allocator"),
  // The collector decides by itself.
  "memory|purge": () => OK,
  "memory|stats": stats,
};

/**
 * keyspace: commands about all keys, which ask the shards for them.
 *
 * Invariants
 * - Every command asks in bounded portions, holds a bounded answer, and ends within a bounded time; SCAN with what it has.
 * - SCAN leaves out no key that is there all the time (why: `scan.ts`). No state of it is kept at the connection.
 * - The part of a client on the cluster port is what its node leads, because such clients ask every node.
 *
 * It does not: know where keys lie (the replica reads them) or judge when they have ended.
 */
export { keys, keysInSlot } from "./keys.ts";
export { scan } from "./scan.ts";
export { askShard, shardsOf, slotsFor } from "./shards.ts";

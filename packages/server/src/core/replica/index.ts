/**
 * replica: one group on one node. Turns requests into entries and read rounds, committed entries into replies.
 *
 * Invariants
 * - A write's reply is given only after its entry was applied here, so after a majority's disks held it.
 * - A request is given back (`reroute`) only if it certainly has and will have no effect; an unknown outcome is
 *   answered INDETERMINATE, never retried.
 * - A read is served at an applied index that a read round begun after its arrival has confirmed.
 * - Writes of one connection keep their order: nothing is proposed while a batch of an older term is unresolved.
 * - Reads that cost much wait for their turns where they stay: the state that they see then is newer, never older.
 * - Entries are applied in order, each when all its rows are resident.
 * - What applying an entry takes, in memory and in work, has a limit, which the leader keeps when it makes the entry.
 *
 * It does not: find leaders (node/router), keep time (ticks come from the node), or write the log (the node does, for
 * all of its replicas in one frame).
 */
export { ExpiryTurns } from "./expiry-turns.ts";
export { ReadTurns } from "./read-turns.ts";
export { type RecoveryPlan, recoverGroup } from "./recover.ts";
export { Replica } from "./replica.ts";
export type { ReplicaHost, Request, Rerouted, Serving } from "./types.ts";

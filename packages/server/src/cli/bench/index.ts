/**
 * bench: what `sherd bench` does: closed loops of puts, gets and deletes, and leaders killed under load.
 *
 * Invariants
 * - A figure is a function of what was recorded: statistics and failover analysis have no clock and no network.
 * - Failed operations are in no latency and no rate; they are counted by kind and make the exit code tell.
 * - Only a process that holds the lock of a node's data directory is ever killed.
 * - docs/bench.md says what each figure means; a change of one changes the other.
 *
 * It does not: start a store, or judge whether a figure is good.
 */
export { benchFailover } from "./failover.ts";
export type { LoadPlan } from "./load.ts";
export { benchLoad } from "./run.ts";

/**
 * workload: what clients do, what they saw, and whether it can be.
 *
 * Invariants
 * - An operation is recorded before it is sent and ended after its answer: the recorded interval contains the real one.
 * - Every written value is written once. A history is bounded, so that the checker decides it; one that it does not
 *   decide is counted.
 * - The checkers are the simulator's.
 *
 * It does not: connect to anything, or break anything.
 */
export { type Gap, Gaps } from "./gaps.ts";
export { KeyRing } from "./key-ring.ts";
export { readKeys } from "./read-keys.ts";
export { Recorder } from "./recorder.ts";
export { shardSlots } from "./shard-slots.ts";
export { type BrokenHistory, checkHistories, type Verdicts } from "./verdict.ts";
export { Worker, type Workload } from "./worker.ts";

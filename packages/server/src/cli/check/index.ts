/**
 * check: what `sherd check` does: one operation after the other, each answer compared with a dictionary.
 *
 * Invariants
 * - The operations are a function of the seed and the number of iterations alone; a printed seed repeats them.
 * - Nothing is excused: an error, whatever its reason, is a difference.
 *
 * It does not: test concurrency (the simulator does) or start a store.
 */
export { countKeys } from "./count.ts";
export { type CheckPlan, type Difference, runCheck } from "./run.ts";

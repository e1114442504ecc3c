/**
 * checkers: whether what was seen keeps the store's promises.
 *
 * Invariants
 * - A checker never guesses: what it cannot decide within its bound is counted as undecided and said in the summary.
 * - What happens at one moment is checked at that moment, so that the trace ends where the promise broke.
 * - Every checker is itself tested with histories that it must refuse; the searching ones also against Porcupine.
 *
 * It does not: make anything happen.
 */

export { checkAborts } from "./aborts.ts";
export { Agreement, compareStates, type ReplicaState } from "./agreement.ts";
export { Histories, type Wanted } from "./histories.ts";
export { type Command, describe, isRead, type Operation, type Outcome, type Watched } from "./history.ts";
export { checkKey, type Verdict } from "./linearizability.ts";
export { checkStaleReads, type StaleRead } from "./stale.ts";
export { checkSurveys, type Survey } from "./surveys.ts";

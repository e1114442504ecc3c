/**
 * checkers: whether what was seen keeps the store's promises.
 *
 * Invariants
 * - A checker never guesses: what it cannot decide within its bound is counted as undecided and said in the summary.
 * - What happens at one moment is checked at that moment, so that the trace ends where the promise broke.
 *
 * It does not: make anything happen.
 */
export { Agreement, compareStates, type ReplicaState } from "./agreement.ts";
export {
  type DeleteOperation,
  describe,
  type GetOperation,
  type Operation,
  type Outcome,
  type SetOperation,
} from "./history.ts";
export { checkKey, type Verdict } from "./linearizability.ts";

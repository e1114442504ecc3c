/**
 * bugs: deliberate ones, so that a simulation that finds nothing is known to be able to find something.
 *
 * Invariants
 * - Production code knows nothing of them: each wraps an interface from outside.
 * - Each stands for a class of bugs that stores built on Raft have had.
 *
 * It does not: take part in normal runs.
 */
export { type Bug, bugByName, bugs } from "./bugs.ts";
export { findBug } from "./find.ts";

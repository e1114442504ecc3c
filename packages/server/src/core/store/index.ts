/**
 * store: the rows of all replicas of a node, between the state machines (which see them in memory only) and the engine
 * (which keeps them).
 *
 * Invariants
 * - Commands run on resident rows. `get` answers from memory or says that it cannot; `fetch` makes rows resident.
 * - A fetch never replaces a resident row: a cell stands in memory, pinned, from before the engine is asked until after
 *   it has answered, and whatever changed the cell meanwhile is newer than the answer.
 * - The engine holds each space as it was between two entries: rows, system rows and applied index go in one batch.
 * - One batch at a time, in the order in which they were asked for. Each carries a number; a hole among the last
 *   FLUSH_MARKERS_KEPT of them is found at open and refused.
 * - A space that is cleared goes on under another number: rows of its generations never meet, whatever is under way.
 * - A generation that began empty in this process has a filter of its keys, so that new ones are answered without the
 *   engine (`KeyFilter` says why it is never wrong). After a restart there is none, and absent rows are read as others are.
 * - Numbers of spaces are never reused. Rows are deleted by a command's entry or because their space's record says
 *   `clearing`, never because they look orphaned.
 * - The time to open does not depend on the number of rows.
 *
 * It does not: know what a command is, judge expiry, or keep a log. What was applied and not flushed is lost in a
 * crash, and the log applies it again.
 */
export { MemoryEngine, type MemoryImage } from "./memory-engine.ts";
export { openStore } from "./store.ts";
export * from "./types.ts";

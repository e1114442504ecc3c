/**
 * node: production nodes (`core/node`, log, store, Raft core) as processes of simulated machines.
 *
 * Invariants
 * - A process may end at any request to env: the code that made the request is unwound and nothing of that process runs
 *   again. Its machine keeps the disk and the rows that were durable in the engine, nothing else.
 * - A process that ends without a reason that the fault plan gave it, or throws, fails the run.
 * - What stands between core and env only watches; deliberate bugs (`Sabotage`) are wrapped around it from outside.
 *
 * It does not: decide when faults happen, or judge what it watches.
 */
export type { Clocks } from "./env.ts";
export { Machine, type MachineOptions, type Sizes } from "./machine.ts";
export { type RaftWatcher, replaceMethods } from "./observed-raft.ts";
export type { CrashKind, SimProcess } from "./process.ts";
export type { CommandOf, Sabotage, Sabotaged } from "./sabotage.ts";
export type { NodeWatcher, RowChange } from "./watcher.ts";

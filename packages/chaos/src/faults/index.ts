/**
 * faults: what happens to the nodes, when, and how it ends.
 *
 * Invariants
 * - The schedule (kinds, nodes, durations, order) is a function of the seed and the options.
 * - Never more nodes are away at once than the replicas can spare, except when all are killed together.
 * - Every fault ends: by its duration, or because the run stops.
 * - A node that ends by itself is a broken promise, unless its disk was full.
 *
 * It does not: judge what clients saw.
 */
export { Faults, type Injected } from "./faults.ts";
export { Nodes } from "./nodes.ts";
export { describeFault, FAULT_KINDS, type FaultKind, schedule } from "./schedule.ts";

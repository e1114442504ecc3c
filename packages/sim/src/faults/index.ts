/**
 * faults: what goes wrong, and when.
 *
 * Invariants
 * - The budget: disks keep what they acknowledged, so everything else may fail as often as it likes, on all nodes at once.
 * - After `stop` nothing is wrong any more: all nodes run, all links can be made, all disks answer.
 *
 * It does not: know how a fault is made (disk, network and node do).
 */
export { Budget, type Soundness } from "./budget.ts";
export { FAULT_KINDS, type FaultKind, type FaultPlan, Faults } from "./faults.ts";
export type { FaultParameter, FaultStep } from "./step.ts";

/**
 * faults: what goes wrong, and when.
 *
 * Invariants
 * - A run's faults are a list of steps, drawn from its seed before it begins. Each has random numbers of its own, so that
 *   one that is left out changes nothing about the others.
 * - The budget: disks of a minority of each group may become unsound; all others keep what they acknowledged. Everything
 *   else may fail as often as it likes, on all nodes at once. Runs beyond the budget say so.
 * - After `stop` nothing is wrong any more, but for disks that are unsound: all nodes are started, all links can be made,
 *   all disks answer.
 *
 * It does not: know how a fault is made (disk, network and node do).
 */
export { Budget, type Soundness } from "./budget.ts";
export type { FaultPlan } from "./fault.ts";
export { Faults, type FaultsOptions } from "./faults.ts";
export { ADDRESS_FAULTS, CLOCK_FAULTS, DISK_FAULTS, FAULT_KINDS, NETWORK_FAULTS, PROCESS_FAULTS } from "./schedule.ts";
export type { FaultParameter, FaultStep } from "./step.ts";

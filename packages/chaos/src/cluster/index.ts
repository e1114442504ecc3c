/**
 * cluster: real `sherd node` processes, for the chaos program and for the tests of `test/`.
 *
 * Invariants
 * - Ports are given out once by a process and lie below those that the system takes for outgoing connections.
 * - Nodes end with the process that started them.
 *
 * It does not: know a test runner, or dispose of itself.
 */
export { type PlacedCluster, type PlacedNode, ProcessCluster, type ProcessClusterOptions } from "./cluster.ts";
export { SherdProcess } from "./node-process.ts";
export { freePorts } from "./ports.ts";

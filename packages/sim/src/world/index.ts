/**
 * world: virtual time, seeded randomness, and what a run leaves behind (trace, coverage, violations).
 *
 * Invariants
 * - One queue holds everything that will happen. Events of one moment run in the order in which they were scheduled.
 * - All randomness comes from one 64-bit seed, by named streams.
 * - The trace hash covers every message, reply and change of state that passes the simulation's hands.
 *
 * It does not: know nodes, networks or clients.
 */
export { Coverage } from "./coverage.ts";
export { Random } from "./random.ts";
export { Violation } from "./violation.ts";
export { World } from "./world.ts";

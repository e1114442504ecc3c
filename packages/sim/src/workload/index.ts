/**
 * workload: clients of the simulated cluster, and the record of what they did and saw.
 *
 * Invariants
 * - Values are unique. A retry is an operation of its own, with a value of its own.
 * - A refusal is taken at its word: the operation had no effect and never will.
 * - The bytes given with a request are overwritten when the call returns.
 * - Clients speak RESP to production sessions (`core/session`), over streams that come in pieces.
 *
 * It does not: judge what it records.
 */
export { call, judge, slotOf } from "./call.ts";
export { type Load, makeClients } from "./clients.ts";
export { Recorder } from "./recorder.ts";
export { Surveyor } from "./surveyor.ts";

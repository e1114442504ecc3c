/**
 * workload: clients of the simulated cluster, and the record of what they did and saw.
 *
 * Invariants
 * - Values are unique. A retry is an operation of its own, with a value of its own.
 * - A refusal is taken at its word: the operation had no effect and never will.
 * - The bytes given with a request are overwritten when the call returns.
 *
 * It does not: speak RESP (requests go to `NodeApi.execute`, below `core/session`), or judge what it records.
 */
export { call, judge, slotOf } from "./call.ts";
export { ANSWER_MS_MAX, Client, type Habits } from "./client.ts";
export { Recorder } from "./recorder.ts";

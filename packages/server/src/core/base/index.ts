/**
 * base: what every other part stands on.
 *
 * Assertions, coded errors, byte readers and writers, branded ids, a checksum, Redis' patterns, histograms of durations,
 * complaints at a bounded rate, and the limits of the whole store.
 *
 * Invariants
 * - Imports nothing from other folders.
 * - Every limit of the store has its name and its reason in `limits.ts` or `work-limits.ts`; code elsewhere never writes
 *   such a number.
 * - Every error a person can meet has its code and its advice in `errors.ts`.
 *
 * It does not: do I/O, keep time, or know what a shard is.
 */
export { assert, InvariantViolation, unreachable } from "./assert.ts";
export { BatchSize } from "./batch-size.ts";
export { ByteReader, ByteWriter, bytesEqual, compareBytes, concatBytes, EMPTY_BYTES, ShortInput } from "./bytes.ts";
export { Complaints } from "./complaints.ts";
export { crc32 } from "./crc32.ts";
export { DurationHistogram } from "./duration-histogram.ts";
export { type ErrorCode, errorCatalogue, SherdError } from "./errors.ts";
export { Glob } from "./glob.ts";
export * from "./ids.ts";
export * from "./limits.ts";
export { MARKS, type Mark, mark, observeMarks } from "./marks.ts";
export { latin1, latin1Bytes, utf8, utf8Bytes } from "./text.ts";
export * from "./work-limits.ts";

/**
 * host/leveldb: the engine that real nodes use, on classic-level (LevelDB 1.20).
 *
 * Invariants
 * - Every batch is written with `sync`. Without it LevelDB loses older batches while newer ones survive a power loss
 *   (design 6), which no marker behind it could repair.
 * - The engine never fills libuv's pool: the log's writes go through the same threads. One write at a time, and as many
 *   reads as leave half of the pool alone.
 * - A failed write or read ends the node. Bytes that LevelDB finds damaged are reported with the rows concerned.
 *
 * It does not: verify checksums of what it reads (LevelDB can, classic-level does not let it): the store's rows carry
 * their own.
 */
export { type LevelEngineOptions, openLevelEngine } from "./engine.ts";

/**
 * disk: the device of a simulated machine, and its faults.
 *
 * Fault model
 * - A write whose completion was delivered is durable. Of one under way, a power failure leaves any subset of its 512-byte
 *   sectors; a sector is written whole or not at all, and the other bytes of a sector that is written again survive.
 * - A process that is killed leaves its page cache: what was under way may be seen by the next process and still be
 *   lost to a later power failure, unless that process syncs it. The same holds for the name of a file.
 * - A file being made may be absent, or shorter than it should be.
 * - On demand: reads and writes fail (a failed write leaves any part of itself), the disk fills up, hangs or is slow, bits
 *   of old records flip, a write goes to another place. The last two never hit the last completed write: nothing behind it
 *   would tell that from a torn one.
 *
 * Invariants
 * - Everything comes from the world's seed and its virtual time.
 * - After `crash` nothing of the old incarnation completes, and its code that goes on is stopped by `SimCrashed`.
 *
 * It does not: model directories beyond names, decide when it is unsound, or reorder writes of one file (the log never has two under way).
 */
export { SimCrashed, SimDisk, type SimDiskOptions, type SimRequest, type SimWorld } from "./disk.ts";

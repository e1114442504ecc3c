/**
 * log: the node's write-ahead log, one for all of its groups. docs/formats/log.md describes its bytes.
 *
 * What the passes gather while a write runs becomes one frame: one checksum, one write, one wait for the disk. Frames
 * fill segments, which are zero-filled ahead of time and used again and again; recovery reads them back.
 *
 * Invariants
 * - `done` means durable, and is called in the order of the calls.
 * - One write is under way at a time and is one frame, so only the final frame can be torn. Recovery cuts that one frame
 *   and refuses anything else that does not add up.
 * - A record says enough to start from: its group's hard state, and what comes before its entries. So segments can go
 *   from the front without anything being rewritten, except for groups that have written nothing since: those are
 *   carried.
 * - A frame says which segments are not needed once it is durable. A segment's file is used again only after that.
 * - Nothing above `release`'s `durable` is ever dropped.
 *
 * It does not: interpret entries, know roles or commit anything, keep entries in memory once they are written, or retry
 * a failed write.
 */
export { openLog } from "./log.ts";
export * from "./types.ts";

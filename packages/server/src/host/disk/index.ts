/**
 * disk: the files of a data directory on the real machine, and the lock that keeps a second process out.
 *
 * Invariants
 * - A write that has completed is on the device: `O_DSYNC` on Linux, `fdatasync` elsewhere; names by syncing the
 *   directory that holds them.
 * - A failed write or sync is never tried again: it is given to `fatal`, with the file's name.
 * - Completions come from the event loop, never from inside the call.
 *
 * It does not: know what is in the files.
 */
export { openHostDisk } from "./disk.ts";
export { type DirectoryLock, lockDirectory, lockHolder } from "./lock.ts";

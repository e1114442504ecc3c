/**
 * Files of one node's data directory. Paths are relative to it, with `/`; "" is the directory itself.
 *
 * Synchronous calls are for start-up and for small files of rare change; while a node serves, the log uses the
 * asynchronous ones only. A failed write or sync is given to `Env.fatal`; a failed read at start-up is thrown as
 * `SHERD_DISK_READ_FAILED`.
 */
export interface Disk {
  /** Names in a directory, sorted; empty when it does not exist. */
  list(directory: string): string[];
  /** With its parents; durable. */
  makeDirectory(directory: string): void;
  /** Whole content, or undefined when there is no such file. */
  readFile(path: string): Uint8Array | undefined;
  /** Durable and atomic: written beside, synced, renamed, directory synced. After a crash: the old content or the new. */
  writeFile(path: string, bytes: Uint8Array): void;
  /** Durable: the directory is synced. */
  removeFile(path: string): void;
  size(path: string): number;
  /** Fills `target` from `position` on; returns how many bytes there were, fewer at the end of the file. Start-up only. */
  readInto(path: string, position: number, target: Uint8Array): number;
  /**
   * Makes a file's content, or a directory's names, durable. Start-up only: what a killed process left in the page
   * cache can be read although a power failure would still take it back.
   */
  sync(path: string): void;
  /** Creates a file of `bytes` zeros, synced, in a directory that is synced after it. Long: a background task. */
  createZeroed(path: string, bytes: number, done: () => void): void;
  /** Opens an existing file for writes that are durable when they complete (`O_DSYNC`, or `fdatasync` after each). */
  open(path: string): DiskFile;
  /** Free bytes of the file system that holds the directory. */
  freeBytes(done: (free: number) => void): void;
}

export interface DiskFile {
  /** Durable when `done` is called. One write of a file at a time; parts lie one behind the other. */
  write(position: number, parts: readonly Uint8Array[], done: () => void): void;
  /** Fewer bytes at the end of the file. Reads may run beside each other and beside a write. */
  read(position: number, length: number, done: (bytes: Uint8Array) => void): void;
  close(): void;
}

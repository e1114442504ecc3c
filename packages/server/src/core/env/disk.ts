/**
 * Files of one node's data directory. Paths are relative to it, with `/`.
 *
 * Synchronous calls are for start-up and for small files of rare change; while a node serves, the log uses the
 * asynchronous ones only.
 */
export interface Disk {
  /** Names in a directory, sorted; empty when it does not exist. */
  list(directory: string): string[];
  makeDirectory(directory: string): void;
  /** Whole content, or undefined when there is no such file. */
  readFile(path: string): Uint8Array | undefined;
  /** Durable and atomic: written beside, synced, renamed, directory synced. After a crash: the old content or the new. */
  writeFile(path: string, bytes: Uint8Array): void;
  /** Durable: the directory is synced. */
  removeFile(path: string): void;
  size(path: string): number;
  /** Bytes [position, position + length), fewer at the end of the file. Start-up only. */
  readAt(path: string, position: number, length: number): Uint8Array;
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
  read(position: number, length: number, done: (bytes: Uint8Array) => void): void;
  close(): void;
}

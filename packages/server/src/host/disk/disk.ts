import {
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  statfs,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { SherdError } from "../../core/base/index.ts";
import type { Disk, DiskFile, Env } from "../../core/env/index.ts";
import { isMissing, readFailed, type SystemError, writeFailed } from "./errors.ts";
import { NodeFile } from "./file.ts";

/** Zeros are written and synced in pieces: one sync of a whole segment would stand in front of the log's writes. */
const ZERO_PIECE_BYTES = 1024 * 1024;
const BESIDE = ".new";

/** The files below `root`, which exists. Failed writes, and failed reads after start-up, go to `env.fatal`. */
export function openHostDisk(root: string, env: Pick<Env, "fatal">): Disk {
  return new HostDisk(root, (error) => env.fatal(error));
}

class HostDisk implements Disk {
  readonly #root: string;
  readonly #fatal: (error: SherdError) => never;

  constructor(root: string, fatal: (error: SherdError) => never) {
    this.#root = root;
    this.#fatal = fatal;
  }

  list(directory: string): string[] {
    return this.#readingIfThere(directory, (path) => readdirSync(path).sort()) ?? [];
  }

  makeDirectory(directory: string): void {
    this.#writing(directory, (path) => {
      const first = mkdirSync(path, { recursive: true });
      if (first === undefined) return;
      // Each directory that was made is a name in the one above it.
      for (let made = path; ; made = dirname(made)) {
        syncPath(dirname(made));
        if (made === first) return;
      }
    });
  }

  readFile(path: string): Uint8Array | undefined {
    return this.#readingIfThere(path, (file) => readFileSync(file));
  }

  writeFile(path: string, bytes: Uint8Array): void {
    this.#writing(path, (file) => {
      writeFileSync(file + BESIDE, bytes);
      syncPath(file + BESIDE);
      renameSync(file + BESIDE, file);
      syncPath(dirname(file));
    });
  }

  removeFile(path: string): void {
    this.#writing(path, (file) => {
      unlinkSync(file);
      syncPath(dirname(file));
    });
  }

  size(path: string): number {
    return this.#reading(path, (file) => statSync(file).size);
  }

  readInto(path: string, position: number, target: Uint8Array): number {
    return this.#reading(path, (file) => {
      const descriptor = openSync(file, constants.O_RDONLY);
      try {
        let length = 0;
        while (length < target.length) {
          const count = readSync(descriptor, target, length, target.length - length, position + length);
          if (count === 0) break;
          length += count;
        }
        return length;
      } finally {
        closeSync(descriptor);
      }
    });
  }

  sync(path: string): void {
    this.#writing(path, syncPath);
  }

  createZeroed(path: string, bytes: number, done: () => void): void {
    const file = join(this.#root, path);
    // Through the event loop: what `done` throws must not become a rejected promise.
    createZeroed(file, bytes).then(
      () => setImmediate(done),
      (error: SystemError) => setImmediate(() => this.#fatal(writeFailed(file, error))),
    );
  }

  open(path: string): DiskFile {
    return new NodeFile(join(this.#root, path), this.#fatal);
  }

  freeBytes(done: (free: number) => void): void {
    statfs(this.#root, (error, stats) => {
      if (error !== null) this.#fatal(readFailed(this.#root, error));
      done(stats.bavail * stats.bsize);
    });
  }

  #reading<T>(path: string, read: (file: string) => T): T {
    const file = join(this.#root, path);
    try {
      return read(file);
    } catch (error) {
      throw readFailed(file, error as SystemError);
    }
  }

  #readingIfThere<T>(path: string, read: (file: string) => T): T | undefined {
    const file = join(this.#root, path);
    try {
      return read(file);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw readFailed(file, error as SystemError);
    }
  }

  #writing(path: string, write: (file: string) => void): void {
    const file = join(this.#root, path);
    try {
      write(file);
    } catch (error) {
      this.#fatal(writeFailed(file, error as SystemError));
    }
  }
}

/** A file's content, or a directory's names. */
function syncPath(path: string): void {
  const descriptor = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

async function createZeroed(path: string, bytes: number): Promise<void> {
  const zeros = new Uint8Array(Math.min(ZERO_PIECE_BYTES, bytes));
  const file = await open(path, "wx");
  try {
    for (let at = 0; at < bytes; ) {
      const { bytesWritten } = await file.write(zeros, 0, Math.min(zeros.length, bytes - at), at);
      at += bytesWritten;
      await file.datasync();
    }
    await file.sync();
  } finally {
    await file.close();
  }
  const directory = await open(dirname(path), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

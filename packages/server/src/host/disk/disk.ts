import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { SherdError } from "../../core/base/index.ts";
import type { Disk, DiskFile, Env } from "../../core/env/index.ts";
import { readFailed, type SystemError, writeFailed } from "./errors.ts";
import { NodeFile } from "./file.ts";

/** Zeros are written in portions: one write of a whole segment would hold a thread of libuv's pool for too long. */
const ZEROS = new Uint8Array(1024 * 1024);
const BESIDE = ".new";

/** Files below `root`, which exists. */
export function openHostDisk(root: string, env: Env): Disk {
  return new HostDisk(root, env);
}

class HostDisk implements Disk {
  readonly #root: string;
  readonly #env: Env;

  constructor(root: string, env: Env) {
    this.#root = root;
    this.#env = env;
  }

  list(directory: string): string[] {
    return this.#reading(directory, (path) => (fs.existsSync(path) ? fs.readdirSync(path).sort() : []));
  }

  makeDirectory(directory: string): void {
    this.#writing(directory, (path) => {
      const made = fs.mkdirSync(path, { recursive: true });
      if (made === undefined) return;
      // Each new name is synced in the directory above it (etcd 6368).
      for (let at = path; at.length >= made.length; at = dirname(at)) syncPath(dirname(at));
    });
  }

  readFile(file: string): Uint8Array | undefined {
    return this.#reading(file, (path) => (fs.existsSync(path) ? fs.readFileSync(path) : undefined));
  }

  writeFile(file: string, bytes: Uint8Array): void {
    this.#writing(file, (path) => {
      const descriptor = fs.openSync(path + BESIDE, "w", 0o644);
      try {
        for (let at = 0; at < bytes.length; ) at += fs.writeSync(descriptor, bytes, at);
        fs.fsyncSync(descriptor);
      } finally {
        fs.closeSync(descriptor);
      }
      fs.renameSync(path + BESIDE, path);
      syncPath(dirname(path));
    });
  }

  removeFile(file: string): void {
    this.#writing(file, (path) => {
      fs.rmSync(path, { force: true });
      syncPath(dirname(path));
    });
  }

  size(file: string): number {
    return this.#reading(file, (path) => fs.statSync(path).size);
  }

  readInto(file: string, position: number, target: Uint8Array): number {
    return this.#reading(file, (path) => {
      const descriptor = fs.openSync(path, "r");
      try {
        let length = 0;
        while (length < target.length) {
          const read = fs.readSync(descriptor, target, length, target.length - length, position + length);
          if (read === 0) break;
          length += read;
        }
        return length;
      } finally {
        fs.closeSync(descriptor);
      }
    });
  }

  sync(file: string): void {
    this.#writing(file, syncPath);
  }

  createZeroed(file: string, bytes: number, done: () => void): void {
    const path = this.#path(file);
    fs.open(path, "w", 0o644, (openError, descriptor) => {
      if (openError !== null) return this.#fatal(path, openError);
      const fill = (position: number): void => {
        const part = ZEROS.subarray(0, Math.min(ZEROS.length, bytes - position));
        if (part.length === 0) return finish();
        fs.write(descriptor, part, 0, part.length, position, (error, written) => {
          if (error !== null) return this.#fatal(path, error);
          fill(position + written);
        });
      };
      const finish = (): void => {
        fs.fsync(descriptor, (syncError) => {
          if (syncError !== null) return this.#fatal(path, syncError);
          fs.close(descriptor, (closeError) => {
            if (closeError !== null) return this.#fatal(path, closeError);
            this.#writing(dirname(file), syncPath);
            done();
          });
        });
      };
      fill(0);
    });
  }

  open(file: string): DiskFile {
    const path = this.#path(file);
    return new NodeFile(path, (error) => this.#env.fatal(error));
  }

  freeBytes(done: (free: number) => void): void {
    fs.statfs(this.#root, (error, stats) => {
      if (error !== null) return this.#fatal(path, error);
      done(stats.bavail * stats.bsize);
    });
  }

  #path(relative: string): string {
    return join(this.#root, relative);
  }

  #reading<T>(relative: string, read: (path: string) => T): T {
    const path = this.#path(relative);
    try {
      return read(path);
    } catch (error) {
      throw readFailed(path, error as SystemError);
    }
  }

  #writing<T>(relative: string, write: (path: string) => T): T {
    const path = this.#path(relative);
    try {
      return write(path);
    } catch (error) {
      return this.#fatal(path, error);
    }
  }

  #fatal(path: string, error: unknown): never {
    return this.#env.fatal(error instanceof SherdError ? error : writeFailed(path, error as SystemError));
  }
}

function syncPath(path: string): void {
  const descriptor = fs.openSync(path, "r");
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

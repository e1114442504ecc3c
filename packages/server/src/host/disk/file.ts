import { close, constants, fdatasync, openSync, read, write } from "node:fs";
import { assert, concatBytes, type SherdError } from "../../core/base/index.ts";
import type { DiskFile } from "../../core/env/index.ts";
import { readFailed, type SystemError, writeFailed } from "./errors.ts";

/**
 * Linux alone: there `O_DSYNC` makes the device flush its cache. Elsewhere (macOS writes to the drive's cache and says
 * it is done) every write is followed by `fdatasync`, which libuv makes a full flush.
 */
const DSYNC: number = process.platform === "linux" ? (constants.O_DSYNC ?? 0) : 0;

/** A file whose writes are durable when they complete. */
export class NodeFile implements DiskFile {
  readonly #path: string;
  readonly #fatal: (error: SherdError) => never;
  readonly #descriptor: number;
  #pending = 0;
  #writing = false;
  #closing = false;

  constructor(path: string, fatal: (error: SherdError) => never) {
    this.#path = path;
    this.#fatal = fatal;
    try {
      this.#descriptor = openSync(path, constants.O_RDWR | DSYNC);
    } catch (error) {
      fatal(writeFailed(path, error as SystemError));
    }
  }

  write(position: number, parts: readonly Uint8Array[], done: () => void): void {
    assert(!this.#writing, "one write of a file at a time");
    const only = parts.length === 1 ? parts[0] : undefined;
    this.#writing = true;
    this.#pending += 1;
    this.#writeFrom(position, only ?? concatBytes(parts), 0, done);
  }

  read(position: number, length: number, done: (bytes: Uint8Array) => void): void {
    this.#pending += 1;
    this.#readFrom(position, new Uint8Array(length), 0, done);
  }

  close(): void {
    this.#closing = true;
    this.#closeWhenIdle();
  }

  /** The kernel may take less than it was given; the rest is written behind it. */
  #writeFrom(position: number, bytes: Uint8Array, from: number, done: () => void): void {
    write(this.#descriptor, bytes, from, bytes.length - from, position + from, (error, written) => {
      if (error !== null) this.#fatal(writeFailed(this.#path, error));
      const to = from + written;
      if (written === 0 && to < bytes.length) {
        this.#fatal(writeFailed(this.#path, new Error("a write was accepted and wrote nothing")));
      }
      if (to < bytes.length) this.#writeFrom(position, bytes, to, done);
      else if (DSYNC === 0) this.#syncAfterWrite(done);
      else this.#written(done);
    });
  }

  #syncAfterWrite(done: () => void): void {
    fdatasync(this.#descriptor, (error) => {
      if (error !== null) this.#fatal(writeFailed(this.#path, error));
      this.#written(done);
    });
  }

  #written(done: () => void): void {
    this.#writing = false;
    this.#ended();
    done();
  }

  #readFrom(position: number, bytes: Uint8Array, from: number, done: (bytes: Uint8Array) => void): void {
    read(this.#descriptor, bytes, from, bytes.length - from, position + from, (error, count) => {
      if (error !== null) this.#fatal(readFailed(this.#path, error));
      const to = from + count;
      if (count > 0 && to < bytes.length) {
        this.#readFrom(position, bytes, to, done);
        return;
      }
      this.#ended();
      done(bytes.subarray(0, to));
    });
  }

  #ended(): void {
    this.#pending -= 1;
    this.#closeWhenIdle();
  }

  /** Not earlier: the number of a closed file may be given to another one while the pool still works on it. */
  #closeWhenIdle(): void {
    if (!this.#closing || this.#pending > 0) return;
    this.#pending = Number.POSITIVE_INFINITY;
    close(this.#descriptor, (error) => {
      if (error !== null) this.#fatal(writeFailed(this.#path, error));
    });
  }
}

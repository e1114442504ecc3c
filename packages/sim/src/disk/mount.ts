import { assert, SherdError } from "sherd/core/base";
import type { Disk, DiskFile } from "sherd/core/env";
import type { SimDisk } from "./disk.ts";

/** The disk of one incarnation of a process. */
export class Mount implements Disk {
  readonly #disk: SimDisk;
  readonly #incarnation: number;
  readonly #fatal: (error: SherdError) => never;

  constructor(disk: SimDisk, incarnation: number, fatal: (error: SherdError) => never) {
    this.#disk = disk;
    this.#incarnation = incarnation;
    this.#fatal = fatal;
  }

  list(directory: string): string[] {
    this.#disk.check(this.#incarnation);
    return this.#disk.list(directory);
  }

  makeDirectory(directory: string): void {
    this.#disk.check(this.#incarnation);
    this.#disk.makeDirectory(directory);
  }

  readFile(path: string): Uint8Array | undefined {
    this.#read(path);
    return this.#disk.has(path) ? this.#disk.bytes(path).slice() : undefined;
  }

  writeFile(path: string, bytes: Uint8Array): void {
    this.#disk.enter(this.#incarnation, "writeFile", path);
    this.#needSpace(path, bytes.length - (this.#disk.has(path) ? this.#disk.bytes(path).length : 0));
    this.#disk.put(path, bytes);
  }

  removeFile(path: string): void {
    this.#disk.enter(this.#incarnation, "removeFile", path);
    this.#disk.lose(path);
  }

  size(path: string): number {
    this.#disk.check(this.#incarnation);
    return this.#disk.bytes(path).length;
  }

  readInto(path: string, position: number, target: Uint8Array): number {
    this.#read(path);
    const bytes = this.#disk.bytes(path).subarray(position, position + target.length);
    target.set(bytes);
    return bytes.length;
  }

  sync(path: string): void {
    this.#disk.enter(this.#incarnation, "sync", path);
    this.#disk.sync(path);
  }

  createZeroed(path: string, bytes: number, done: () => void): void {
    this.#disk.enter(this.#incarnation, "createZeroed", path);
    this.#disk.createZeroed(this.#incarnation, path, bytes, done, () => this.#full(path, bytes));
  }

  open(path: string): DiskFile {
    this.#disk.check(this.#incarnation);
    const disk = this.#disk;
    const incarnation = this.#incarnation;
    assert(disk.has(path), `the file ${path} exists`);
    const writeFailed = (): void => this.#fatal(new SherdError("SHERD_DISK_WRITE_FAILED", `${path}: simulated.`));
    const readFailed = (): void => this.#fatal(new SherdError("SHERD_DISK_READ_FAILED", `${path}: simulated.`));
    return {
      write: (position, parts, done) => {
        disk.enter(incarnation, "write", path);
        disk.write(incarnation, path, position, parts, done, writeFailed);
      },
      read: (position, length, done) => {
        disk.enter(incarnation, "read", path);
        disk.read(incarnation, path, position, length, done, readFailed);
      },
      close: () => {},
    };
  }

  freeBytes(done: (free: number) => void): void {
    this.#disk.check(this.#incarnation);
    this.#disk.later(this.#incarnation, () => done(this.#disk.freeBytes));
  }

  /** At a start, where reads answer at once and failures are thrown. */
  #read(path: string): void {
    this.#disk.check(this.#incarnation);
    if (!this.#disk.takeFailure("read")) return;
    throw new SherdError("SHERD_DISK_READ_FAILED", `${path}: simulated.`);
  }

  #needSpace(path: string, bytes: number): void {
    if (bytes > this.#disk.freeBytes) this.#full(path, bytes);
  }

  #full(path: string, bytes: number): never {
    this.#disk.onError?.("SHERD_DISK_FULL");
    this.#fatal(new SherdError("SHERD_DISK_FULL", `Writing ${path} needs ${bytes} bytes: no space is left.`));
  }
}

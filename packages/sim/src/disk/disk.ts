import { assert, bytesEqual, concatBytes, SherdError } from "sherd/core/base";
import type { Disk, DiskFile } from "sherd/core/env";
import { SECTOR_BYTES, SimFile } from "./file.ts";

/** Where virtual time and randomness come from. */
export interface SimWorld {
  random32(): number;
  schedule(delayMs: number, event: () => void): void;
}

export interface SimDiskOptions {
  readonly capacityBytes?: number;
  /** Shortest and longest time of a request. */
  readonly writeMs?: readonly [number, number];
  readonly readMs?: readonly [number, number];
  readonly createMs?: readonly [number, number];
}

export type SimRequest = "write" | "read" | "createZeroed" | "writeFile" | "removeFile" | "sync";

/** Thrown at a process that goes on using its disk after `crash`: its code must not run any more. */
export class SimCrashed extends Error {
  override readonly name = "SimCrashed";
}

interface InFlight {
  readonly file: SimFile;
  readonly position: number;
  readonly parts: readonly Uint8Array[];
  readonly bytes: Uint8Array;
}

/** The device of one simulated machine. It outlives processes: each incarnation gets its own view from `mount`. */
export class SimDisk {
  readonly world: SimWorld;
  /** May be lowered and raised at any time. */
  capacityBytes: number;
  /** Called before a request takes effect; it may call `crash`, which throws `SimCrashed` out of the request. */
  beforeRequest: ((request: SimRequest, path: string) => void) | undefined;
  /** The next write fails instead of being made. */
  failNextWrite = false;
  readonly #times: Required<Pick<SimDiskOptions, "writeMs" | "readMs" | "createMs">>;
  readonly #files = new Map<string, SimFile>();
  readonly #directories = new Set<string>();
  readonly #inFlight = new Set<InFlight>();
  readonly #creating = new Map<string, number>();
  #withheld: (() => void)[] | undefined;
  #incarnation = 0;

  constructor(world: SimWorld, options: SimDiskOptions = {}) {
    this.world = world;
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.#times = {
      writeMs: options.writeMs ?? [0.1, 1],
      readMs: options.readMs ?? [0.02, 0.2],
      createMs: options.createMs ?? [5, 50],
    };
  }

  /** The disk as the next process sees it. `fatal` ends that process. One process at a time: crash the one before. */
  mount(fatal: (error: SherdError) => never): Disk {
    this.#incarnation += 1;
    return new Mount(this, this.#incarnation, fatal);
  }

  /**
   * Ends the mounted process; none of its requests completes any more.
   * "power": of the writes under way any sectors may be on the device; what was never synced is partly lost.
   * "process": the page cache survives. What was under way can be seen but is not durable until someone syncs it.
   */
  crash(kind: "power" | "process" = "power"): void {
    this.#incarnation += 1;
    this.#withheld = undefined;
    for (const { file, position, bytes } of this.#inFlight) {
      if (kind === "power") file.writeTorn(position, bytes, this.world);
      else file.writeUnsynced(position, bytes, this.world);
      file.writing = false;
    }
    this.#inFlight.clear();
    for (const [path, bytes] of this.#creating) {
      const made = this.world.random32() % (Math.floor(bytes / SECTOR_BYTES) + 2);
      if (made > 0) this.#files.set(path, new SimFile(new Uint8Array((made - 1) * SECTOR_BYTES), false));
    }
    this.#creating.clear();
    if (kind === "power") this.#losePower();
  }

  /** Requests under way and those to come do not complete until `resume`. */
  hang(): void {
    this.#withheld ??= [];
  }

  resume(): void {
    const withheld = this.#withheld ?? [];
    this.#withheld = undefined;
    for (const event of withheld) event();
  }

  // --- for tests and faults: at the device, behind the process's back

  paths(): string[] {
    return [...this.#files.keys()].sort();
  }

  /** The file's bytes as they are: changing them changes the file. */
  bytes(path: string): Uint8Array {
    return this.file(path).bytes;
  }

  flipBit(path: string, position: number, bit: number = this.world.random32() % 8): void {
    const bytes = this.file(path).bytes;
    bytes[position] = (bytes[position] as number) ^ (1 << bit);
  }

  put(path: string, bytes: Uint8Array): void {
    this.#files.set(path, new SimFile(bytes.slice(), true));
  }

  lose(path: string): void {
    this.#files.delete(path);
  }

  usedBytes(): number {
    let bytes = 0;
    for (const file of this.#files.values()) bytes += file.bytes.length;
    for (const creating of this.#creating.values()) bytes += creating;
    return bytes;
  }

  // --- for Mount

  enter(incarnation: number, request: SimRequest, path: string): void {
    this.check(incarnation);
    this.beforeRequest?.(request, path);
    this.check(incarnation);
  }

  check(incarnation: number): void {
    if (incarnation !== this.#incarnation) throw new SimCrashed("the process that mounted this disk has ended");
  }

  file(path: string): SimFile {
    const file = this.#files.get(path);
    assert(file !== undefined, `the file ${path} exists`);
    return file;
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  list(directory: string): string[] {
    const prefix = directory === "" ? "" : `${directory}/`;
    const names = new Set<string>();
    for (const path of [...this.#files.keys(), ...this.#directories]) {
      if (path.startsWith(prefix) && path !== directory) names.add(path.slice(prefix.length).split("/")[0] as string);
    }
    return [...names].sort();
  }

  makeDirectory(directory: string): void {
    this.#directories.add(directory);
  }

  sync(path: string): void {
    const file = this.#files.get(path);
    if (file !== undefined) {
      file.sync();
      return;
    }
    const prefix = path === "" ? "" : `${path}/`;
    for (const [name, other] of this.#files) if (name.startsWith(prefix)) other.nameDurable = true;
  }

  write(incarnation: number, file: SimFile, position: number, parts: readonly Uint8Array[], done: () => void): void {
    assert(!file.writing, "one write of a file at a time");
    const bytes = concatBytes(parts);
    assert(position + bytes.length <= file.bytes.length, "the simulated disk has no growing files");
    const write: InFlight = { file, position, parts, bytes };
    file.writing = true;
    this.#inFlight.add(write);
    this.#later(incarnation, this.#times.writeMs, () => {
      assert(bytesEqual(concatBytes(parts), bytes), "bytes under way to the disk are not changed");
      this.#inFlight.delete(write);
      file.writing = false;
      file.writeDurably(position, bytes);
      done();
    });
  }

  read(incarnation: number, file: SimFile, position: number, length: number, done: (bytes: Uint8Array) => void): void {
    this.#later(incarnation, this.#times.readMs, () => done(file.bytes.slice(position, position + length)));
  }

  createZeroed(incarnation: number, path: string, bytes: number, done: () => void): void {
    assert(!this.#files.has(path), `${path} is a new file`);
    this.#creating.set(path, bytes);
    this.#later(incarnation, this.#times.createMs, () => {
      this.#creating.delete(path);
      this.#files.set(path, new SimFile(new Uint8Array(bytes), true));
      done();
    });
  }

  later(incarnation: number, done: () => void): void {
    this.#later(incarnation, this.#times.readMs, done);
  }

  #later(incarnation: number, [shortestMs, longestMs]: readonly [number, number], event: () => void): void {
    const delayMs = shortestMs + ((longestMs - shortestMs) * this.world.random32()) / 2 ** 32;
    const complete = (): void => {
      if (incarnation !== this.#incarnation) return;
      if (this.#withheld === undefined) event();
      else this.#withheld.push(complete);
    };
    this.world.schedule(delayMs, complete);
  }

  #losePower(): void {
    for (const [path, file] of this.#files) {
      file.losePower(this.world);
      if (!file.nameDurable && this.world.random32() % 2 === 0) this.#files.delete(path);
      else file.nameDurable = true;
    }
  }
}

/** The disk of one incarnation of a process. */
class Mount implements Disk {
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
    this.#disk.check(this.#incarnation);
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
    this.#disk.check(this.#incarnation);
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
    this.#needSpace(path, bytes);
    this.#disk.createZeroed(this.#incarnation, path, bytes, done);
  }

  open(path: string): DiskFile {
    this.#disk.check(this.#incarnation);
    const disk = this.#disk;
    const incarnation = this.#incarnation;
    const file = disk.file(path);
    return {
      write: (position, parts, done) => {
        disk.enter(incarnation, "write", path);
        if (disk.failNextWrite) {
          disk.failNextWrite = false;
          this.#fatal(new SherdError("SHERD_DISK_WRITE_FAILED", `Writing to ${path} failed: simulated.`));
        }
        disk.write(incarnation, file, position, parts, done);
      },
      read: (position, length, done) => {
        disk.enter(incarnation, "read", path);
        disk.read(incarnation, file, position, length, done);
      },
      close: () => {},
    };
  }

  freeBytes(done: (free: number) => void): void {
    this.#disk.check(this.#incarnation);
    this.#disk.later(this.#incarnation, () => done(Math.max(0, this.#disk.capacityBytes - this.#disk.usedBytes())));
  }

  #needSpace(path: string, bytes: number): void {
    if (bytes <= this.#disk.capacityBytes - this.#disk.usedBytes()) return;
    this.#fatal(new SherdError("SHERD_DISK_FULL", `Writing ${path} needs ${bytes} bytes: no space is left.`));
  }
}

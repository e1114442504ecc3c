import { assert, bytesEqual, concatBytes, type SherdError } from "sherd/core/base";
import type { Disk } from "sherd/core/env";
import { SECTOR_BYTES, SimFile } from "./file.ts";
import { Misdirection, type WritePlace } from "./misdirection.ts";
import { Mount } from "./mount.ts";

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

/** The engine's files take up no room here, but they grow with every batch. */
const ENGINE_ROOM_BYTES = 16 * 1024;
/** A device that is slower than this hangs. */
const SLOW_MS_MAX = 12_000;
/** Random places are tried so often until one holds something. */
const FLIP_ATTEMPTS = 50;

export type SimRequest = "write" | "read" | "createZeroed" | "writeFile" | "removeFile" | "sync";

/** Thrown at a process that goes on using its disk after `crash`: its code must not run any more. */
export class SimCrashed extends Error {
  override readonly name = "SimCrashed";
}

interface InFlight {
  readonly path: string;
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
  /** The next write, or read, fails, whoever asks for it. */
  failNext: { write: boolean; read: boolean } = { write: false, read: false };
  /** Told of each error that the device gives, before it is given. */
  onError: ((code: "SHERD_DISK_WRITE_FAILED" | "SHERD_DISK_READ_FAILED" | "SHERD_DISK_FULL") => void) | undefined;
  #slowFactor = 1;
  readonly #slowRequests: Set<() => void> = new Set();
  readonly #times: Required<Pick<SimDiskOptions, "writeMs" | "readMs" | "createMs">>;
  readonly #files = new Map<string, SimFile>();
  readonly #directories = new Set<string>();
  readonly #inFlight = new Set<InFlight>();
  readonly #creating = new Map<string, number>();
  #withheld: (() => void)[] | undefined;
  /** The last write of a file that was completed: whatever lies before it in the log is old. */
  #lastWrite: WritePlace | undefined;
  #misdirectNext: (() => number) | undefined;
  #misdirection: Misdirection | undefined;
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
    this.#slowRequests.clear();
    this.#misdirection?.withdraw();
    this.#misdirection = undefined;
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

  /** Requests hang, or were slowed down and are still under way. */
  get late(): boolean {
    return this.#withheld !== undefined || this.#slowRequests.size > 0;
  }

  /** Every request takes so many times as long from now on. At 1 also those under way come to an end. */
  set slowFactor(times: number) {
    this.#slowFactor = times;
    if (times === 1) for (const complete of this.#slowRequests) this.world.schedule(0, complete);
  }

  /** A request, also of another part of the device (the engine): takes its time, and longer when the device is slow. */
  request(delayMs: number, event: () => void): void {
    const answer = (): void => {
      if (this.#withheld === undefined) event();
      else this.#withheld.push(event);
    };
    if (this.#slowFactor === 1) return this.world.schedule(delayMs, answer);
    const complete = (): void => {
      if (this.#slowRequests.delete(complete)) answer();
    };
    this.#slowRequests.add(complete);
    this.world.schedule(Math.min(delayMs * this.#slowFactor, SLOW_MS_MAX), complete);
  }

  /** Whether this request, of any part of the device, is the one that fails. */
  takeFailure(what: "write" | "read"): boolean {
    if (!this.failNext[what]) return false;
    this.failNext[what] = false;
    this.onError?.(what === "write" ? "SHERD_DISK_WRITE_FAILED" : "SHERD_DISK_READ_FAILED");
    return true;
  }

  /** What a write of the engine meets, if it can not be made. */
  takeEngineFailure(): "SHERD_DISK_FULL" | "SHERD_DISK_WRITE_FAILED" | undefined {
    if (this.takeFailure("write")) return "SHERD_DISK_WRITE_FAILED";
    if (this.freeBytes >= ENGINE_ROOM_BYTES) return undefined;
    this.onError?.("SHERD_DISK_FULL");
    return "SHERD_DISK_FULL";
  }

  get freeBytes(): number {
    return Math.max(0, this.capacityBytes - this.usedBytes());
  }

  // --- damage: what makes a disk unsound

  /**
   * One bit of what was written long ago. Never of the last completed write of a file: nothing behind it would tell that
   * from a write that was torn, which no log can (docs/formats/log.md, seal frames). False: nothing is that old.
   */
  flipOldBit(directory: string, random32: () => number): boolean {
    const last = this.#lastWrite;
    const paths = this.paths().filter((path) => path.startsWith(`${directory}/`));
    if (last === undefined || paths.length === 0) return false;
    for (let attempt = 0; attempt < FLIP_ATTEMPTS; attempt += 1) {
      const path = paths[random32() % paths.length] as string;
      const { bytes } = this.file(path);
      const end: number = path === last.path ? last.position : bytes.length;
      const position = end === 0 ? 0 : random32() % end;
      // What was never written is not missed.
      if (position >= end || bytes[position] === 0) continue;
      this.flipBit(path, position, random32() % 8);
      return true;
    }
    return false;
  }

  /** The next write of a file goes to another place. Is taken back if the process ends before its next write is done. */
  misdirectNextWrite(random32: () => number): void {
    this.#misdirectNext = random32;
  }

  /** Another, empty device. Between two processes only. */
  replace(): void {
    this.#files.clear();
    this.#directories.clear();
    this.#lastWrite = undefined;
    this.#misdirectNext = undefined;
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

  write(
    incarnation: number,
    path: string,
    position: number,
    parts: readonly Uint8Array[],
    done: () => void,
    failed: () => void,
  ): void {
    const file = this.file(path);
    assert(!file.writing, "one write of a file at a time");
    const bytes = concatBytes(parts);
    assert(position + bytes.length <= file.bytes.length, "the simulated disk has no growing files");
    const write: InFlight = { path, file, position, parts, bytes };
    const fails = this.takeFailure("write");
    file.writing = true;
    this.#inFlight.add(write);
    this.#later(incarnation, this.#times.writeMs, () => {
      assert(bytesEqual(concatBytes(parts), bytes), "bytes under way to the disk are not changed");
      this.#inFlight.delete(write);
      file.writing = false;
      if (fails) {
        file.writeUnsynced(position, bytes, this.world);
        return failed();
      }
      this.#writeDurably(write);
      done();
    });
  }

  #writeDurably({ path, file, position, bytes }: InFlight): void {
    const random32 = this.#misdirectNext;
    this.#misdirectNext = undefined;
    if (random32 !== undefined && this.#misdirection === undefined) {
      const directory = path.slice(0, path.lastIndexOf("/") + 1);
      const beside = this.paths().filter((other) => other.startsWith(directory));
      const target = this.file(beside[random32() % beside.length] as string);
      this.#misdirection = new Misdirection({ path, position }, file, bytes, target, random32());
      return;
    }
    this.#misdirection = undefined;
    file.writeDurably(position, bytes);
    this.#lastWrite = { path, position };
  }

  read(
    incarnation: number,
    path: string,
    position: number,
    length: number,
    done: (bytes: Uint8Array) => void,
    failed: () => void,
  ): void {
    const fails = this.takeFailure("read");
    const { bytes } = this.file(path);
    this.#later(incarnation, this.#times.readMs, () =>
      fails ? failed() : done(bytes.slice(position, position + length)),
    );
  }

  createZeroed(incarnation: number, path: string, bytes: number, done: () => void, full: () => void): void {
    assert(!this.#files.has(path), `${path} is a new file`);
    const made = Math.min(bytes, this.freeBytes);
    if (made < bytes) this.onError?.("SHERD_DISK_FULL");
    this.#creating.set(path, made);
    this.#later(incarnation, this.#times.createMs, () => {
      this.#creating.delete(path);
      if (made < bytes) {
        // As much as there was room for; the process is about to end.
        this.#files.set(path, new SimFile(new Uint8Array(made), false));
        return full();
      }
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
      if (incarnation === this.#incarnation) event();
    };
    this.request(delayMs, complete);
  }

  #losePower(): void {
    for (const [path, file] of this.#files) {
      file.losePower(this.world);
      if (!file.nameDurable && this.world.random32() % 2 === 0) this.#files.delete(path);
      else file.nameDurable = true;
    }
  }
}

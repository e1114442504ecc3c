import { deflateRawSync, inflateRawSync, crc32 as zlibCrc32 } from "node:zlib";
import { latin1, SherdError } from "sherd/core/base";
import type { Engine, EngineBatch, EngineSnapshot, Env } from "sherd/core/env";
import type { SimDisk } from "../disk/index.ts";
import type { Random, World } from "../world/index.ts";
import type { SimProcess } from "./process.ts";

/** A machine's clocks. Steady: runs too fast or too slow. Wall: the same, and it jumps. */
export interface Clocks {
  steadyRate: number;
  steadyOffsetMs: number;
  wallOffsetMs: number;
}

/** Until a requested pass runs, and until a compression is done: shortest and longest. */
const PASS_MS = [0.01, 0.4] as const;
const COMPRESS_MS = [0.05, 2] as const;

export class SimEnv implements Env {
  readonly #world: World;
  readonly #process: SimProcess;
  readonly #clocks: Clocks;
  readonly #random: Random;
  #passWanted = false;
  /** What a requested pass is: the store's while the node is being opened, then the node's. */
  pass: () => void = () => {};

  /** `random`: of this process alone; a later one that drew the same numbers would take old records for its own. */
  constructor(world: World, process: SimProcess, clocks: Clocks, random: Random) {
    this.#world = world;
    this.#process = process;
    this.#clocks = clocks;
    this.#random = random;
  }

  monotonicMs(): number {
    return this.#clocks.steadyOffsetMs + this.#world.nowMs * this.#clocks.steadyRate;
  }

  wallMs(): number {
    return this.#clocks.wallOffsetMs + this.#world.nowMs * this.#clocks.steadyRate;
  }

  random32(): number {
    return this.#random.u32();
  }

  checksum(bytes: Uint8Array, seed?: number): number {
    return zlibCrc32(bytes, seed);
  }

  latin1(bytes: Uint8Array): string {
    return latin1(bytes);
  }

  deflate(bytes: Uint8Array, done: (compressed: Uint8Array) => void): void {
    this.#process.request("deflate");
    const compressed = new Uint8Array(deflateRawSync(bytes));
    this.#later(COMPRESS_MS, () => done(compressed));
  }

  inflate(bytes: Uint8Array, bytesMax: number, done: (plain: Uint8Array | undefined) => void): void {
    this.#process.request("inflate");
    const plain = inflateOrUndefined(bytes, bytesMax);
    this.#later(COMPRESS_MS, () => done(plain));
  }

  requestPass(): void {
    this.#process.request("requestPass");
    if (this.#passWanted) return;
    this.#passWanted = true;
    this.#later(PASS_MS, () => {
      this.#passWanted = false;
      this.pass();
    });
  }

  fatal(error: Error): never {
    return this.#process.fatal(error);
  }

  log(level: "debug" | "info" | "warn" | "error", message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#world.coverage.count(`log: ${message.replace(/\d+/g, "#").slice(0, 60)}`);
    const rest = fields === undefined ? "" : ` ${JSON.stringify(fields)}`;
    this.#world.trace.event(`${this.#process.name} ${level}: ${message}${rest}`);
  }

  #later([shortestMs, longestMs]: readonly [number, number], body: () => void): void {
    this.#world.after(this.#random.between(shortestMs, longestMs), () => this.#process.run(body));
  }
}

function inflateOrUndefined(bytes: Uint8Array, bytesMax: number): Uint8Array | undefined {
  try {
    return new Uint8Array(inflateRawSync(bytes, { maxOutputLength: bytesMax }));
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

/** The engine as one process sees it: any request may be its last, and the device below it may fail. */
export class ObservedEngine implements Engine {
  readonly #engine: Engine;
  readonly #process: SimProcess;
  readonly #device: SimDisk;

  constructor(engine: Engine, process: SimProcess, device: SimDisk) {
    this.#engine = engine;
    this.#process = process;
    this.#device = device;
  }

  getMany(keys: Parameters<Engine["getMany"]>[0], done: Parameters<Engine["getMany"]>[1]): void {
    this.#process.request("engine getMany");
    const fails = this.#device.takeFailure("read");
    this.#engine.getMany(keys, fails ? () => this.#failed("SHERD_DISK_READ_FAILED") : done);
  }

  range(options: Parameters<Engine["range"]>[0], done: Parameters<Engine["range"]>[1]): void {
    this.#process.request("engine range");
    const fails = this.#device.takeFailure("read");
    this.#engine.range(options, fails ? () => this.#failed("SHERD_DISK_READ_FAILED") : done);
  }

  #failed(code: "SHERD_DISK_READ_FAILED" | "SHERD_DISK_WRITE_FAILED" | "SHERD_DISK_FULL"): never {
    return this.#process.fatal(new SherdError(code, "The engine's files: simulated."));
  }

  batch(): EngineBatch {
    const batch = this.#engine.batch();
    const process = this.#process;
    return {
      put: (key, value) => batch.put(key, value),
      delete: (key) => batch.delete(key),
      get rows() {
        return batch.rows;
      },
      write: (done) => {
        process.request("engine write");
        const failure = this.#device.takeEngineFailure();
        // Nothing of a batch that fails is kept: its record in the engine's log is not whole.
        if (failure === undefined) batch.write(done);
        else this.#engine.sizeBytes(() => this.#failed(failure));
      },
    };
  }

  snapshot(): EngineSnapshot {
    this.#process.request("engine snapshot");
    return this.#engine.snapshot();
  }

  sizeBytes(...args: Parameters<Engine["sizeBytes"]>): void {
    this.#engine.sizeBytes(...args);
  }

  close(...args: Parameters<Engine["close"]>): void {
    this.#engine.close(...args);
  }
}

import { createHash } from "node:crypto";
import { assert, SherdError } from "sherd/core/base";
import type { LogOptions } from "sherd/core/log";
import type { ClusterMap, NodeInfo } from "sherd/core/meta";
import type { Node } from "sherd/core/node";
import type { RaftCoreOptions } from "sherd/core/raft";
import { Connections, type ServerFacts } from "sherd/core/session";
import { MemoryEngine, type MemoryImage, type Store, type StoreOptions } from "sherd/core/store";
import { SimDisk } from "../disk/index.ts";
import type { SimNetwork } from "../network/index.ts";
import type { Random, World } from "../world/index.ts";
import { BOOTSTRAPPED, Boot } from "./boot.ts";
import { type Clocks, ObservedEngine } from "./env.ts";
import { type CrashKind, SimProcess } from "./process.ts";
import type { Sabotage } from "./sabotage.ts";
import type { NodeWatcher } from "./watcher.ts";

/** Limits of the log, the store and the core: so small that a run of seconds meets recycled segments, snapshots and misses. */
export interface Sizes {
  readonly log: LogOptions;
  readonly store: StoreOptions;
  /** In place of the limits of production. */
  readonly raft?: Partial<RaftCoreOptions>;
}

export interface MachineOptions {
  readonly world: World;
  readonly network: SimNetwork;
  readonly plan: ClusterMap;
  readonly info: NodeInfo;
  readonly wasm: Uint8Array;
  readonly sizes: Sizes;
  readonly diskWriteMs: readonly [number, number];
  readonly diskReadMs?: readonly [number, number] | undefined;
  readonly engineMs: readonly [number, number];
  readonly watcher: NodeWatcher;
  readonly sabotage: Sabotage | undefined;
}

/** What INFO would tell: nothing that a simulated client asks. */
const FACTS: ServerFacts = {
  version: "0.0.0",
  processId: 1,
  system: "simulated",
  nodeVersion: "0",
  wallMs: () => 0,
  uptimeMs: () => 0,
  memory: () => ({ residentBytes: 0, heapBytes: 0 }),
  memoryBytes: 0,
  cpu: () => ({ userSeconds: 0, systemSeconds: 0 }),
  directory: "",
  debugCommand: "no",
  stall: () => {},
  secrets: {
    sha256Hex: (bytes) => createHash("sha256").update(bytes).digest("hex"),
    randomBytes: (count) => new Uint8Array(count),
  },
};
/** How a node may end over a disk that is unsound. */
const REFUSALS: ReadonlySet<string> = new Set([
  "SHERD_LOG_DAMAGED",
  "SHERD_LOG_GAP",
  "SHERD_STORE_DAMAGED",
  "SHERD_DATA_EMPTIED",
  "SHERD_DATA_OLDER_COPY",
]);

/** A node's machine: what outlives its processes, and the process that runs, if one does. */
export class Machine {
  readonly name: string;
  /** Peer addresses that the next process is given, as the file of a cluster and `--seeds` would. */
  seeds: readonly string[] = [];
  readonly disk: SimDisk;
  readonly clocks: Clocks = { steadyRate: 1, steadyOffsetMs: 0, wallOffsetMs: 0 };
  /** Errors that the device gave to the process that runs: it has to end itself with one of these codes. */
  readonly #errors: Set<string> = new Set();
  /** Its disk did not keep what it acknowledged: the node may refuse it, and then it is of no more use. */
  unsound = false;
  /** Why the last process refused what it found on the disk, if it did. */
  refusal: SherdError | undefined;
  /** After each end of a process. */
  onEnded: (() => void) | undefined;
  readonly #options: MachineOptions;
  readonly #world: World;
  readonly #random: Random;
  #rows: MemoryImage | undefined;
  #info: NodeInfo;
  /** All hosts where it ever was. */
  readonly #hosts: Set<string> = new Set();
  #moves = 0;
  #starts = 0;
  #process: SimProcess | undefined;
  #engine: MemoryEngine | undefined;
  #node: Node | undefined;
  #store: Store | undefined;
  #connections: Connections | undefined;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#world = options.world;
    this.#info = options.info;
    this.name = options.info.name;
    this.#hosts.add(options.info.addresses.host);
    this.#random = options.world.random.stream(`machine ${this.name}`);
    this.clocks.steadyRate = this.#random.between(0.98, 1.02);
    const diskRandom = this.#random.stream("disk");
    const device = {
      random32: () => diskRandom.u32(),
      schedule: (delayMs: number, event: () => void) => this.#world.after(delayMs, () => this.#process?.run(event)),
    };
    this.disk = new SimDisk(device, {
      writeMs: options.diskWriteMs,
      ...(options.diskReadMs !== undefined && { readMs: options.diskReadMs }),
    });
    this.disk.beforeRequest = (request) => this.#process?.request(`disk ${request}`);
    this.disk.onError = (code) => {
      this.#world.coverage.count(`device: ${code}`);
      this.#errors.add(code);
    };
  }

  get alive(): boolean {
    return this.#process?.alive === true;
  }

  get process(): SimProcess | undefined {
    return this.alive ? this.#process : undefined;
  }

  /** Undefined while the process is being opened or is not there. */
  get node(): Node | undefined {
    return this.alive ? this.#node : undefined;
  }

  get store(): Store | undefined {
    return this.alive ? this.#store : undefined;
  }

  /** Takes clients. Undefined while the node does not serve. */
  get connections(): Connections | undefined {
    return this.alive ? this.#connections : undefined;
  }

  start(): void {
    assert(!this.alive, "a machine runs one process of the node");
    this.#starts += 1;
    this.refusal = undefined;
    this.clocks.steadyOffsetMs = this.#random.between(0, 1e6);
    const process = new SimProcess(this.name, this.#world, {
      ended: (kind) => this.#ended(kind),
      mayEnd: (error) => error instanceof SherdError && this.#mayEnd(error),
    });
    this.#process = process;
    this.#world.coverage.count("start");
    this.#world.trace.event(`${this.name} starts, start ${this.#starts}, at ${this.info.addresses.host}`);
    process.run(() => this.#boot(process));
  }

  /** Who and where the node is. */
  get info(): NodeInfo {
    return this.#info;
  }

  /** Whether clients may have been told of this host. */
  wasAt(host: string): boolean {
    return this.#hosts.has(host);
  }

  /** How often it was moved. */
  get moves(): number {
    return this.#moves;
  }

  /** The machine has another address from now on. Between two processes only. */
  moveTo(host: string): void {
    assert(!this.alive, "a process keeps its address");
    const { host: before, peerPort } = this.#info.addresses;
    this.#options.network.vacate(`${before}:${peerPort}`);
    this.#info = { ...this.#info, addresses: { ...this.#info.addresses, host } };
    this.#hosts.add(host);
    this.#moves += 1;
  }

  /** Its replicas were met by others and took part once. */
  get begun(): boolean {
    return this.unsound || this.disk.paths().includes(BOOTSTRAPPED);
  }

  /** A new disk, under the old name of the node. Between two processes only. */
  emptyDisk(): void {
    assert(!this.alive, "a process keeps its disk");
    this.disk.replace();
    this.#rows = undefined;
  }

  /** Neither clock jumps. */
  setClockRate(rate: number): void {
    const { clocks } = this;
    const passedMs = this.#world.nowMs * (clocks.steadyRate - rate);
    clocks.steadyOffsetMs += passedMs;
    clocks.wallOffsetMs += passedMs;
    clocks.steadyRate = rate;
  }

  /** Nothing is wrong with the machine any more, but for what its disk has lost. */
  heal(): void {
    const { disk } = this;
    disk.failNext = { write: false, read: false };
    disk.slowFactor = 1;
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    this.process?.crashAtRequest(Number.POSITIVE_INFINITY, "process", "");
    this.resumeDisk();
    this.process?.resume();
  }

  /**
   * One bit of one of the engine's rows flips, on the disk: what the process holds in memory stays as it is. False: there
   * are no rows. Call it for a machine whose disk may be unsound only.
   */
  flipRowBit(random: Random): boolean {
    if (this.#engine !== undefined) return this.#engine.flipBit(() => random.u32());
    const engine = new MemoryEngine(() => {}, this.#rows);
    const flipped = engine.flipBit(() => random.u32());
    this.#rows = engine.crash();
    return flipped;
  }

  /** What a disk that hung completes now is an event of the process. */
  resumeDisk(): void {
    const { process } = this;
    if (process === undefined) this.disk.resume();
    else process.run(() => this.disk.resume());
  }

  #mayEnd(error: SherdError): boolean {
    if (this.#errors.has(error.code)) return true;
    if (error.code === "SHERD_DISK_HANGS") return this.disk.late;
    if (!this.unsound || !REFUSALS.has(error.code)) return false;
    this.refusal = error;
    return true;
  }

  #ended(kind: CrashKind): void {
    this.#errors.clear();
    this.#options.network.unbind(this.info.id, kind === "process");
    this.disk.crash(kind);
    this.#rows = this.#engine?.crash() ?? this.#rows;
    const rows = this.#rows?.rows;
    if (rows !== undefined) this.#rows = { rows: this.#options.sabotage?.image?.(rows, this.name) ?? rows };
    this.#engine = undefined;
    this.#node = undefined;
    this.#store = undefined;
    this.#connections = undefined;
    this.#options.watcher.onProcessEnd();
    if (this.#rows !== undefined) this.#options.watcher.onImage(this.#rows.rows);
    this.onEnded?.();
  }

  #boot(process: SimProcess): void {
    const { sabotage } = this.#options;
    const mounted = this.disk.mount((error) => process.fatal(error));
    const boot = new Boot({
      ...this.#options,
      process,
      random: this.#random.stream(`start ${this.#starts}`),
      clocks: this.clocks,
      disk: sabotage?.disk?.(mounted, { world: this.#world, process }) ?? mounted,
      engine: this.#makeEngine(process),
      self: this.info,
      seeds: this.seeds,
      serves: (node, store) => {
        this.#node = node;
        this.#store = store;
        this.#connections = new Connections(sabotage?.node?.(node, { world: this.#world, process }) ?? node, FACTS);
      },
    });
    boot.start();
  }

  #makeEngine(process: SimProcess): ObservedEngine {
    const random = this.#random.stream(`engine ${this.#starts}`);
    const schedule = (run: () => void): void => this.disk.request(random.between(...this.#options.engineMs), run);
    this.#engine = new MemoryEngine(schedule, this.#rows);
    const { sabotage } = this.#options;
    const engine = sabotage?.engine?.(this.#engine, { world: this.#world, process }) ?? this.#engine;
    return new ObservedEngine(engine, process, this.disk);
  }
}

import { assert, bootCounter, DISK_CHECK_MS, DISK_RESERVE_BYTES, SherdError, TICK_MS } from "sherd/core/base";
import { commandByOpcode } from "sherd/core/command";
import type { Disk } from "sherd/core/env";
import { type Log, type LogHandler, type LogOptions, openLog } from "sherd/core/log";
import type { ClusterMap, NodeInfo } from "sherd/core/meta";
import { type Node, openNode } from "sherd/core/node";
import { createRaftCore, RAFT_CORE_OPTIONS } from "sherd/core/raft";
import { Connections, type ServerFacts } from "sherd/core/session";
import { MemoryEngine, type MemoryImage, openStore, type Store } from "sherd/core/store";
import { SimDisk } from "../disk/index.ts";
import type { SimNetwork } from "../network/index.ts";
import { Random, Violation, type World } from "../world/index.ts";
import { type Clocks, ObservedEngine, SimEnv } from "./env.ts";
import { observeCommands, observeLinks } from "./observe.ts";
import { observeRaft } from "./observed-raft.ts";
import { type CrashKind, SimProcess } from "./process.ts";
import type { Sabotage } from "./sabotage.ts";
import type { NodeWatcher } from "./watcher.ts";

/** Limits of the log and the cache: so small that a run of seconds meets recycled segments, snapshots and misses. */
export interface Sizes {
  readonly log: LogOptions;
  readonly cacheBytesMax: number;
}

export interface MachineOptions {
  readonly world: World;
  readonly network: SimNetwork;
  readonly plan: ClusterMap;
  readonly info: NodeInfo;
  readonly wasm: Uint8Array;
  readonly sizes: Sizes;
  readonly diskWriteMs: readonly [number, number];
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
  cpu: () => ({ userSeconds: 0, systemSeconds: 0 }),
};
/** How a node may end over a disk that is unsound. */
const REFUSALS: ReadonlySet<string> = new Set([
  "SHERD_LOG_DAMAGED",
  "SHERD_LOG_GAP",
  "SHERD_STORE_DAMAGED",
  "SHERD_DATA_EMPTIED",
  "SHERD_DATA_OLDER_COPY",
]);
const BOOTSTRAPPED = "bootstrapped";
const TICK_JITTER_MS = 4;

/** A node's machine: what outlives its processes, and the process that runs, if one does. */
export class Machine {
  readonly name: string;
  readonly info: NodeInfo;
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
  #boots = 0;
  #process: SimProcess | undefined;
  #engine: MemoryEngine | undefined;
  #node: Node | undefined;
  #store: Store | undefined;
  #space: Disk | undefined;
  #connections: Connections | undefined;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#world = options.world;
    this.info = options.info;
    this.name = options.info.name;
    this.#random = options.world.random.stream(`machine ${this.name}`);
    this.clocks.steadyRate = this.#random.between(0.98, 1.02);
    const diskRandom = this.#random.stream("disk");
    const device = {
      random32: () => diskRandom.u32(),
      schedule: (delayMs: number, event: () => void) => this.#world.after(delayMs, () => this.#process?.run(event)),
    };
    this.disk = new SimDisk(device, { writeMs: options.diskWriteMs });
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
    this.#boots += 1;
    this.refusal = undefined;
    this.clocks.steadyOffsetMs = this.#random.between(0, 1e6);
    const process = new SimProcess(this.name, this.#world, {
      ended: (kind) => this.#ended(kind),
      mayEnd: (error) => error instanceof SherdError && this.#mayEnd(error),
    });
    this.#process = process;
    this.#world.coverage.count("start");
    this.#world.trace.event(`${this.name} starts, boot ${this.#boots}`);
    process.run(() => this.#boot(process));
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
    this.#options.network.detach(this.info.id, kind === "process");
    this.disk.crash(kind);
    this.#rows = this.#engine?.crash() ?? this.#rows;
    const rows = this.#rows?.rows;
    if (rows !== undefined) this.#rows = { rows: this.#options.sabotage?.image?.(rows) ?? rows };
    this.#engine = undefined;
    this.#node = undefined;
    this.#store = undefined;
    this.#connections = undefined;
    this.#options.watcher.onProcessEnd();
    if (this.#rows !== undefined) this.#options.watcher.onImage(this.#rows.rows);
    this.onEnded?.();
  }

  #boot(process: SimProcess): void {
    const { sabotage, sizes, watcher } = this.#options;
    const at = { world: this.#world, process };
    const env = new SimEnv(this.#world, process, this.clocks, this.#random.stream(`env of boot ${this.#boots}`));
    const mounted = this.disk.mount((error) => process.fatal(error));
    const disk = sabotage?.disk?.(mounted, at) ?? mounted;
    this.#space = disk;
    const engine = this.#makeEngine(process);
    const late = new LateLogHandler((count) => this.#world.coverage.count(count));
    openLog(env, disk, sizes.log, late, (opened) => {
      const log = watcher.watchLog(sabotage?.log?.(opened, at) ?? opened);
      openStore(env, engine, { cacheBytesMax: sizes.cacheBytesMax }, (found) => {
        const store = sabotage?.store?.(found, at) ?? found;
        env.pass = () => store.pass();
        const bootstrapped = disk.readFile(BOOTSTRAPPED) !== undefined;
        if (bootstrapped && log.created) throw new Violation("the log is kept", `${this.name} has no log any more`);
        this.#open(process, env, log, store, bootstrapped, (node) => {
          if (!bootstrapped) disk.writeFile(BOOTSTRAPPED, new Uint8Array(0));
          late.attach(node);
          env.pass = () => {
            node.pass();
            watcher.onPassEnd(node);
          };
          this.#node = node;
          this.#store = store;
          this.#connections = new Connections(node, FACTS);
          this.#serve(process, node);
          env.requestPass();
        });
        env.requestPass();
      });
    });
  }

  #open(
    process: SimProcess,
    env: SimEnv,
    log: Log,
    store: Store,
    bootstrapped: boolean,
    ready: (node: Node) => void,
  ): void {
    const { sabotage, watcher, plan, wasm, network } = this.#options;
    const at = { world: this.#world, process };
    const core = createRaftCore(wasm, RAFT_CORE_OPTIONS, {
      random: () => env.random32(),
      log: (level, text) => env.log(level, `raft: ${text}`),
    });
    const links = observeLinks(network.links(this.info.id), process, this.#world.coverage);
    const raft = sabotage?.raft?.(core, at) ?? core;
    openNode(
      {
        self: { ...this.info, bootCounter: bootCounter(this.#boots) },
        env,
        raft: observeRaft(raft, watcher),
        log,
        store,
        links: sabotage?.links?.(links, at) ?? links,
        map: plan,
        commandOf: observeCommands(commandByOpcode, watcher),
        bootstrapped,
      },
      ready,
      (error) => {
        throw error;
      },
    );
  }

  #serve(process: SimProcess, node: Node): void {
    this.#world.trace.event(`${this.name} serves`);
    this.#options.network.attach(this.info.id, { handler: node.peerMessages, run: (body) => process.run(body) });
    const tick = (): void => {
      if (!process.alive) return;
      process.run(() => node.tick());
      this.#world.after(TICK_MS + this.#random.between(-TICK_JITTER_MS, TICK_JITTER_MS), tick);
    };
    this.#world.after(this.#random.between(0, TICK_MS), tick);
    this.#checkSpace(process, node);
  }

  /** As the daemon does. */
  #checkSpace(process: SimProcess, node: Node): void {
    if (!process.alive) return;
    process.run(() =>
      this.#space?.freeBytes((free) => {
        const full = free < DISK_RESERVE_BYTES;
        if (full !== node.diskFull) this.#world.trace.event(`${this.name} disk ${full ? "nearly full" : "has room"}`);
        if (full) this.#world.coverage.count("disk nearly full");
        node.diskFull = full;
      }),
    );
    this.#world.after(DISK_CHECK_MS, () => this.#checkSpace(process, node));
  }

  #makeEngine(process: SimProcess): ObservedEngine {
    const random = this.#random.stream(`engine ${this.#boots}`);
    const schedule = (run: () => void): void => this.disk.request(random.between(...this.#options.engineMs), run);
    this.#engine = new MemoryEngine(schedule, this.#rows);
    const { sabotage } = this.#options;
    const engine = sabotage?.engine?.(this.#engine, { world: this.#world, process }) ?? this.#engine;
    return new ObservedEngine(engine, process, this.disk);
  }
}

/** The log is opened before the node that it reports to. */
class LateLogHandler implements LogHandler {
  readonly #count: (what: string) => void;
  #node: Node | undefined;

  constructor(count: (what: string) => void) {
    this.#count = count;
  }

  attach(node: Node): void {
    this.#node = node;
  }

  readonly onTruncated: LogHandler["onTruncated"] = (group, index) => {
    this.#count("log truncated");
    this.#node?.onTruncated(group, index);
  };

  readonly onSlowWrite: LogHandler["onSlowWrite"] = (runningMs) => {
    this.#count("log write slow");
    this.#node?.onSlowWrite(runningMs);
  };

  readonly onPressure: LogHandler["onPressure"] = () => {
    this.#count("log under pressure");
    this.#node?.onPressure();
  };
}

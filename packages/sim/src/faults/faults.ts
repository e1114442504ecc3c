import type { ClusterMap } from "sherd/core/meta";
import type { SimNetwork } from "../network/index.ts";
import type { CrashKind, Machine, SimProcess } from "../node/index.ts";
import type { Random, World } from "../world/index.ts";
import { Budget } from "./budget.ts";
import type { FaultStep } from "./step.ts";

/** How often each kind of fault comes, relative to the others; 0: never in this run. */
export type FaultWeights = Readonly<Record<FaultKind, number>>;

export const FAULT_KINDS = [
  "crash",
  "crash at a request",
  "crash all",
  "isolate",
  "one way",
  "cut",
  "disk hangs",
  "disk write fails",
  "pause",
  "clock jumps",
  "transfer leader",
  "shutdown",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface FaultPlan {
  readonly weights: FaultWeights;
  /** Shortest and longest time between two faults. */
  readonly everyMs: readonly [number, number];
  /** How long a crashed node is away: mostly short; sometimes long enough for others to drop what it lacks. */
  readonly awayMs: readonly [number, number];
  readonly longAwayProbability: number;
  /** Disks of majorities may become unsound: all that is promised then is that nothing wrong is served. */
  readonly beyondBudget: boolean;
}

const LONG_AWAY_MS = [4_000, 12_000] as const;
const PARTITION_MS = [50, 6_000] as const;
const PAUSE_MS = [50, 4_000] as const;
const HANG_MS = [50, 4_000] as const;
const CLOCK_JUMP_MS = 20_000;
/** A node gets through its start in some hundreds of requests to env. */
const REQUESTS_MAX = 1_500;
/** Kinds of requests (beginnings of their names), and after how many of them a node is ended there, at most. */
const RARE_REQUESTS = ["disk write", "disk", "engine write", "engine", "links send", "deflate", "inflate"] as const;
const RARE_REQUESTS_MAX = 60;
const SHUTDOWN_MS = [1, 800] as const;

/** Injects faults until it is stopped, then puts everything in order again. Disks keep what they synced, always. */
export class Faults {
  readonly #world: World;
  readonly #random: Random;
  readonly #machines: readonly Machine[];
  readonly #network: SimNetwork;
  readonly #plan: FaultPlan;
  readonly #shuttingDown: Set<SimProcess> = new Set();
  /** Which disks the run has made unsound, and what may be promised then. */
  readonly budget: Budget;
  /** What was injected so far, in order. */
  readonly injected: FaultStep[] = [];
  #stopped = false;

  constructor(
    world: World,
    machines: readonly Machine[],
    network: SimNetwork,
    map: ClusterMap,
    plan: FaultPlan,
    /** Ordinals of steps that are left out. They change nothing about the others. */
    _skip: ReadonlySet<number> = new Set(),
  ) {
    this.budget = new Budget(map, plan.beyondBudget);
    this.#world = world;
    this.#random = world.random.stream("faults");
    this.#machines = machines;
    this.#network = network;
    this.#plan = plan;
  }

  start(): void {
    this.#world.after(this.#random.between(...this.#plan.everyMs), () => {
      if (this.#stopped) return;
      this.#inject(this.#choose());
      this.start();
    });
  }

  /** No more faults: heals, wakes and starts everything. */
  stop(): void {
    this.#stopped = true;
    this.#world.trace.event("faults end");
    this.#network.heal();
    for (const process of this.#shuttingDown) process.crash("process");
    this.#shuttingDown.clear();
    for (const machine of this.#machines) {
      machine.disk.failNextWrite = false;
      machine.mayEndWith.clear();
      machine.process?.crashAtRequest(Number.POSITIVE_INFINITY, "process");
      resumeDisk(machine);
      machine.process?.resume();
      if (!machine.alive) machine.start();
    }
  }

  #choose(): FaultKind {
    const { weights } = this.#plan;
    let at = this.#random.fraction() * FAULT_KINDS.reduce((sum, kind) => sum + weights[kind], 0);
    for (const kind of FAULT_KINDS) {
      at -= weights[kind];
      if (at < 0) return kind;
    }
    return "crash";
  }

  #inject(kind: FaultKind): void {
    const machine = this.#random.pick(this.#machines);
    this.#world.coverage.count(`fault: ${kind}`);
    this.#world.trace.event(`fault: ${kind} (${machine.name})`);
    switch (kind) {
      case "crash":
        return this.#crash(machine);
      case "crash at a request":
        this.#armCrash(machine);
        return this.#restartWhenEnded(machine);
      case "crash all":
        return this.#crashAll();
      case "isolate":
        return this.#isolate(machine);
      case "one way":
        return this.#oneWay(machine);
      case "cut":
        return this.#cut(machine);
      case "disk hangs":
        return this.#hang(machine);
      case "disk write fails":
        machine.disk.failNextWrite = true;
        machine.mayEndWith.add("SHERD_DISK_WRITE_FAILED");
        return this.#restartWhenEnded(machine);
      case "pause":
        machine.process?.pause();
        return this.#later(PAUSE_MS, () => machine.process?.resume());
      case "clock jumps":
        machine.clocks.wallOffsetMs += this.#random.between(-CLOCK_JUMP_MS, CLOCK_JUMP_MS);
        return;
      case "transfer leader":
        return this.#transfer(machine);
      case "shutdown":
        return this.#shutDown(machine);
    }
  }

  /** Half of the time at any request; else at one of a kind, for most requests are of the same few kinds. */
  #armCrash(machine: Machine): void {
    const any = this.#random.chance(0.5);
    const at = any ? undefined : this.#random.pick(RARE_REQUESTS);
    const count = 1 + this.#random.below(any ? REQUESTS_MAX : RARE_REQUESTS_MAX);
    machine.process?.crashAtRequest(count, this.#crashKind(), at);
  }

  #crash(machine: Machine): void {
    machine.process?.crash(this.#crashKind());
    this.#restartWhenEnded(machine);
  }

  /** The power of the house: what is on no disk is nowhere. */
  #crashAll(): void {
    for (const machine of this.#machines) {
      machine.process?.crash("power");
      this.#restartWhenEnded(machine);
    }
  }

  /** The launcher: starts what has ended, after a while. */
  #restartWhenEnded(machine: Machine): void {
    const long = this.#random.chance(this.#plan.longAwayProbability);
    this.#later(long ? LONG_AWAY_MS : this.#plan.awayMs, () => {
      if (!machine.alive) machine.start();
      else if (!this.#stopped) this.#restartWhenEnded(machine);
    });
  }

  #isolate(machine: Machine): void {
    for (const other of this.#machines) {
      if (other === machine) continue;
      this.#network.block(machine.info.id, other.info.id);
      this.#network.block(other.info.id, machine.info.id);
    }
    this.#later(PARTITION_MS, () => {
      for (const other of this.#machines) {
        if (other === machine) continue;
        this.#network.unblock(machine.info.id, other.info.id);
        this.#network.unblock(other.info.id, machine.info.id);
      }
    });
  }

  #cut(machine: Machine): void {
    const other = this.#other(machine);
    if (other !== undefined) this.#network.cut(machine.info.id, other.info.id);
  }

  #oneWay(from: Machine): void {
    const to = this.#other(from);
    if (to === undefined) return;
    this.#network.block(from.info.id, to.info.id);
    this.#later(PARTITION_MS, () => this.#network.unblock(from.info.id, to.info.id));
  }

  #hang(machine: Machine): void {
    machine.disk.hang();
    this.#later(HANG_MS, () => resumeDisk(machine));
  }

  /** An operator moves what the node leads. */
  #transfer(machine: Machine): void {
    machine.process?.run(() => {
      const { node } = machine;
      if (node === undefined) return;
      for (const replica of node.replicas()) {
        if (!replica.leads) continue;
        const others = node.raft.progress(replica.group).filter(({ peer }) => peer !== replica.id);
        if (others.length > 0) node.raft.transferLeader(replica.group, this.#random.pick(others).peer);
      }
      node.env.requestPass();
    });
  }

  /** As by SIGTERM: hands over what it leads, then ends. */
  #shutDown(machine: Machine): void {
    const { process } = machine;
    if (process === undefined) return;
    process.run(() => machine.node?.handOver());
    this.#shuttingDown.add(process);
    this.#later(SHUTDOWN_MS, () => {
      if (!this.#shuttingDown.delete(process) || !process.alive) return;
      process.crash("process");
      this.#restartWhenEnded(machine);
    });
  }

  #crashKind(): CrashKind {
    return this.#random.chance(0.5) ? "process" : "power";
  }

  /** Undefined in a cluster of one node. */
  #other(machine: Machine): Machine | undefined {
    const others = this.#machines.filter((candidate) => candidate !== machine);
    return others.length === 0 ? undefined : this.#random.pick(others);
  }

  #later([shortestMs, longestMs]: readonly [number, number], event: () => void): void {
    this.#world.after(this.#random.between(shortestMs, longestMs), event);
  }
}

/** What the disk completes now is an event of the process. */
function resumeDisk(machine: Machine): void {
  const { process, disk } = machine;
  if (process === undefined) disk.resume();
  else process.run(() => disk.resume());
}

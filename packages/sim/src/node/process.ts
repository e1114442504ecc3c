import { SherdError } from "sherd/core/base";
import { SimCrashed } from "../disk/index.ts";
import { Violation, type World } from "../world/index.ts";

/** "process": killed, the machine goes on. "power": the machine went down with it. */
export type CrashKind = "process" | "power";

/** Unwinds the code of a process that has just been ended. */
class Crash extends Error {
  override readonly name = "Crash";
}

export interface ProcessHost {
  /** Ends what outlives no process: its links, its requests to disk and engine. */
  ended(kind: CrashKind): void;
  /** Whether the fault plan has given this process a reason to end itself so. */
  mayEnd(error: SherdError | Error): boolean;
}

/** One run of a node: from its start to its end nothing else of the node runs, and after its end nothing of it. */
export class SimProcess {
  readonly name: string;
  readonly #world: World;
  readonly #host: ProcessHost;
  #alive = true;
  #deferred: (() => void)[] | undefined;
  readonly #onEnd: (() => void)[] = [];
  /** Requests to env until it is ended; undefined: it is not. */
  #requestsLeft: number | undefined;
  #crashKind: CrashKind = "process";
  /** Requests that count. */
  #crashAt = "";

  constructor(name: string, world: World, host: ProcessHost) {
    this.name = name;
    this.#world = world;
    this.#host = host;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#deferred !== undefined;
  }

  /** Everything that the process does is done in here. */
  run(body: () => void): void {
    if (!this.#alive) return;
    if (this.#deferred !== undefined) {
      this.#deferred.push(body);
      return;
    }
    try {
      body();
    } catch (error) {
      if (error instanceof Violation) throw error;
      if (!this.#alive && (error instanceof Crash || error instanceof SimCrashed)) return;
      // Where nobody catches it, it ends a real process, too.
      if (error instanceof SherdError && this.#host.mayEnd(error)) return this.#endItself(error);
      throw new Violation("a node goes on running", `${this.name}: ${String(error)}`, { cause: error });
    }
  }

  onEnd(listener: () => void): void {
    this.#onEnd.push(listener);
  }

  // --- faults

  /**
   * It is ended at that many more requests to env, inside whatever it is doing then. `at`: how the names of requests
   * that count begin; all names begin with "".
   */
  crashAtRequest(count: number, kind: CrashKind, at: string): void {
    this.#requestsLeft = count;
    this.#crashKind = kind;
    this.#crashAt = at;
  }

  /** Between two events. */
  crash(kind: CrashKind): void {
    if (this.#alive) this.#end(kind, "killed");
  }

  /** As by SIGSTOP: events wait. */
  pause(): void {
    this.#deferred ??= [];
  }

  resume(): void {
    const deferred = this.#deferred ?? [];
    this.#deferred = undefined;
    for (const body of deferred) this.run(body);
  }

  // --- for the interfaces that it sees

  /** Every request to env passes here: any may be the last. */
  request(what: string): void {
    if (!this.#alive) throw new Crash(`${this.name} has ended`);
    if (this.#requestsLeft === undefined) return;
    if (!what.startsWith(this.#crashAt)) return;
    this.#requestsLeft -= 1;
    if (this.#requestsLeft > 0) return;
    this.#world.coverage.count(`crash inside ${what}`);
    this.#end(this.#crashKind, `ends inside ${what}`);
    throw new Crash(`${this.name} ends inside ${what}`);
  }

  fatal(error: SherdError | Error): never {
    if (!this.#host.mayEnd(error)) {
      throw new Violation("a node ends only for a reason", `${this.name}: ${error.message}`, { cause: error });
    }
    this.#endItself(error);
    throw new Crash(`${this.name} ended itself`);
  }

  #endItself(error: SherdError | Error): void {
    this.#world.coverage.count(`node ended itself: ${error instanceof SherdError ? error.code : error.name}`);
    this.#end("process", `ends itself: ${error.message}`);
  }

  #end(kind: CrashKind, why: string): void {
    this.#alive = false;
    this.#deferred = undefined;
    this.#world.coverage.count(`crash (${kind})`);
    this.#world.trace.event(`${this.name} ${why} (${kind})`);
    this.#host.ended(kind);
    for (const listener of this.#onEnd) listener();
  }
}

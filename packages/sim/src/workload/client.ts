import { describe, type Operation } from "../checkers/index.ts";
import type { Machine } from "../node/index.ts";
import { type Random, Violation, type World } from "../world/index.ts";
import { call, judge } from "./call.ts";
import type { Recorder } from "./recorder.ts";

export interface Habits {
  /** True: wants MOVED and follows it; false: lets the node forward. */
  readonly redirect: boolean;
  /** Commands sent at once, at most. */
  readonly pipelineMax: number;
  readonly thinkMs: readonly [number, number];
  readonly hotProbability: number;
  readonly hotKeys: number;
  readonly wideKeys: number;
  /** Of the longer values. */
  readonly longValueBytes: number;
  readonly longValueProbability: number;
}

/** Every request is answered within this time while its node runs: the longest limit of the node, and some. */
export const ANSWER_MS_MAX = 30_000;
const RECONNECT_MS = [5, 200] as const;

/** One connection of one client: sends a few commands, waits for all answers, thinks, goes on. */
export class Client {
  readonly name: string;
  readonly #world: World;
  readonly #random: Random;
  readonly #recorder: Recorder;
  readonly #machines: readonly Machine[];
  readonly #habits: Habits;
  #machine: Machine;
  #stopped = false;
  /** What is sent again, after MOVED, or at another node. */
  #again: { readonly kind: Operation["kind"]; readonly key: string }[] = [];

  constructor(name: string, world: World, machines: readonly Machine[], recorder: Recorder, habits: Habits) {
    this.name = name;
    this.#world = world;
    this.#random = world.random.stream(`client ${name}`);
    this.#machines = machines;
    this.#recorder = recorder;
    this.#habits = habits;
    this.#machine = this.#random.pick(machines);
  }

  start(): void {
    this.#later(this.#habits.thinkMs);
  }

  stop(): void {
    this.#stopped = true;
  }

  #later(delayMs: readonly [number, number]): void {
    this.#world.after(this.#random.between(...delayMs), () => this.#send());
  }

  #send(): void {
    if (this.#stopped) return;
    if (this.#machine.node === undefined || this.#random.chance(0.02)) {
      this.#machine = this.#random.pick(this.#machines);
      return this.#later(RECONNECT_MS);
    }
    new Exchange(this.#world, this.#recorder, this.#machine, this.name, this.#habits.redirect, (replies) =>
      this.#onDone(replies),
    ).begin(this.#choose());
  }

  /** Commands of one kind: a connection gives a shard no read while it has a write open there, nor the reverse. */
  #choose(): Wanted[] {
    const again = this.#again;
    this.#again = [];
    if (again.length > 0) return again.map((wanted) => ({ ...wanted, valueBytes: 0 }));
    const { pipelineMax, longValueBytes, longValueProbability } = this.#habits;
    const reads = this.#random.chance(0.45);
    const wanted: Wanted[] = [];
    for (let left = 1 + this.#random.below(pipelineMax); left > 0; left -= 1) {
      const kind = reads ? "get" : this.#random.chance(0.2) ? "del" : "set";
      const valueBytes = this.#random.chance(longValueProbability) ? this.#random.below(longValueBytes) : 0;
      wanted.push({ kind, key: this.#key(), valueBytes });
    }
    return wanted;
  }

  #key(): string {
    const { hotProbability, hotKeys, wideKeys } = this.#habits;
    return this.#random.chance(hotProbability)
      ? `hot:${this.#random.below(hotKeys)}`
      : `wide:${this.#random.below(wideKeys)}`;
  }

  #onDone(ended: Ended): void {
    if (ended.broken) this.#machine = this.#random.pick(this.#machines);
    for (const { operation, movedTo } of ended.refused) {
      if (movedTo === undefined) continue;
      this.#world.coverage.count("MOVED followed");
      this.#machine = this.#machines.find((machine) => movedTo === addressOf(machine)) ?? this.#machine;
      this.#again.push({ kind: operation.kind, key: operation.key });
    }
    // A retry after MOVED keeps the rule of one kind at a time: all of an exchange are reads, or all are writes.
    this.#later(ended.broken ? RECONNECT_MS : this.#habits.thinkMs);
  }
}

const addressOf = ({ info }: Machine): string => `${info.addresses.host}:${info.addresses.clusterPort}`;

interface Wanted {
  readonly kind: Operation["kind"];
  readonly key: string;
  readonly valueBytes: number;
}

interface Ended {
  /** The node ended before it had answered all. */
  readonly broken: boolean;
  readonly refused: readonly { readonly operation: Operation; readonly movedTo: string | undefined }[];
}

/** Commands sent together, until all are answered or their node has ended. */
class Exchange {
  readonly #world: World;
  readonly #recorder: Recorder;
  readonly #machine: Machine;
  readonly #client: string;
  readonly #redirect: boolean;
  readonly #done: (ended: Ended) => void;
  readonly #open: Set<Operation> = new Set();
  readonly #refused: { readonly operation: Operation; readonly movedTo: string | undefined }[] = [];

  constructor(
    world: World,
    recorder: Recorder,
    machine: Machine,
    client: string,
    redirect: boolean,
    done: (ended: Ended) => void,
  ) {
    this.#world = world;
    this.#recorder = recorder;
    this.#machine = machine;
    this.#client = client;
    this.#redirect = redirect;
    this.#done = done;
  }

  begin(wanted: readonly Wanted[]): void {
    const { process } = this.#machine;
    if (process === undefined) return this.#break();
    const operations: Operation[] = [];
    for (const { kind, key, valueBytes } of wanted) {
      const behind = kind === "get" ? undefined : operations.findLast((before) => before.key === key);
      operations.push(this.#recorder.begin(this.#client, kind, key, behind, valueBytes));
    }
    for (const operation of operations) this.#open.add(operation);
    process.run(() => {
      for (const operation of operations) {
        call(this.#machine, operation, this.#redirect, (reply) => {
          this.#world.trace.mix(operation.id);
          const outcome = judge(operation, reply);
          this.#recorder.end(operation, outcome);
          this.#open.delete(operation);
          if (outcome === "refused" && reply.type === "error") {
            this.#refused.push({ operation, movedTo: reply.kind === "MOVED" ? reply.text.split(" ")[1] : undefined });
          }
          if (this.#open.size === 0) this.#finish(false);
        });
      }
    });
    this.#watch(process, 0);
  }

  /** Looks whether the node still runs: its end breaks the connection. */
  #watch(process: NonNullable<Machine["process"]>, waitedMs: number): void {
    if (this.#open.size === 0) return;
    if (!process.alive) return this.#break();
    if (waitedMs > ANSWER_MS_MAX && !process.paused) {
      const [first] = this.#open;
      const what = first === undefined ? "" : describe(first);
      throw new Violation("every request is answered", `${what} at ${this.#machine.name} after ${waitedMs} ms`);
    }
    const stepMs = this.#watchMs;
    this.#world.after(stepMs, () => this.#watch(process, process.paused ? 0 : waitedMs + stepMs));
  }

  readonly #watchMs = 20;

  #break(): void {
    for (const operation of this.#open) this.#recorder.end(operation, "unknown");
    this.#open.clear();
    this.#finish(true);
  }

  /** In an event of its own: what comes next is not done inside the node's call. */
  #finish(broken: boolean): void {
    this.#world.after(0, () => this.#done({ broken, refused: this.#refused }));
  }
}

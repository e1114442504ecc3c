import { setTimeout as sleep } from "node:timers/promises";
import type { Operation } from "@sherd/sim/checkers";
import type { Random } from "@sherd/sim/world";
import type { Caller } from "../clients/index.ts";
import type { PlacedNode } from "../cluster/index.ts";
import { BACK_OFF_MS, PIPELINE_MAX } from "../limits.ts";
import type { Gaps } from "./gaps.ts";
import { argsOf, takeResult } from "./judge.ts";
import type { KeyRing, LiveKey } from "./key-ring.ts";
import type { Recorder } from "./recorder.ts";
import { chooseOperation } from "./wanted.ts";

/** What all workers share. */
export interface Workload {
  readonly recorder: Recorder;
  readonly keys: KeyRing;
  readonly gaps: Gaps;
  /** Of a client between its commands, from .. to. */
  readonly thinkMs: readonly [number, number];
  readonly nodes: { readonly placed: readonly PlacedNode[]; readonly generation: number };
}

const WRITES: ReadonlySet<Operation["kind"]> = new Set(["set", "mset", "del", "incr", "append"]);

/** One client: a few commands, their answers, a moment of thought, and again. */
export class Worker {
  readonly #name: string;
  readonly #caller: Caller;
  readonly #random: Random;
  readonly #workload: Workload;
  #generation = 0;
  #stopped = false;

  constructor(name: string, caller: Caller, random: Random, workload: Workload) {
    this.#name = name;
    this.#caller = caller;
    this.#random = random;
    this.#workload = workload;
  }

  /** Until stopped. Rejects with a `Violation`. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      const { nodes, thinkMs } = this.#workload;
      if (nodes.generation !== this.#generation) {
        this.#generation = nodes.generation;
        this.#caller.reconnect();
      }
      const reached = await this.#batch();
      await sleep(reached ? this.#random.between(...thinkMs) : BACK_OFF_MS);
    }
  }

  /** Nothing new is sent. */
  stop(): void {
    this.#stopped = true;
  }

  /** What is under way ends as unknown. */
  close(): void {
    this.#stopped = true;
    this.#caller.close();
  }

  /** False when nothing was acknowledged. */
  async #batch(): Promise<boolean> {
    const count = this.#caller.keepsOrder ? 1 + this.#random.below(PIPELINE_MAX) : 1;
    const sent: Operation[] = [];
    const calls: Promise<boolean>[] = [];
    for (let at = 0; at < count; at += 1) {
      const { recorder, keys } = this.#workload;
      const key = keys.choose(this.#random, recorder);
      const behind = sent.filter((operation) => operation.key === key.name).slice(-1);
      const wanted = chooseOperation(this.#random, key);
      const operation = recorder.begin(this.#name, key.name, wanted, behind);
      key.operations += 1;
      sent.push(operation);
      calls.push(this.#call(operation, key));
    }
    return (await Promise.all(calls)).includes(true);
  }

  async #call(operation: Operation, key: LiveKey): Promise<boolean> {
    const { recorder, gaps } = this.#workload;
    const told = await this.#caller.call(operation.key, argsOf(operation));
    if (told.outcome !== "done") {
      if (told.outcome === "unknown") key.unknown += 1;
      recorder.end(operation, told.outcome, `${this.#caller.kind} ${told.why}`);
      return false;
    }
    takeResult(recorder, operation, told.value);
    recorder.end(operation, "done");
    if (WRITES.has(operation.kind)) gaps.acknowledged(key.shard, operation.beganMs, operation.endedMs);
    return true;
  }
}

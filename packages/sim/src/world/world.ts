import { assert } from "sherd/core/base";
import { Coverage } from "./coverage.ts";
import { EventQueue } from "./queue.ts";
import { Random } from "./random.ts";
import { Trace } from "./trace.ts";
import { Violation } from "./violation.ts";

/** A run that makes more events than this turns in a circle. */
const EVENTS_MAX = 5_000_000;

/** Virtual time, randomness and the order of everything. */
export class World {
  readonly random: Random;
  readonly trace: Trace;
  readonly coverage: Coverage = new Coverage();
  readonly #queue: EventQueue = new EventQueue();
  #nowMs = 0;
  #events = 0;
  #moments = 0;

  constructor(seed: bigint, print?: (line: string) => void) {
    this.random = new Random(seed);
    this.trace = new Trace(() => this.#nowMs, print);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get events(): number {
    return this.#events;
  }

  /** Larger than all before: orders what clients see, also within one virtual millisecond. */
  moment(): number {
    this.#moments += 1;
    return this.#moments;
  }

  after(delayMs: number, event: () => void): void {
    assert(delayMs >= 0, "nothing is scheduled in the past");
    this.#queue.push(this.#nowMs + delayMs, event);
  }

  /** Runs until the virtual time, or until `enough`. */
  run(untilMs: number, enough: () => boolean = () => false): void {
    while (!enough()) {
      const nextMs = this.#queue.nextMs;
      if (nextMs === undefined || nextMs > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return;
      }
      this.#nowMs = nextMs;
      this.#events += 1;
      if (this.#events > EVENTS_MAX) throw new Violation("the run comes to an end", `${EVENTS_MAX} events happened`);
      (this.#queue.pop() as () => void)();
    }
  }
}

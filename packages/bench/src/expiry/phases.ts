import { StolenTime } from "../machine.ts";
import type { Bystander, Waits } from "./bystander.ts";
import type { Nodes } from "./nodes.ts";

/** Above these shares of a second, what it says is what other programs did. */
const STOLEN_PERCENT_MAX = 3;
const WAITED_PERCENT_MAX = 5;

/** One second of the removal. */
export interface Second {
  /** Since the keys ended. */
  readonly second: number;
  readonly keysLeft: number;
  /** The bystander's longest wait that ended in it. */
  readonly maxMs: number;
  /** Of the processors' time, by other guests of the host. */
  readonly stolenPercent: number;
  /** Of the time of the nodes' first threads: no processor was free. */
  readonly waitedPercent: number;
}

export interface Phase extends Waits {
  readonly stolenPercent: number | undefined;
  /** Longest pause of a node's event loop. */
  readonly pauseMs: number;
}

/** Notes a bystander's waits in parts, each with what explains them. */
export class Phases {
  readonly #bystander: Bystander;
  readonly #nodes: Nodes;
  readonly #ofPhase: StolenTime = new StolenTime();
  readonly #ofSecond: StolenTime = new StolenTime();
  readonly seconds: Second[] = [];

  constructor(bystander: Bystander, nodes: Nodes) {
    this.#bystander = bystander;
    this.#nodes = nodes;
  }

  /** Since the last call. */
  async take(): Promise<Phase> {
    const waits = this.#bystander.take();
    return { ...waits, stolenPercent: this.#ofPhase.takePercent(), pauseMs: await this.#nodes.takePauseMs() };
  }

  /** Seconds begin now. */
  restartSeconds(): void {
    this.#bystander.takeLongestMs();
    this.#ofSecond.takePercent();
    this.#nodes.takeWaitedPercent();
  }

  /** Since the last call. */
  second(sinceMs: number, keysLeft: number): void {
    this.seconds.push({
      second: Math.round((Date.now() - sinceMs) / 1_000),
      keysLeft,
      maxMs: this.#bystander.takeLongestMs(),
      stolenPercent: this.#ofSecond.takePercent() ?? 0,
      waitedPercent: this.#nodes.takeWaitedPercent(),
    });
  }

  /** The longest wait of the seconds in which the nodes had the machine, each also without the one behind it. */
  undisturbed(): { readonly seconds: number; readonly maxMs: number } {
    const calm = ({ stolenPercent, waitedPercent }: Second): boolean =>
      stolenPercent <= STOLEN_PERCENT_MAX && waitedPercent <= WAITED_PERCENT_MAX;
    const seconds = this.seconds.filter(
      (second, at) => calm(second) && (at === 0 || calm(this.seconds[at - 1] as Second)),
    );
    return { seconds: seconds.length, maxMs: Math.max(0, ...seconds.map(({ maxMs }) => maxMs)) };
  }
}

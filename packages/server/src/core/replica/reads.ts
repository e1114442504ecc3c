import type { Index } from "../base/index.ts";
import { READ_ROUNDS_MAX } from "../base/index.ts";
import type { Request, Rerouted } from "./types.ts";

interface Round {
  readonly context: number;
  readonly bornMs: number;
  readonly reads: readonly Rerouted[];
  /** Known once a majority has confirmed the leader since the round began. */
  index: Index | undefined;
}

/**
 * Reads waiting for their turn. All that wait when a pass comes share one ReadIndex round (thesis 6.4); at most
 * READ_ROUNDS_MAX are under way, later reads gather for the next.
 */
export class ReadQueue {
  #waiting: Rerouted[] = [];
  #rounds: Round[] = [];

  get mayBegin(): boolean {
    return this.#waiting.length > 0 && this.#unconfirmed() < READ_ROUNDS_MAX;
  }

  /** Taken and not given out again. */
  get open(): number {
    let open = this.#waiting.length;
    for (const round of this.#rounds) open += round.reads.length;
    return open;
  }

  get idle(): boolean {
    return this.#waiting.length === 0 && this.#rounds.length === 0;
  }

  add(request: Request, args: readonly Uint8Array[], bornMs: number): void {
    this.#waiting.push({ request, args, bornMs });
  }

  /** Begins a round for all waiting reads, if one may begin. */
  begin(context: () => number, nowMs: number): number | undefined {
    if (!this.mayBegin) return undefined;
    const round: Round = { context: context(), bornMs: nowMs, reads: this.#waiting, index: undefined };
    this.#waiting = [];
    this.#rounds.push(round);
    return round.context;
  }

  confirm(context: number, index: Index): void {
    for (const round of this.#rounds) if (round.context === context) round.index = index;
  }

  /** Reads of all rounds that are confirmed and whose index is applied. */
  takeServable(applied: Index): Rerouted[] | undefined {
    let taken: Rerouted[] | undefined;
    while (this.#rounds.length > 0) {
      const round = this.#rounds[0] as Round;
      if (round.index === undefined || round.index > applied) break;
      this.#rounds.shift();
      if (taken === undefined) taken = round.reads as Rerouted[];
      else for (const read of round.reads) taken.push(read);
    }
    return taken;
  }

  /** The round will not be confirmed. */
  drop(context: number): readonly Rerouted[] {
    const at = this.#rounds.findIndex((round) => round.context === context);
    if (at < 0) return [];
    return (this.#rounds.splice(at, 1)[0] as Round).reads;
  }

  takeWaiting(): Rerouted[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }

  /** Everything, oldest first. */
  takeAll(): Rerouted[] {
    const all = this.#rounds.flatMap((round) => [...round.reads]);
    this.#rounds = [];
    return all.concat(this.takeWaiting());
  }

  /** Reads of rounds begun before `bornBeforeMs`: they waited too long. */
  takeOlder(bornBeforeMs: number): Rerouted[] {
    const old = this.#rounds.filter((round) => round.bornMs < bornBeforeMs);
    if (old.length > 0) this.#rounds = this.#rounds.filter((round) => round.bornMs >= bornBeforeMs);
    return old.flatMap((round) => [...round.reads]);
  }

  #unconfirmed(): number {
    let count = 0;
    for (const round of this.#rounds) if (round.index === undefined) count += 1;
    return count;
  }
}

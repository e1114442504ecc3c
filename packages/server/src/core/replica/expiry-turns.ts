import { EXPIRY_TURN_MS_MAX } from "../base/index.ts";

/** Who removes keys that have ended. */
export interface TakesTurns {
  /** Followed by `leave`, perhaps inside the call. */
  takeTurn(): void;
}

/**
 * The shards of a node remove keys one after the other: all in the same pass, nobody else would be served for as many times
 * longer. In the order in which they asked.
 */
export class ExpiryTurns {
  /** The first has the turn. */
  readonly #queue: TakesTurns[] = [];
  #sinceMs = 0;

  /** Once, until it leaves. */
  ask(one: TakesTurns, nowMs: number): void {
    this.#queue.push(one);
    if (this.#queue[0] === one) this.#begin(nowMs);
  }

  /** Now and then, by those who wait: a turn that takes too long is over. */
  wait(nowMs: number): void {
    const [holder] = this.#queue;
    if (holder !== undefined && nowMs - this.#sinceMs >= EXPIRY_TURN_MS_MAX) this.leave(holder, nowMs);
  }

  /** It is done, or does not want any more. No effect on one that has no place here. */
  leave(one: TakesTurns, nowMs: number): void {
    const place = this.#queue.indexOf(one);
    if (place < 0) return;
    this.#queue.splice(place, 1);
    if (place === 0) this.#begin(nowMs);
  }

  #begin(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#queue[0]?.takeTurn();
  }
}

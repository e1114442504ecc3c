import { type Slot, VALUE_BYTES_MAX } from "../base/index.ts";
import { type LengthsAhead, NUMBER_BYTES_MAX } from "../command/index.ts";

/** The length of a key's value in the state as it is; undefined: nothing is known of it. */
export type LengthNow = (slot: Slot, key: Uint8Array) => number | undefined;

interface Moved {
  readonly bytes: number;
  /** Of `gathered`, when the write that moves it came. */
  readonly at: number;
}

/**
 * How long values can be when a write that a leader gathers now is applied: between its state and that write lie all
 * writes that it has gathered before and not applied yet. Each makes a value longer by at most its own bytes and its
 * `growth`, so all of them together bound how much any value grows, and no write has to be looked at but those that give a
 * key what another one has.
 *
 * Invariant: until it is applied, no value of a key is longer than the longest of what the key has in the state, what was
 * moved within its slot, and what a number takes, plus what was gathered since the state.
 */
export class LengthsInFlight implements LengthsAhead {
  readonly #now: LengthNow;
  readonly #gathered: () => number;
  #settled = 0;
  /** By writes in flight, oldest first. By slot, because a value never leaves its slot. */
  readonly #moved: Map<Slot, Moved> = new Map();

  /** `gathered`: bytes and `growth` of all writes that ever came, which only grows. */
  constructor(now: LengthNow, gathered: () => number) {
    this.#now = now;
    this.#gathered = gathered;
  }

  longest(slot: Slot, key: Uint8Array): number {
    const now = this.#now(slot, key);
    if (now === undefined) return VALUE_BYTES_MAX;
    const moved = this.#moved.size === 0 ? 0 : (this.#moved.get(slot)?.bytes ?? 0);
    // Ten bytes of a sum of fractions may be three hundred digits, and a sum of two has no more.
    return Math.min(VALUE_BYTES_MAX, Math.max(now, moved, NUMBER_BYTES_MAX) + this.#gathered() - this.#settled);
  }

  moves(slot: Slot, bytes: number): void {
    this.#moved.delete(slot);
    this.#moved.set(slot, { bytes, at: this.#gathered() });
  }

  /**
   * All that was gathered up to here is in the state, or will never be. What is given up without a word counts until
   * something later is settled.
   */
  settled(gathered: number): void {
    this.#settled = gathered;
    if (this.#moved.size === 0) return;
    for (const [slot, { at }] of this.#moved) {
      if (at >= gathered) break;
      this.#moved.delete(slot);
    }
  }
}

import { SCAN_PLACES_MAX } from "../base/index.ts";
import type { Env } from "../env/index.ts";
import { PLACES_END } from "../machine/index.ts";
import type { KeyPlace } from "../store/index.ts";

/**
 * Places within slots at which walks over the keys will continue, by number; the oldest give way to new ones.
 *
 * A number means its place here and nowhere else: each replica begins at a number of its own, drawn from 2^39, and
 * counts on, so that one that came from another replica, or from before a restart, is not known here. If it were taken for
 * another place, a walk would leave keys out.
 */
export class KeyPlaces {
  readonly #env: Env;
  readonly #places: Map<number, KeyPlace> = new Map();
  #last: number | undefined;

  constructor(env: Env) {
    this.#env = env;
  }

  at(number: number): KeyPlace | undefined {
    return this.#places.get(number);
  }

  add({ slot, key }: KeyPlace): number {
    const number = this.#next();
    this.#places.set(number, { slot, key });
    if (this.#places.size > SCAN_PLACES_MAX) {
      for (const oldest of this.#places.keys()) {
        this.#places.delete(oldest);
        break;
      }
    }
    return number;
  }

  #next(): number {
    this.#last ??= this.#env.random32() * 128 + (this.#env.random32() % 128);
    this.#last = (this.#last + 1) % PLACES_END;
    // 0 is a slot's beginning.
    if (this.#last === 0) this.#last = 1;
    return this.#last;
  }
}

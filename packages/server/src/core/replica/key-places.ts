import { SCAN_PLACES_MAX } from "../base/index.ts";
import type { Env } from "../env/index.ts";
import { PLACES_END } from "../machine/index.ts";
import type { KeyPlace } from "../store/index.ts";

interface Given {
  readonly place: KeyPlace;
  /** The walk stood there before. 0: at a slot's beginning, or where nobody knows any more. */
  readonly before: number;
}

/**
 * Places within slots at which walks over the keys will continue, by number; the oldest give way to new ones. A walk has
 * two: where it stands, and where its last read began, because the client may not have got that read's answer. Were all
 * kept, one that is slow would find its place gone whenever quick ones have made a few thousand reads, and never end.
 *
 * A number means its place here and nowhere else: each replica begins at a number of its own, drawn from 2^39, and
 * counts on, so that one that came from another replica, or from before a restart, is not known here. If it were taken for
 * another place, a walk would leave keys out.
 */
export class KeyPlaces {
  readonly #env: Env;
  readonly #given: Map<number, Given> = new Map();
  #last: number | undefined;

  constructor(env: Env) {
    this.#env = env;
  }

  at(number: number): KeyPlace | undefined {
    return this.#given.get(number)?.place;
  }

  /** `before`: the number at which the read began that ends here. */
  add({ slot, key }: KeyPlace, before: number): number {
    const number = this.#next();
    const passed = this.#given.get(before)?.before;
    if (passed !== undefined) this.#given.delete(passed);
    this.#given.set(number, { place: { slot, key }, before });
    if (this.#given.size > SCAN_PLACES_MAX) {
      for (const oldest of this.#given.keys()) {
        this.#given.delete(oldest);
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

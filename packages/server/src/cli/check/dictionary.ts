import type { SeededRandom } from "../random.ts";

/** What the store must hold: a map, with a random member in constant time, and the memory of what was deleted. */
export class Dictionary {
  readonly #values = new Map<string, string>();
  /** Every key of the map, in an order that deletions shuffle; `#places` says where. */
  readonly #keys: string[] = [];
  readonly #places = new Map<string, number>();
  readonly #deleted: string[] = [];

  get size(): number {
    return this.#keys.length;
  }

  get(key: string): string | undefined {
    return this.#values.get(key);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  put(key: string, value: string): void {
    if (!this.#values.has(key)) {
      this.#places.set(key, this.#keys.length);
      this.#keys.push(key);
    }
    this.#values.set(key, value);
  }

  delete(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    const last = this.#keys.pop() as string;
    if (last !== key) {
      this.#keys[place] = last;
      this.#places.set(last, place);
    }
    this.#places.delete(key);
    this.#values.delete(key);
    this.#deleted.push(key);
  }

  /** A key that is there; undefined when there is none. */
  randomKey(random: SeededRandom): string | undefined {
    return this.#keys[random.below(this.#keys.length)];
  }

  /** A key that was deleted, and may have been put again since. */
  randomDeleted(random: SeededRandom): string | undefined {
    return this.#deleted[random.below(this.#deleted.length)];
  }
}

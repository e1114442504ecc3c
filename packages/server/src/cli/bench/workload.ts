import type { IntegerRange, Mix } from "../options.ts";
import { SeededRandom } from "../random.ts";

export type OperationName = "put" | "get" | "delete";
export const OPERATIONS: readonly OperationName[] = ["put", "get", "delete"];

/**
 * Which keys gets and deletes take. `fresh`: a new random key each time, so they nearly always miss, as in the original
 * system's benchmark. `known`: one that this worker has put and not deleted, so they hit.
 */
export type KeyChoice = "fresh" | "known";

export interface Workload {
  readonly mix: Mix;
  readonly keyChoice: KeyChoice;
  /** Keys put before anything is measured, over all workers. */
  readonly loadedKeys: number;
  readonly keyBytes: IntegerRange;
  readonly valueBytes: IntegerRange;
}

export type PresetName = "hits" | "original" | "original-thirds";

const HALF_PUTS: Mix = { put: 0.5, get: 0.25, delete: 0.25 };
const THIRDS: Mix = { put: 1 / 3, get: 1 / 3, delete: 1 / 3 };

export const PRESETS: Readonly<Record<PresetName, Pick<Workload, "mix" | "keyChoice" | "loadedKeys">>> = {
  hits: { mix: HALF_PUTS, keyChoice: "known", loadedKeys: 10_000 },
  original: { mix: HALF_PUTS, keyChoice: "fresh", loadedKeys: 0 },
  "original-thirds": { mix: THIRDS, keyChoice: "fresh", loadedKeys: 1_000 },
};

/** Keys that one worker remembers; beyond it its puts replace values. Bounds memory, and keeps a store of gets from growing. */
const KNOWN_KEYS_MAX = 100_000;

/** The operations of one worker: a function of the seed, the worker's number, and (for `known`) the answers. */
export class OperationSource {
  readonly #workload: Workload;
  readonly #random: SeededRandom;
  readonly #known: Uint8Array[] = [];
  /** The operation that `next` chose. */
  key: Uint8Array = new Uint8Array(0);
  /** Of a put only. */
  value: Uint8Array = new Uint8Array(0);

  constructor(workload: Workload, seed: number, worker: number) {
    this.#workload = workload;
    this.#random = new SeededRandom(seed, worker);
  }

  /** Chooses the next operation; `key` and `value` hold it until the next call. */
  next(): OperationName {
    const { mix, keyChoice } = this.#workload;
    const roll = this.#random.unit();
    const wanted: OperationName = roll < mix.put ? "put" : roll < mix.put + mix.get ? "get" : "delete";
    if (wanted === "put") return this.nextPut();
    if (keyChoice === "fresh") {
      this.key = this.#freshKey();
      return wanted;
    }
    // Nothing known: everything this worker put is deleted or not yet acknowledged. A miss would falsify a figure of hits.
    if (this.#known.length === 0) return this.nextPut();
    const place = this.#random.below(this.#known.length);
    this.key = this.#known[place] as Uint8Array;
    if (wanted === "delete") this.#forget(place);
    return wanted;
  }

  nextPut(): "put" {
    const full = this.#known.length >= KNOWN_KEYS_MAX;
    this.key = full ? (this.#known[this.#random.below(this.#known.length)] as Uint8Array) : this.#freshKey();
    this.value = this.#random.text(this.#random.between(this.#workload.valueBytes));
    return "put";
  }

  /** The put was acknowledged: later gets and deletes may take the key. */
  stored(key: Uint8Array): void {
    if (this.#workload.keyChoice === "known" && this.#known.length < KNOWN_KEYS_MAX) this.#known.push(key);
  }

  #freshKey(): Uint8Array {
    return this.#random.text(this.#random.between(this.#workload.keyBytes));
  }

  #forget(place: number): void {
    const last = this.#known.pop() as Uint8Array;
    if (place < this.#known.length) this.#known[place] = last;
  }
}

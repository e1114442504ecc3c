import type { Engine, EngineSnapshot, RangeResult } from "../env/index.ts";

export interface PageOptions {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly rowsMax: number;
  readonly bytesMax: number;
  readonly values: boolean;
}

/** Reads a range page by page, one at a time, each continuing behind the last key of the one before. */
export class Pages {
  readonly #source: Pick<Engine | EngineSnapshot, "range">;
  readonly #options: PageOptions;
  #from: Uint8Array;

  constructor(source: Pick<Engine | EngineSnapshot, "range">, options: PageOptions) {
    this.#source = source;
    this.#options = options;
    this.#from = options.from;
  }

  next(done: (page: RangeResult) => void): void {
    this.#source.range({ ...this.#options, from: this.#from }, (page) => {
      const last = page.rows.at(-1);
      if (last !== undefined) this.#from = successor(last[0]);
      done(page);
    });
  }
}

/** The smallest key behind this one. */
export function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

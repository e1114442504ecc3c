/**
 * How much a task in the background does at a time: the size follows the time that the last batch took, because that is
 * how long others wait behind it. So a busy or slow machine is given small batches, and one with nothing else to do large
 * ones.
 */
export class BatchSize {
  readonly #min: number;
  readonly #max: number;
  readonly #shortMs: number;
  readonly #longMs: number;
  #size: number;

  /** Twice as much after a batch that took less than `shortMs`, half after one of more than `longMs`. */
  constructor(min: number, max: number, shortMs: number, longMs: number) {
    this.#min = min;
    this.#max = max;
    this.#shortMs = shortMs;
    this.#longMs = longMs;
    this.#size = min;
  }

  get size(): number {
    return this.#size;
  }

  /** A batch is over; one that was not filled says nothing about larger ones. */
  took(ms: number, filled: boolean): void {
    if (ms > this.#longMs) this.#size = Math.max(this.#min, this.#size >> 1);
    else if (ms < this.#shortMs && filled) this.#size = Math.min(this.#max, this.#size << 1);
  }
}

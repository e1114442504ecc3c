/**
 * Runs at most `max` asynchronous jobs at once, the others wait in order. The number that wait is bounded by those who
 * ask: the store has a few requests under way, never one for each row.
 */
export class Jobs {
  readonly #max: number;
  readonly #waiting: (() => Promise<void>)[] = [];
  #running = 0;
  #onIdle: (() => void) | undefined;

  constructor(max: number) {
    this.#max = max;
  }

  /** `job` never rejects. */
  add(job: () => Promise<void>): void {
    this.#waiting.push(job);
    this.#startNext();
  }

  /** Resolves when nothing runs or waits. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#running === 0 && this.#waiting.length === 0) resolve();
      else this.#onIdle = resolve;
    });
  }

  #startNext(): void {
    if (this.#running >= this.#max) return;
    const job = this.#waiting.shift();
    if (job === undefined) {
      if (this.#running === 0) this.#onIdle?.();
      return;
    }
    this.#running += 1;
    void job().then(() => {
      this.#running -= 1;
      this.#startNext();
    });
  }
}

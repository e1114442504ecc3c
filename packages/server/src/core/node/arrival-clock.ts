/**
 * When requests arrive. The clock is read once for all that come before a pass, or within one: reading it for each costs
 * more than finding the request's way. So a time may be too early, by what one turn of the event loop takes.
 */
export class ArrivalClock {
  readonly #monotonicMs: () => number;
  #nowMs: number | undefined;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** Monotonic. */
  nowMs(): number {
    this.#nowMs ??= this.#monotonicMs();
    return this.#nowMs;
  }

  /** At the beginning and at the end of each pass: what comes from now on arrives later. */
  moveOn(): void {
    this.#nowMs = undefined;
  }
}

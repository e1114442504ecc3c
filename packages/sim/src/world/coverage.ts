/** How often something happened that a run should bring about: a run that never does it shows nothing about it. */
export class Coverage {
  readonly #counts: Map<string, number> = new Map();

  count(what: string, by = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by);
  }

  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  add(other: Coverage): void {
    for (const [what, count] of other.#counts) this.count(what, count);
  }

  /** Sorted by name. */
  entries(): [what: string, count: number][] {
    return [...this.#counts].sort(([left], [right]) => (left < right ? -1 : 1));
  }
}

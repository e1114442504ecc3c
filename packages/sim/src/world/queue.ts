interface Scheduled {
  readonly atMs: number;
  /** Order of scheduling: decides between events of one moment. */
  readonly order: number;
  readonly event: () => void;
}

const earlier = (left: Scheduled, right: Scheduled): boolean =>
  left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);

/** Events by time; those of one moment in the order in which they were scheduled. A binary heap. */
export class EventQueue {
  readonly #heap: Scheduled[] = [];
  #orders = 0;

  get size(): number {
    return this.#heap.length;
  }

  get nextMs(): number | undefined {
    return this.#heap[0]?.atMs;
  }

  push(atMs: number, event: () => void): void {
    const heap = this.#heap;
    const added: Scheduled = { atMs, order: this.#orders, event };
    this.#orders += 1;
    let at = heap.length;
    heap.push(added);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = heap[parent] as Scheduled;
      if (!earlier(added, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = added;
  }

  pop(): (() => void) | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return undefined;
    if (heap.length > 0) this.#sink(last);
    return first.event;
  }

  #sink(moved: Scheduled): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && earlier(right, heap[child] as Scheduled)) child += 1;
      const below = heap[child] as Scheduled;
      if (!earlier(below, moved)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = moved;
  }
}

import { assert } from "../../core/base/index.ts";
import { INFLIGHT_BYTES_MAX, WAITING_BYTES_MAX, WAITING_MAX } from "./limits.ts";

/** A call that takes part in the bound. */
export interface Entrant {
  /** Of its key and value. */
  readonly bytes: number;
  /** There is room: it may begin. Never called after `leave`. */
  begin(): void;
}

/**
 * Bounds the calls that are given to the node at once, by number and by bytes. Those beyond wait in the order they
 * came, in a bounded queue.
 */
export class Inflight {
  readonly #max: number;
  readonly #running = new Set<Entrant>();
  readonly #waiting = new Set<Entrant>();
  #runningBytes = 0;
  #waitingBytes = 0;
  #draining = false;

  constructor(max: number) {
    this.#max = max;
  }

  /** For the one who is turned away. */
  get full(): string {
    return `${this.#running.size} calls are open on this node and ${this.#waiting.size} wait; nothing was done, try again later or raise --max-inflight`;
  }

  /** False: there is no room even to wait. */
  enter(entrant: Entrant): boolean {
    const { bytes } = entrant;
    if (this.#waiting.size > 0 || !this.#hasRoom(bytes)) {
      if (this.#waiting.size >= WAITING_MAX || this.#waitingBytes + bytes > WAITING_BYTES_MAX) return false;
      this.#waiting.add(entrant);
      this.#waitingBytes += bytes;
      return true;
    }
    this.#run(entrant);
    return true;
  }

  /** The node has nothing of the call any more, or it never began. */
  leave(entrant: Entrant): void {
    if (this.#running.delete(entrant)) {
      this.#runningBytes -= entrant.bytes;
      this.#drain();
      return;
    }
    const waited = this.#waiting.delete(entrant);
    assert(waited, "a call leaves once");
    this.#waitingBytes -= entrant.bytes;
    // It may have been the first in the queue, too large for the room that there was.
    this.#drain();
  }

  #hasRoom(bytes: number): boolean {
    if (this.#running.size >= this.#max) return false;
    // Alone, any call may run.
    return this.#running.size === 0 || this.#runningBytes + bytes <= INFLIGHT_BYTES_MAX;
  }

  #run(entrant: Entrant): void {
    this.#running.add(entrant);
    this.#runningBytes += entrant.bytes;
    entrant.begin();
  }

  /** A call that ends while it begins comes back here; the loop goes on, instead of the stack growing. */
  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    for (const next of this.#waiting) {
      if (!this.#hasRoom(next.bytes)) break;
      this.#waiting.delete(next);
      this.#waitingBytes -= next.bytes;
      this.#run(next);
    }
    this.#draining = false;
  }
}

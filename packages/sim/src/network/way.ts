import type { NodeId } from "sherd/core/base";
import type { Random, World } from "../world/index.ts";

/** From one node to another: how long it takes, and whether anything gets through. */
export class Way {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly #world: World;
  readonly #random: Random;
  readonly #latencyMs: readonly [number, number];
  #addedMs = 0;
  #bytesPerMs: number = Number.POSITIVE_INFINITY;
  #blocked = false;
  #waiting: (() => void)[] = [];
  #freeMs = 0;
  readonly #underWay: Set<() => void> = new Set();

  constructor(world: World, random: Random, from: NodeId, to: NodeId, latencyMs: readonly [number, number]) {
    this.#world = world;
    this.#random = random;
    this.from = from;
    this.to = to;
    this.#latencyMs = latencyMs;
  }

  /** A slow link: everything takes so much longer, and so many bytes are carried in a millisecond. */
  slow(addedMs: number, bytesPerMs: number): void {
    this.#addedMs = addedMs;
    this.#bytesPerMs = bytesPerMs;
    // What queues up for the old speed goes on at the new one.
    this.#freeMs = 0;
    for (const event of this.#underWay) this.#world.after(this.#random.between(...this.#latencyMs), event);
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  /** What is under way, or comes, waits: hosts send again what is not confirmed. */
  block(): void {
    this.#blocked = true;
  }

  unblock(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const arrive of waiting) this.#later(0, arrive);
  }

  /** It arrives for certain, unless the way is blocked for ever. What comes earlier may arrive later. */
  carry(bytes: number, arrive: () => void): void {
    this.#later(bytes, () => {
      if (this.#blocked) this.#waiting.push(arrive);
      else arrive();
    });
  }

  /** The same for a packet that nobody sends again. */
  attempt(arrive: () => void): void {
    this.#later(0, () => this.#blocked || arrive());
  }

  #later(bytes: number, event: () => void): void {
    const { nowMs } = this.#world;
    // Parcels of all connections share what the link can carry.
    this.#freeMs = Math.max(this.#freeMs, nowMs) + bytes / this.#bytesPerMs;
    const delayMs = this.#freeMs - nowMs + this.#addedMs + this.#random.between(...this.#latencyMs);
    const arrive = (): void => {
      if (this.#underWay.delete(arrive)) event();
    };
    this.#underWay.add(arrive);
    this.#world.after(delayMs, arrive);
  }
}

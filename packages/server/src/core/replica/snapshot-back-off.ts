import { type ReplicaId, SNAPSHOT_BACK_OFF_TICKS_MAX, SNAPSHOT_BACK_OFF_TICKS_MIN } from "../base/index.ts";

interface Wait {
  readonly ticks: number;
  /** Negative: over for so long. */
  ticksLeft: number;
}

/** Peers that did not take a snapshot: each is left alone for a while, which grows with every time. */
export class SnapshotBackOff {
  readonly #waits: Map<ReplicaId, Wait> = new Map();

  waits(peer: ReplicaId): boolean {
    return (this.#waits.get(peer)?.ticksLeft ?? 0) > 0;
  }

  failed(peer: ReplicaId): void {
    const before = this.#waits.get(peer)?.ticks ?? SNAPSHOT_BACK_OFF_TICKS_MIN / 2;
    const ticks = Math.min(before * 2, SNAPSHOT_BACK_OFF_TICKS_MAX);
    this.#waits.set(peer, { ticks, ticksLeft: ticks });
  }

  succeeded(peer: ReplicaId): void {
    this.#waits.delete(peer);
  }

  clear(): void {
    this.#waits.clear();
  }

  tick(): void {
    for (const [peer, wait] of this.#waits) {
      wait.ticksLeft -= 1;
      // It has been left alone for so long that what kept it busy then says nothing any more.
      if (wait.ticksLeft < -SNAPSHOT_BACK_OFF_TICKS_MAX) this.#waits.delete(peer);
    }
  }
}

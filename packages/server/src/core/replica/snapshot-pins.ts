import { type Index, type ReplicaId, SNAPSHOT_STALL_TICKS, index as toIndex } from "../base/index.ts";
import type { Replica } from "./replica.ts";
import type { ReplicaHost } from "./types.ts";

interface Pin {
  from: Index;
  /** The peer has installed its snapshot and is being sent the entries up to here; undefined: it is still on its way. */
  readonly until: Index | undefined;
  idleTicks: number;
}

/**
 * Entries that peers need behind the snapshots they are sent. Pinned in the log from before the snapshot is opened until
 * the peer has caught up with what was there when it installed it: were they dropped in between, the snapshot would have
 * been sent in vain and the next one would be late, too. A peer that makes no progress holds nothing for long.
 */
export class SnapshotPins {
  readonly #host: ReplicaHost;
  readonly #replica: Replica;
  readonly #pins: Map<ReplicaId, Pin> = new Map();

  constructor(host: ReplicaHost, replica: Replica) {
    this.#host = host;
    this.#replica = replica;
  }

  /** A snapshot for this peer will not stand before `from` - 1. */
  hold(peer: ReplicaId, from: Index): void {
    this.#pins.set(peer, { from, until: undefined, idleTicks: 0 });
    this.#tell();
  }

  /** The snapshot is installed: what has been proposed meanwhile follows. */
  installed(peer: ReplicaId): void {
    const pin = this.#pins.get(peer);
    if (pin === undefined) return;
    this.#pins.set(peer, { from: pin.from, until: this.#host.log.last(this.#replica.group), idleTicks: 0 });
  }

  drop(peer: ReplicaId): void {
    if (this.#pins.delete(peer)) this.#tell();
  }

  clear(): void {
    this.#pins.clear();
    this.#tell();
  }

  tick(): void {
    const followers = [...this.#pins].filter(([, pin]) => pin.until !== undefined);
    if (followers.length === 0) return;
    const progress = this.#host.raft.progress(this.#replica.group);
    for (const [peer, pin] of followers) {
      const matched = progress.find((other) => other.peer === peer)?.matched ?? 0;
      pin.idleTicks = matched >= pin.from ? 0 : pin.idleTicks + 1;
      if (matched >= pin.from) pin.from = toIndex(matched + 1);
      if (matched >= (pin.until as Index) || pin.idleTicks >= SNAPSHOT_STALL_TICKS) this.#pins.delete(peer);
    }
    this.#tell();
  }

  #tell(): void {
    let from: Index | undefined;
    for (const pin of this.#pins.values()) if (from === undefined || pin.from < from) from = pin.from;
    this.#host.log.pin(this.#replica.group, from);
  }
}

import type { GroupId, NodeId } from "../base/index.ts";

/**
 * Replicas of a new data directory. They begin when enough of the group's other members have met this directory; the
 * caller then records that they have, and they need not wait again.
 *
 * Hazard: a directory that was emptied looks like a new one, and its node would vote, and count as holding entries, a
 * second time. The members that knew it before refuse it (`peer/`), but one that never met it takes it for a first
 * start, and the two may be a majority without anything that was acknowledged. So a replica's first act comes after a
 * handshake with so many others that, of any emptied minority, whoever starts again meets one that knows.
 */
export class FirstContact {
  readonly #waiting: Set<WaitingReplica> = new Set();
  readonly #met: Set<NodeId> = new Set();
  #whenBegun: (() => void)[] = [];

  /** `others`: the group's members on other nodes. `begin` is called at once when nothing has to be waited for. */
  wait(group: GroupId, others: readonly NodeId[], begin: () => void): void {
    this.#waiting.add({ group, others, begin });
    this.#beginMaybe();
  }

  /** A handshake both ways: each knows the other's directory, durably. */
  met(node: NodeId): void {
    this.#met.add(node);
    this.#beginMaybe();
  }

  /** `done` is called when nothing waits any more: at once, perhaps. */
  whenBegun(done: () => void): void {
    this.#whenBegun.push(done);
    this.#beginMaybe();
  }

  /** Nodes that replicas wait for. */
  get unmet(): NodeId[] {
    const unmet = new Set<NodeId>();
    for (const { others } of this.#waiting) for (const node of others) if (!this.#met.has(node)) unmet.add(node);
    return [...unmet];
  }

  #beginMaybe(): void {
    for (const waiting of this.#waiting) {
      const met = waiting.others.filter((node) => this.#met.has(node)).length;
      if (met < contactsNeeded(waiting.others.length + 1)) continue;
      this.#waiting.delete(waiting);
      waiting.begin();
    }
    if (this.#waiting.size > 0) return;
    const whenBegun = this.#whenBegun;
    this.#whenBegun = [];
    for (const done of whenBegun) done();
  }
}

interface WaitingReplica {
  readonly group: GroupId;
  readonly others: readonly NodeId[];
  readonly begin: () => void;
}

/**
 * Of a group's members, how many others must have met a replica before it begins. Its emptied successor meets as many;
 * of the two sets at least one must remain in common when the rest of a minority was emptied, too.
 */
export function contactsNeeded(members: number): number {
  const emptiedMax = Math.floor((members - 1) / 2);
  return emptiedMax === 0 ? 0 : Math.floor((members + emptiedMax) / 2);
}

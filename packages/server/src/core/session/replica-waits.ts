import { type GroupId, REQUEST_MS_MAX } from "../base/index.ts";
import type { NodeFigures, ReplicasHolding } from "../node/index.ts";

/** So many replicas beside the leader, in every shard; and whether the leaders' own disks, too. */
export interface Wanted {
  readonly replicas: number;
  readonly leaders: boolean;
}

export type WaitDone = (replicas: number, leadersHold: boolean) => void;

/** WAIT or WAITAOF of one connection. */
export class ReplicaWait {
  readonly #wanted: Wanted;
  readonly #untilMs: number;
  readonly #done: WaitDone;
  /** By shard: the index that covers the connection's writes (undefined: not known yet), and who holds it. */
  readonly shards: Map<GroupId, { index: number | undefined; holding: number; leaderHolds: boolean }> = new Map();
  over = false;

  constructor(groups: readonly GroupId[], wanted: Wanted, untilMs: number, done: WaitDone) {
    for (const group of groups) this.shards.set(group, { index: undefined, holding: 0, leaderHolds: false });
    this.#wanted = wanted;
    this.#untilMs = untilMs;
    this.#done = done;
  }

  /** What the leader of one of its shards says. */
  learn(group: GroupId, held: ReplicasHolding): void {
    const shard = this.shards.get(group);
    if (shard === undefined) return;
    // Everything that this connection was answered is applied there: later writes are not waited for.
    shard.index ??= held.applied;
    const { index } = shard;
    shard.leaderHolds = held.own >= index;
    shard.holding = held.matched.filter((matched) => matched >= index).length;
  }

  /** Ends it when there are enough or its time is over. */
  settle(nowMs: number): void {
    if (this.over) return;
    const shards = [...this.shards.values()];
    const known = shards.every(({ index }) => index !== undefined);
    const least = Math.min(...shards.map(({ holding }) => holding));
    const leadersHold = shards.every(({ leaderHolds }) => leaderHolds);
    const enough = known && least >= this.#wanted.replicas && (leadersHold || !this.#wanted.leaders);
    if (nowMs < this.#untilMs && !enough) return;
    this.over = true;
    this.#done(least, leadersHold);
  }
}

/** Of a shard's leader, and not answered yet. */
interface Question {
  readonly askedMs: number;
  /** WAITs that began since: their writes may be later than the answer. */
  readonly next: ReplicaWait[];
}

/**
 * All WAITs of this node. The leaders of the shards that are waited for are asked at each tick, and when a WAIT begins; one
 * question a shard at a time, however many wait.
 */
export class ReplicaWaits {
  readonly #node: { readonly figures: Pick<NodeFigures, "replicasHolding"> };
  readonly #waits: Set<ReplicaWait> = new Set();
  readonly #questions: Map<GroupId, Question> = new Map();
  #nowMs = 0;

  constructor(node: { readonly figures: Pick<NodeFigures, "replicasHolding"> }) {
    this.#node = node;
  }

  get waiting(): number {
    return this.#waits.size;
  }

  /** `forMs` from now; `done` may be called within. */
  begin(groups: readonly GroupId[], wanted: Wanted, forMs: number, done: WaitDone): ReplicaWait {
    const wait = new ReplicaWait(groups, wanted, this.#nowMs + forMs, done);
    this.#waits.add(wait);
    for (const group of groups) {
      const question = this.#questions.get(group);
      if (question === undefined) this.#ask(group, [wait]);
      else question.next.push(wait);
    }
    return wait;
  }

  /** Its client has gone. */
  end(wait: ReplicaWait): void {
    wait.over = true;
    this.#waits.delete(wait);
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#waits.size === 0) return;
    const groups = new Map<GroupId, ReplicaWait[]>();
    for (const wait of this.#waits) {
      wait.settle(nowMs);
      if (wait.over) {
        this.#waits.delete(wait);
        continue;
      }
      for (const group of wait.shards.keys()) {
        const waits = groups.get(group);
        if (waits === undefined) groups.set(group, [wait]);
        else waits.push(wait);
      }
    }
    for (const [group, waits] of groups) {
      const question = this.#questions.get(group);
      if (question === undefined || nowMs - question.askedMs > REQUEST_MS_MAX) this.#ask(group, waits);
    }
  }

  /** Only those learn from an answer that were there when it was asked for: the others' writes may be later. */
  #ask(group: GroupId, waits: readonly ReplicaWait[]): void {
    const question: Question = { askedMs: this.#nowMs, next: [] };
    this.#questions.set(group, question);
    this.#node.figures.replicasHolding(group, (held) => {
      if (held !== undefined) this.#answered(group, held, waits);
      // Else it came so late that the shard was asked again, for all that wait.
      if (this.#questions.get(group) !== question) return;
      this.#questions.delete(group);
      const next = question.next.filter((wait) => !wait.over);
      if (next.length > 0) this.#ask(group, next);
    });
  }

  #answered(group: GroupId, held: ReplicasHolding, waits: readonly ReplicaWait[]): void {
    for (const wait of waits) {
      if (wait.over) continue;
      wait.learn(group, held);
      wait.settle(this.#nowMs);
      if (wait.over) this.#waits.delete(wait);
    }
  }
}

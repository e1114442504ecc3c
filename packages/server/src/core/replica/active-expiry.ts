import {
  BatchSize,
  EXPIRY_BATCH_LONG_MS,
  EXPIRY_BATCH_SHORT_MS,
  EXPIRY_FULL_SWEEP_MS,
  EXPIRY_KEYS_PER_BATCH_MAX,
  EXPIRY_KEYS_PER_BATCH_MIN,
  EXPIRY_SWEEP_MS,
  type GroupId,
  latin1Bytes,
  mark,
  type Slot,
} from "../base/index.ts";
import type { CommandSpec, Reply } from "../command/index.ts";
import { END, type StateMachine } from "../machine/index.ts";
import type { Ending, Pins, Space } from "../store/index.ts";
import type { TakesTurns } from "./expiry-turns.ts";
import type { ReplicaHost, Request } from "./types.ts";

/** What removing needs of its replica. */
export interface ExpiringReplica {
  readonly group: GroupId;
  readonly space: Space;
  readonly machine: Pick<StateMachine, "expiringKeys">;
  readonly leads: boolean;
  readonly accepts: boolean;
  submitWrite(request: Request, args: readonly Uint8Array[]): void;
}

/**
 * Gives back the space of keys that have ended and that nobody asks for. Whether a key is seen never depends on it: log
 * time decides that. The leader finds them by the store's index, a batch at a time and at most one each tick, and removes
 * them through the log; the entry looks again whether they have ended.
 *
 * What clients write meanwhile is applied behind the entry, and nothing is done on the node while it is applied. So its
 * rows are fetched before it is proposed, shards take turns, and the size of a batch follows the time that applying the
 * last one took.
 *
 * A sweep begins where the one before may have missed something. LevelDB keeps what was deleted as markers until it
 * compacts, and beginning at the first moment each time would step over all of them. What is in the index lately was
 * written after the last flush that the former sweep saw, so at a later log time, and ends after that.
 */
export class ActiveExpiry implements TakesTurns {
  readonly #host: ReplicaHost;
  readonly #replica: ExpiringReplica;
  /** Where the sweep under way continues; undefined: none is. */
  #next: number | Ending | undefined;
  #beginMs = 0;
  /** Log time of what the store has durably flushed, now and when the sweep under way began. */
  #flushedMs = 0;
  #flushedAtBeginMs = 0;
  #sweptMs = Number.NEGATIVE_INFINITY;
  #fullSweepMs = Number.NEGATIVE_INFINITY;
  /** It waits for its turn, or has it. */
  #busy = false;
  /** Keys of the next batch. */
  readonly #batchKeys: BatchSize = new BatchSize(
    EXPIRY_KEYS_PER_BATCH_MIN,
    EXPIRY_KEYS_PER_BATCH_MAX,
    EXPIRY_BATCH_SHORT_MS,
    EXPIRY_BATCH_LONG_MS,
  );
  /** Numbers the leaderships: what an earlier one asked for is nothing to the next. */
  #reign = 0;

  constructor(host: ReplicaHost, replica: ExpiringReplica) {
    this.#host = host;
    this.#replica = replica;
  }

  /** The store has durably flushed the state as of this log time. */
  flushed(logTimeMs: number): void {
    this.#flushedMs = logTimeMs;
  }

  leadershipLost(): void {
    this.#reign += 1;
    this.#next = undefined;
    this.#beginMs = 0;
    this.#fullSweepMs = Number.NEGATIVE_INFINITY;
    this.#over();
  }

  get #mayRemove(): boolean {
    const { leads, accepts, machine } = this.#replica;
    return this.#host.activeExpiry && leads && accepts && machine.expiringKeys > 0 && !this.#host.store.full;
  }

  tick(nowMs: number): void {
    if (this.#busy) return this.#host.expiryTurns.wait(nowMs);
    if (!this.#mayRemove) return;
    if (this.#next === undefined) {
      if (nowMs - this.#sweptMs < EXPIRY_SWEEP_MS) return;
      this.#begin(nowMs);
    }
    this.#busy = true;
    this.#host.expiryTurns.ask(this, nowMs);
  }

  #begin(nowMs: number): void {
    this.#sweptMs = nowMs;
    if (nowMs - this.#fullSweepMs >= EXPIRY_FULL_SWEEP_MS) {
      this.#fullSweepMs = nowMs;
      this.#beginMs = 0;
    }
    this.#next = this.#beginMs;
    this.#flushedAtBeginMs = this.#flushedMs;
  }

  takeTurn(): void {
    if (!this.#mayRemove) return this.#over();
    const reign = this.#reign;
    const untilMs = Math.floor(this.#host.env.wallMs());
    const { space } = this.#replica;
    const keysMax = this.#batchKeys.size;
    this.#host.store.ended(space, this.#next ?? 0, untilMs, keysMax, (endings) => {
      if (this.#reign === reign) this.#found(space, endings, keysMax);
    });
  }

  #found(space: Space, endings: readonly Ending[], keysMax: number): void {
    this.#next = endings.length < keysMax ? undefined : endings.at(-1);
    if (this.#next === undefined) {
      this.#beginMs = this.#flushedAtBeginMs;
      this.#sweptMs = this.#host.env.monotonicMs();
    }
    if (endings.length === 0) return this.#over();
    const reign = this.#reign;
    const needs = endings.map(({ slot, key }) => ({ slot, key, headOnly: true }));
    space.fetch(
      needs,
      (pins) => {
        if (this.#reign === reign) this.#remove(endings, pins, keysMax);
        else pins.release();
      },
      "background",
    );
  }

  #remove(endings: readonly Ending[], pins: Pins, keysMax: number): void {
    mark("replica: keys that have ended are removed");
    const { env } = this.#host;
    const reign = this.#reign;
    let open = endings.length;
    let all = true;
    let beganMs = 0;
    const answered = (done: boolean): void => {
      // The first one has just been applied. Before that, the batch waited for the log, which says nothing about its size.
      if (open === endings.length) beganMs = env.monotonicMs();
      open -= 1;
      all &&= done;
      if (open > 0) return;
      pins.release();
      if (this.#reign !== reign) return;
      // Some may be there still: the next sweep begins at the first moment again.
      if (!all) this.#fullSweepMs = Number.NEGATIVE_INFINITY;
      this.#batchKeys.took(env.monotonicMs() - beganMs, endings.length === keysMax);
      this.#over();
    };
    for (const { slot, key } of endings) {
      const args = [latin1Bytes(key)];
      this.#replica.submitWrite(new EndRequest(slot, args, answered), args);
    }
  }

  #over(): void {
    if (!this.#busy) return;
    this.#busy = false;
    this.#host.expiryTurns.leave(this, this.#host.env.monotonicMs());
  }
}

class EndRequest implements Request {
  readonly spec: CommandSpec = END;
  readonly args: readonly Uint8Array[];
  readonly slot: Slot;
  readonly redirect = false;
  readonly stale = false;
  readonly #answered: (done: boolean) => void;

  constructor(slot: Slot, args: readonly Uint8Array[], answered: (done: boolean) => void) {
    this.slot = slot;
    this.args = args;
    this.#answered = answered;
  }

  complete(reply: Reply): void {
    this.#answered(reply.type !== "error");
  }

  giveBack(): void {
    this.#answered(false);
  }
}

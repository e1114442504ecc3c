/** What a failover run concludes, as functions of what it saw: no clock and no network here. */

/** The longest time without an acknowledged write, of one shard, around one kill. */
export class GapMeter {
  #lastMs: number | undefined;
  #longestMs = 0;
  #acks = 0;

  /** Acknowledged writes since the beginning. */
  get acks(): number {
    return this.#acks;
  }

  ack(nowMs: number): void {
    if (this.#lastMs !== undefined) this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    this.#acks += 1;
  }

  /** Forgets earlier gaps. A gap that is open now counts from the last acknowledgement before. */
  begin(): void {
    this.#longestMs = 0;
  }

  /** The longest gap since `begin`, the open one included. */
  longest(nowMs: number): number {
    return this.#lastMs === undefined ? this.#longestMs : Math.max(this.#longestMs, nowMs - this.#lastMs);
  }
}

/** One key of one writer, which writes 1, 2, 3, ... to it, one at a time. */
export interface WrittenKey {
  readonly key: string;
  /** The last number that was acknowledged; 0: none. */
  acked: number;
  /** The last number that was sent: `acked`, or one more if its outcome is unknown. */
  attempted: number;
}

export interface LostWrite {
  readonly key: string;
  readonly acked: number;
  /** What is there instead; null: nothing. */
  readonly found: number | null;
}

/**
 * A key must hold the last acknowledged number, or the one after it, whose outcome nobody knows. Because a writer leaves a
 * key for good after an unknown outcome, a write that takes effect late cannot be mistaken for a loss.
 */
export function judge(written: WrittenKey, found: number | null): LostWrite | undefined {
  const kept = found === null ? written.acked === 0 : found >= written.acked && found <= written.attempted;
  return kept ? undefined : { key: written.key, acked: written.acked, found };
}

export interface Kill {
  readonly node: string;
  /** Longest gap of each shard that the node led when it was killed, in milliseconds. */
  readonly ledGapsMs: Readonly<Record<string, number>>;
  /** The same of all other shards: what a failover elsewhere costs them. */
  readonly otherGapsMs: Readonly<Record<string, number>>;
  /** From the kill until every node was ready and every shard had acknowledged a write again. */
  readonly wholeAfterMs: number;
}

export interface Spread {
  readonly count: number;
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
  return { count: sorted.length, min: sorted[0] as number, median, max: sorted.at(-1) as number };
}

export interface FailoverSummary {
  /** Over every shard that lost its leader, in every kill. */
  readonly ledGapsMs: Spread | null;
  readonly otherGapsMs: Spread | null;
  readonly wholeAfterMs: Spread | null;
}

export function summarizeKills(kills: readonly Kill[]): FailoverSummary {
  return {
    ledGapsMs: spread(kills.flatMap((kill) => Object.values(kill.ledGapsMs))),
    otherGapsMs: spread(kills.flatMap((kill) => Object.values(kill.otherGapsMs))),
    wholeAfterMs: spread(kills.map((kill) => kill.wholeAfterMs)),
  };
}

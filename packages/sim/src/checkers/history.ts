/** What a client did and saw. One attempt is one operation: a retry is another, with another value. */
export type Operation = SetOperation | GetOperation | DeleteOperation;

interface Base {
  readonly id: number;
  readonly client: string;
  readonly key: string;
  /** Moments of the world: what ended before another began has a smaller one. */
  readonly began: number;
  readonly beganMs: number;
  /** Infinity while it is open, and for ever when nobody learned how it ended. */
  ended: number;
  endedMs: number;
  outcome: Outcome;
  /**
   * Those before it on the same key and connection that happen first: for a read the last write, for a write whatever
   * came since the last one. (Two reads that were sent together may change places: nobody is promised otherwise yet.)
   */
  readonly behind: readonly Operation[];
}

/**
 * - `done`: acknowledged.
 * - `refused`: the store said that it certainly had no effect.
 * - `unknown`: INDETERMINATE, or the connection broke: it may have an effect, now or later, or never.
 */
export type Outcome = "open" | "done" | "refused" | "unknown";

export interface SetOperation extends Base {
  readonly kind: "set";
  /** Never written by another operation. */
  readonly value: string;
}

export interface GetOperation extends Base {
  readonly kind: "get";
  /** What was read; null: nothing. Once done. */
  result: string | null;
}

export interface DeleteOperation extends Base {
  readonly kind: "del";
  /** How many keys there were: 0 or 1. Once done. */
  result: number;
}

export function describe(operation: Operation): string {
  const { kind, outcome, client, beganMs, endedMs } = operation;
  const what =
    kind === "set"
      ? `set ${shown(operation.value)}`
      : outcome === "done"
        ? `${kind} = ${kind === "get" ? shown(operation.result) : operation.result}`
        : kind;
  const end = Number.isFinite(endedMs) ? endedMs.toFixed(3) : "";
  return `${beganMs.toFixed(3).padStart(11)} .. ${end.padStart(11)}  ${client.padEnd(6)} #${operation.id} ${what} (${outcome})`;
}

const SHOWN_MAX = 24;

const shown = (value: string | null): string => (value === null ? "nothing" : value.slice(0, SHOWN_MAX));

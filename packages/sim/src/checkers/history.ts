/** What a client did and saw. One attempt is one operation: a retry is another, with another value. */
export type Operation =
  | SetOperation
  | GetOperation
  | DeleteOperation
  | ExistsOperation
  | MultiSetOperation
  | MultiGetOperation
  | IncrementOperation
  | AppendOperation;

interface Base {
  readonly id: number;
  readonly client: string;
  /** The history that it belongs to: its key, or the hash tag of keys that are used together. */
  readonly key: string;
  /** The keys that it names, all of one slot. */
  readonly keys: readonly string[];
  /** Moments of the world: what ended before another began has a smaller one. */
  readonly began: number;
  readonly beganMs: number;
  /** Infinity while it is open, and for ever when nobody learned how it ended. */
  ended: number;
  endedMs: number;
  outcome: Outcome;
  /** The one before it on the same key and connection, if they were sent together: it happens first. */
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
  /** NX: only if there is no such key. XX: only if there is. */
  readonly only?: "nx" | "xx";
  /** Set so that it ends after this time (PX). */
  readonly expiresMs?: number;
  /** 1: it was set; 0: its condition did not hold. Once done. */
  result: number;
}

export interface GetOperation extends Base {
  readonly kind: "get";
  /** What was read; null: nothing. Once done. */
  result: string | null;
}

export interface DeleteOperation extends Base {
  readonly kind: "del";
  /** How many of the keys there were. Once done. */
  result: number;
}

export interface ExistsOperation extends Base {
  readonly kind: "exists";
  /** How many of the keys there are. Once done. */
  result: number;
}

/** Of several keys of one slot at once, all to the same value. */
export interface MultiSetOperation extends Base {
  readonly kind: "mset";
  /** Never written by another operation. */
  readonly value: string;
  result: number;
}

export interface MultiGetOperation extends Base {
  readonly kind: "mget";
  /** What was read, in the order of the keys; null: nothing. Once done. */
  result: readonly (string | null)[];
}

/** By one. */
export interface IncrementOperation extends Base {
  readonly kind: "incr";
  /** The count behind it. Once done. */
  result: number;
}

export interface AppendOperation extends Base {
  readonly kind: "append";
  /** Never appended by another operation; all of a history have the same length. */
  readonly value: string;
  /** Length of the whole behind it. Once done. */
  result: number;
}

export const isRead = ({ kind }: Operation): boolean => kind === "get" || kind === "exists" || kind === "mget";

export function describe(operation: Operation): string {
  const { outcome, client, beganMs, endedMs, id } = operation;
  const end = Number.isFinite(endedMs) ? endedMs.toFixed(3) : "";
  const times = `${beganMs.toFixed(3).padStart(11)} .. ${end.padStart(11)}`;
  return `${times}  ${client.padEnd(6)} #${id} ${what(operation)} (${outcome})`;
}

function what(operation: Operation): string {
  const { kind, keys, key } = operation;
  const named = keys.length === 1 && keys[0] === key ? "" : ` ${keys.join(" ")}`;
  const written = "value" in operation ? ` ${shown(operation.value)}` : "";
  const condition = kind === "set" && operation.only !== undefined ? ` ${operation.only}` : "";
  const ends = kind === "set" && operation.expiresMs !== undefined ? ` px ${operation.expiresMs}` : "";
  const silent = operation.outcome !== "done" || kind === "mset" || (kind === "set" && condition === "");
  const seen = seenBy(operation);
  return `${kind}${named}${written}${condition}${ends}${silent ? "" : ` = ${seen}`}`;
}

function seenBy(operation: Operation): string {
  if (operation.kind === "mget") return operation.result.map(shown).join(" ");
  return operation.kind === "get" ? shown(operation.result) : String(operation.result);
}

const SHOWN_MAX = 24;

const shown = (value: string | null): string => (value === null ? "nothing" : value.slice(0, SHOWN_MAX));

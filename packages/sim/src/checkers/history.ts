/** What a client did and saw. One attempt is one operation: a retry is another, with another value. */
export type Operation = (Base & Command) | ExecOperation;

/** What is done and answered, without where and when: alone, or as a part of a transaction. */
export type Command =
  | SetCommand
  | GetCommand
  | DeleteCommand
  | ExistsCommand
  | MultiSetCommand
  | MultiGetCommand
  | IncrementCommand
  | AppendCommand
  | FlushCommand;

export interface Base {
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

interface OnKeys {
  /** Of an operation: all that it names, of one slot. */
  readonly keys: readonly string[];
}

export interface SetCommand extends OnKeys {
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

export interface GetCommand extends OnKeys {
  readonly kind: "get";
  /** What was read; null: nothing. Once done. */
  result: string | null;
}

export interface DeleteCommand extends OnKeys {
  readonly kind: "del";
  /** How many of the keys there were. Once done. */
  result: number;
}

export interface ExistsCommand extends OnKeys {
  readonly kind: "exists";
  /** How many of the keys there are. Once done. */
  result: number;
}

/** Of several keys of one slot at once, all to the same value. */
export interface MultiSetCommand extends OnKeys {
  readonly kind: "mset";
  /** Never written by another operation. */
  readonly value: string;
  result: number;
}

export interface MultiGetCommand extends OnKeys {
  readonly kind: "mget";
  /** What was read, in the order of the keys; null: nothing. Once done. */
  result: readonly (string | null)[];
}

/** By one. */
export interface IncrementCommand extends OnKeys {
  readonly kind: "incr";
  /** The count behind it. Once done. */
  result: number;
}

export interface AppendCommand extends OnKeys {
  readonly kind: "append";
  /** Never appended by another operation; all of a history have the same length. */
  readonly value: string;
  /** Length of the whole behind it. Once done. */
  result: number;
}

/** FLUSHALL: the end of all keys. Each shard's keys end at one moment, so it stands in every history. */
export interface FlushCommand extends OnKeys {
  readonly kind: "flush";
  result: number;
}

export type IncrementOperation = Base & IncrementCommand;
export type AppendOperation = Base & AppendCommand;

/** MULTI and EXEC: all of its commands at once, or none. */
export interface ExecOperation extends Base {
  readonly kind: "exec";
  /** In their order, with what each was answered, once done. */
  readonly commands: readonly Command[];
  /** What was read of each watched key, behind its WATCH. */
  readonly watched: readonly Watched[];
  /** 1: done; 0: nothing was done, for something watched had changed. Once done. */
  result: number;
}

export interface Watched {
  readonly key: string;
  readonly value: string | null;
  /** The moment before its WATCH was sent. */
  readonly since: number;
}

export const isRead = (of: Operation | Command): boolean =>
  of.kind === "exec" ? of.commands.every(isRead) : of.kind === "get" || of.kind === "exists" || of.kind === "mget";

export function describe(operation: Operation): string {
  const { outcome, client, beganMs, endedMs, id } = operation;
  const end = Number.isFinite(endedMs) ? endedMs.toFixed(3) : "";
  const times = `${beganMs.toFixed(3).padStart(11)} .. ${end.padStart(11)}`;
  return `${times}  ${client.padEnd(6)} #${id} ${what(operation)} (${outcome})`;
}

function what(operation: Operation): string {
  const done = operation.outcome === "done";
  if (operation.kind !== "exec") return told(operation, operation.key, done);
  const watched = operation.watched.map(({ key, value }) => `watch ${key} = ${shown(value)}, `).join("");
  const commands = operation.commands.map((command) => told(command, "", done && operation.result === 1)).join("; ");
  return `exec ${watched}[${commands}]${done && operation.result === 0 ? " = nothing done" : ""}`;
}

/** `key`: the name that need not be said. */
function told(command: Command, key: string, done: boolean): string {
  const { kind, keys } = command;
  const named = keys.length === 1 && keys[0] === key ? "" : ` ${keys.join(" ")}`;
  const written = "value" in command ? ` ${shown(command.value)}` : "";
  const condition = kind === "set" && command.only !== undefined ? ` ${command.only}` : "";
  const ends = kind === "set" && command.expiresMs !== undefined ? ` px ${command.expiresMs}` : "";
  const silent = !done || kind === "mset" || kind === "flush" || (kind === "set" && condition === "");
  return `${kind}${named}${written}${condition}${ends}${silent ? "" : ` = ${seenBy(command)}`}`;
}

function seenBy(command: Command): string {
  if (command.kind === "mget") return command.result.map(shown).join(" ");
  return command.kind === "get" ? shown(command.result) : String(command.result);
}

const SHOWN_MAX = 24;

const shown = (value: string | null): string => (value === null ? "nothing" : value.slice(0, SHOWN_MAX));

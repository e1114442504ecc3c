import type { Slot } from "../base/index.ts";
import type { Row, RowHead } from "../store/index.ts";

/** An answer, before any protocol: RESP2, RESP3 and gRPC each write it in their way. */
export type Reply =
  | { readonly type: "simple"; readonly text: string }
  | { readonly type: "bulk"; readonly bytes: Uint8Array }
  /** A null: `$-1` in RESP2, `_` in RESP3. */
  | { readonly type: "nil" }
  /** A null where an array is expected: `*-1` in RESP2, `_` in RESP3. */
  | { readonly type: "nilArray" }
  /** A bigint only where a number would round: a counter has 64 bits. */
  | { readonly type: "integer"; readonly value: number | bigint }
  /** `kind` is the first word that clients parse (ERR, MOVED, CLUSTERDOWN, INDETERMINATE, ...). */
  | { readonly type: "error"; readonly kind: string; readonly text: string }
  | { readonly type: "array"; readonly items: readonly Reply[] }
  /** A flat array of pairs in RESP2. */
  | { readonly type: "map"; readonly entries: readonly (readonly [Reply, Reply])[] }
  | { readonly type: "set"; readonly items: readonly Reply[] }
  | { readonly type: "double"; readonly value: number }
  | { readonly type: "boolean"; readonly value: boolean }
  | { readonly type: "verbatim"; readonly format: "txt"; readonly text: string }
  /** Beside the replies in RESP3; an array in RESP2. Of the connection only, as the next one. */
  | { readonly type: "push"; readonly items: readonly Reply[] }
  /** One command's replies, where each channel gets one of its own. */
  | { readonly type: "several"; readonly replies: readonly Reply[] };

export const OK: Reply = { type: "simple", text: "OK" };
export const NIL: Reply = { type: "nil" };
export const NIL_ARRAY: Reply = { type: "nilArray" };
export const ZERO: Reply = { type: "integer", value: 0 };
export const ONE: Reply = { type: "integer", value: 1 };

/** Positions as in Redis: the name is 0; last may be negative (from the end). All 0: none. */
export interface KeyPositions {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

/** Position of the key of a command that has one, behind its name. */
export const ONE_KEY = { first: 1, last: 1, step: 1 } as const;
export const NO_KEYS = { first: 0, last: 0, step: 0 } as const;

/** A row that the command needs is not in memory. The command has had no effect; it is run again when it is there. */
export const NOT_RESIDENT: unique symbol = Symbol("not resident");

/** What a command sees of a shard while it runs: synchronously, alone. */
export interface CommandContext {
  /** Log time: the same on every replica. Never the clock. */
  readonly nowMs: number;
  /** Index of the entry that is applied (of the last one, for a read). */
  readonly version: number;
  /** The row; null: there is none (or it has expired); undefined: answer NOT_RESIDENT. `key` is latin1 of its bytes. */
  get(slot: Slot, key: string): Row | null | undefined;
  /** The same for who does not look at the value: of keys that are not among the spec's `values`. */
  head(slot: Slot, key: string): RowHead | null | undefined;
  /** Writes only, and only after every row that it depends on was seen to be resident. */
  put(slot: Slot, key: string, row: Row): void;
  /** True when there was such a row. It must be resident. */
  delete(slot: Slot, key: string): boolean;
  latin1(bytes: Uint8Array): string;
  /** Of a row's value; 0: there is none. Undefined: not even its head is in memory. Does not count as a look-up. */
  lengthOf(slot: Slot, key: string): number | undefined;
  /** A transaction is about to do so much (`workOf`). */
  worked(bytes: number): void;
}

export type CommandFlag =
  | "write"
  | "readonly"
  | "denyoom"
  | "fast"
  | "admin"
  | "loading"
  | "stale"
  | "noscript"
  | "skip_slowlog"
  | "no_auth"
  | "allow_busy"
  | "pubsub";

/** Where a command names channels, and what for; positions as of keys. */
export interface ChannelSpec {
  readonly first: number;
  readonly last: number;
  readonly step: number;
  /** `pattern`: what are named are patterns. Nobody needs a right to `unsubscribe`. */
  readonly use: "publish" | "subscribe" | "pattern" | "unsubscribe";
  /** Clients find the node by the channel's slot, as with a key. */
  readonly sharded: boolean;
}

/** A command of a transaction. */
export interface CommandIn {
  readonly spec: CommandSpec;
  readonly args: readonly Uint8Array[];
}

/**
 * One command, as data. `COMMAND` and docs/commands.md are made from it.
 * Commands without `run` live in the connection (session/) and are never replicated.
 */
export interface CommandSpec {
  /** Lower case. */
  readonly name: string;
  /** On disk and on the wire between nodes: never change or reuse one. 0 for commands of the connection. */
  readonly opcode: number;
  /** As in Redis: the name counts; negative: at least so many. */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  readonly keys: KeyPositions;
  /** Where the keys are if positions can not tell: `keys` is all 0 then. */
  readonly keysIn?: (args: readonly Uint8Array[]) => readonly Uint8Array[];
  /**
   * The keys whose values are looked at; not given: all. `run` asks for the others by `head`, and their values need not be
   * in memory. A command with any number of them is refused when they are more than COMMAND_VALUES_BYTES_MAX together.
   */
  readonly values?: KeyPositions | ((args: readonly Uint8Array[]) => KeyPositions);
  /** The same where positions can not tell. */
  readonly valuesIn?: (args: readonly Uint8Array[]) => readonly Uint8Array[];
  /** Of a transaction: the commands that it is made of, in order. */
  readonly commandsIn?: (args: readonly Uint8Array[]) => readonly CommandIn[];
  /**
   * Bytes that it looks at or copies (or what takes as long), from the lengths of the values that it looks at. Not given:
   * all of them, and if it writes as much again. Arguments and `growth` come on top.
   */
  readonly work?: (lengths: readonly number[]) => number;
  /** The most that `work` says for values of up to these lengths; not given: it is for these, because longer ones cost more. */
  readonly workAtMost?: (lengths: readonly number[]) => number;
  /** Of a command that consists of others: what they cost together, by the state as it is. Undefined: a head is missing. */
  readonly workIn?: (context: CommandContext, slot: Slot, args: readonly Uint8Array[]) => number | undefined;
  readonly channels?: ChannelSpec;
  readonly since: string;
  readonly group: string;
  readonly summary: string;
  /** What routing clients may do with it across shards; Redis' words (`request_policy:multi_shard`). */
  readonly tips?: readonly string[];
  /** Of a container (`CLUSTER`): the first argument chooses. Their names are `container|name`. */
  readonly subcommands?: readonly CommandSpec[];
  /** Of a command of the connection: its answer may not be there at once, so it cannot be queued behind MULTI. */
  readonly waits?: boolean;
  /**
   * Refuses arguments that no state could make valid, before anything is replicated. What it accepts is replicated and
   * must mean the same for ever, so a form that a later version will give a meaning is refused here until then.
   */
  readonly check?: (args: readonly Uint8Array[]) => Reply | undefined;
  /**
   * Bytes that a row may have beyond those of the arguments, which `check` has accepted: a few bytes of SETRANGE can ask
   * for a value of the largest size. They count as if they had been sent.
   */
  readonly growth?: (args: readonly Uint8Array[]) => number;
  /**
   * `args` without the name; views that are valid during the call only (what is kept is copied).
   * All keys are in `slot`: the caller has checked.
   */
  readonly run?: (context: CommandContext, slot: Slot, args: readonly Uint8Array[]) => Reply | typeof NOT_RESIDENT;
}

import type { Slot } from "../base/index.ts";
import { err, NOT_AN_INTEGER, SYNTAX_ERROR } from "./errors.ts";
import { parseInt64 } from "./integer-text.ts";
import { integer } from "./replies.ts";
import { MULTI_SHARD, SUM } from "./tips.ts";
import {
  type CommandContext,
  type CommandSpec,
  NO_KEYS,
  NOT_RESIDENT,
  OK,
  ONE,
  ONE_KEY,
  type Reply,
  ZERO,
} from "./types.ts";
import { word } from "./words.ts";

const TWO_KEYS = { first: 1, last: 2, step: 1 } as const;
const ANY_NUMBER_OF_KEYS = { first: 1, last: -1, step: 1 } as const;
const SUM_OF_SHARDS = [MULTI_SHARD, SUM] as const;
const NO_SUCH_KEY: Reply = err("no such key");
const NONE: Reply = { type: "simple", text: "none" };
const STRING: Reply = { type: "simple", text: "string" };

/** Nothing may happen before every key is known to be resident: a command takes effect once, or not yet. */
function allResident(context: CommandContext, slot: Slot, args: readonly Uint8Array[]): boolean {
  for (let i = 0; i < args.length; i += 1) {
    if (context.head(slot, context.latin1(args[i] as Uint8Array)) === undefined) return false;
  }
  return true;
}

function remove(context: CommandContext, slot: Slot, args: readonly Uint8Array[]): Reply | typeof NOT_RESIDENT {
  if (!allResident(context, slot, args)) return NOT_RESIDENT;
  let deleted = 0;
  for (let i = 0; i < args.length; i += 1) {
    if (context.delete(slot, context.latin1(args[i] as Uint8Array))) deleted += 1;
  }
  return integer(deleted);
}

function countExisting(context: CommandContext, slot: Slot, args: readonly Uint8Array[]): Reply | typeof NOT_RESIDENT {
  let found = 0;
  for (let i = 0; i < args.length; i += 1) {
    const row = context.head(slot, context.latin1(args[i] as Uint8Array));
    if (row === undefined) return NOT_RESIDENT;
    if (row !== null) found += 1;
  }
  return integer(found);
}

/** With its expiry. `onlyNew` answers 0 when the new name is taken, else 1; without it the answer is OK. */
function rename(
  context: CommandContext,
  slot: Slot,
  args: readonly Uint8Array[],
  onlyNew: boolean,
): Reply | typeof NOT_RESIDENT {
  const from = context.latin1(args[0] as Uint8Array);
  const to = context.latin1(args[1] as Uint8Array);
  const row = context.get(slot, from);
  const target = context.head(slot, to);
  if (row === undefined || target === undefined) return NOT_RESIDENT;
  if (row === null) return NO_SUCH_KEY;
  if (onlyNew && target !== null) return ZERO;
  if (from !== to) {
    context.put(slot, to, { ...row, version: context.version });
    context.delete(slot, from);
  }
  return onlyNew ? ONE : OK;
}

/** Whether COPY may replace, or the error that its options are. */
function copyReplaces(args: readonly Uint8Array[]): boolean | Reply {
  let replaces = false;
  for (let at = 2; at < args.length; at += 1) {
    const option = word(args[at] as Uint8Array);
    if (option === "replace") replaces = true;
    else if (option === "db" && at + 1 < args.length) {
      at += 1;
      const database = parseInt64(args[at] as Uint8Array);
      if (database !== 0n) return database === undefined ? NOT_AN_INTEGER : err("DB index is out of range");
    } else return SYNTAX_ERROR;
  }
  return replaces;
}

/** Group "generic": keys of any type. */
export const genericCommands: readonly CommandSpec[] = [
  {
    name: "del",
    opcode: 3,
    arity: -2,
    flags: ["write"],
    keys: ANY_NUMBER_OF_KEYS,
    values: NO_KEYS,
    since: "1.0.0",
    group: "generic",
    summary: "Removes keys of one slot, all in one step, and says how many there were.",
    tips: SUM_OF_SHARDS,
    run: remove,
  },
  {
    name: "unlink",
    opcode: 73,
    arity: -2,
    flags: ["write", "fast"],
    keys: ANY_NUMBER_OF_KEYS,
    values: NO_KEYS,
    since: "4.0.0",
    group: "generic",
    summary: "As DEL, whose cost does not depend on the size of a value here either.",
    tips: SUM_OF_SHARDS,
    run: remove,
  },
  {
    name: "exists",
    opcode: 4,
    arity: -2,
    flags: ["readonly", "fast"],
    keys: ANY_NUMBER_OF_KEYS,
    values: NO_KEYS,
    since: "1.0.0",
    group: "generic",
    summary: "How many of the given keys of one slot exist; a key given twice counts twice.",
    tips: SUM_OF_SHARDS,
    run: countExisting,
  },
  {
    name: "touch",
    opcode: 74,
    arity: -2,
    flags: ["readonly", "fast"],
    keys: ANY_NUMBER_OF_KEYS,
    values: NO_KEYS,
    since: "3.2.1",
    group: "generic",
    summary: "As EXISTS; nothing is evicted here, so the time of the last use is not kept.",
    tips: SUM_OF_SHARDS,
    run: countExisting,
  },
  {
    name: "type",
    opcode: 75,
    arity: 2,
    flags: ["readonly", "fast"],
    keys: ONE_KEY,
    values: NO_KEYS,
    since: "1.0.0",
    group: "generic",
    summary: "What a key holds: string, or none if there is no such key.",
    run(context, slot, args) {
      const row = context.head(slot, context.latin1(args[0] as Uint8Array));
      if (row === undefined) return NOT_RESIDENT;
      return row === null ? NONE : STRING;
    },
  },
  {
    name: "rename",
    opcode: 76,
    arity: 3,
    flags: ["write"],
    keys: TWO_KEYS,
    values: ONE_KEY,
    since: "1.0.0",
    group: "generic",
    summary: "Gives a key another name in its slot, replacing what has that name.",
    run: (context, slot, args) => rename(context, slot, args, false),
  },
  {
    name: "renamenx",
    opcode: 77,
    arity: 3,
    flags: ["write", "fast"],
    keys: TWO_KEYS,
    values: ONE_KEY,
    since: "1.0.0",
    group: "generic",
    summary: "Gives a key another name in its slot, unless that name is taken.",
    run: (context, slot, args) => rename(context, slot, args, true),
  },
  {
    name: "copy",
    opcode: 78,
    arity: -3,
    flags: ["write", "denyoom"],
    keys: TWO_KEYS,
    values: ONE_KEY,
    since: "6.2.0",
    group: "generic",
    summary: "Copies a key, with its expiry, to another name in its slot; REPLACE takes a name that is taken.",
    check(args) {
      const replaces = copyReplaces(args);
      return typeof replaces === "boolean" ? undefined : replaces;
    },
    run(context, slot, args) {
      const from = context.latin1(args[0] as Uint8Array);
      const to = context.latin1(args[1] as Uint8Array);
      const row = context.get(slot, from);
      const target = context.head(slot, to);
      if (row === undefined || target === undefined) return NOT_RESIDENT;
      if (from === to) return err("source and destination objects are the same");
      if (row === null || (target !== null && copyReplaces(args) !== true)) return ZERO;
      context.put(slot, to, { ...row, version: context.version });
      return ONE;
    },
  },
];

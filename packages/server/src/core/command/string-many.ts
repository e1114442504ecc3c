import { REPLY_BYTES_MAX, type Slot } from "../base/index.ts";
import { err, wrongArity } from "./errors.ts";
import { bulkOf, isString, putString, valueTooLong } from "./string-row.ts";
import { ALL_SUCCEEDED, MULTI_SHARD } from "./tips.ts";
import {
  type CommandContext,
  type CommandSpec,
  NIL,
  NO_KEYS,
  NOT_RESIDENT,
  OK,
  ONE,
  type Reply,
  ZERO,
} from "./types.ts";
import { NO_WORK } from "./work.ts";

const KEYS_AND_VALUES = { first: 1, last: -1, step: 2 } as const;

const REPLY_TOO_LONG = err(`values are more than ${REPLY_BYTES_MAX} bytes together; ask for fewer keys at a time`);

function getAll(context: CommandContext, slot: Slot, keys: readonly Uint8Array[]): Reply | typeof NOT_RESIDENT {
  const items: Reply[] = [];
  let bytes = 0;
  for (let i = 0; i < keys.length; i += 1) {
    const row = context.get(slot, context.latin1(keys[i] as Uint8Array));
    if (row === undefined) return NOT_RESIDENT;
    bytes += row === null ? 0 : row.payload.length;
    if (bytes > REPLY_BYTES_MAX) return REPLY_TOO_LONG;
    items.push(isString(row) ? bulkOf(row) : NIL);
  }
  return { type: "array", items };
}

/** How many of the keys exist; undefined: some are not resident. Nothing may be written before that is known. */
function existing(context: CommandContext, slot: Slot, args: readonly Uint8Array[]): number | undefined {
  let found = 0;
  for (let i = 0; i < args.length; i += 2) {
    const row = context.head(slot, context.latin1(args[i] as Uint8Array));
    if (row === undefined) return undefined;
    if (row !== null) found += 1;
  }
  return found;
}

function putAll(context: CommandContext, slot: Slot, args: readonly Uint8Array[]): void {
  for (let i = 0; i < args.length; i += 2) {
    putString(context, slot, context.latin1(args[i] as Uint8Array), args[i + 1] as Uint8Array, 0);
  }
}

/** Every key has its value, and each fits into a row. */
function checkPairs(name: string, args: readonly Uint8Array[]): Reply | undefined {
  if (args.length % 2 !== 0) return wrongArity(name);
  for (let i = 1; i < args.length; i += 2) {
    const refusal = valueTooLong(args[i] as Uint8Array);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Of group "string": several keys of one slot at once. */
export const stringManyCommands: readonly CommandSpec[] = [
  {
    name: "mget",
    opcode: 11,
    arity: -2,
    flags: ["readonly", "fast"],
    keys: { first: 1, last: -1, step: 1 },
    since: "1.0.0",
    group: "string",
    work: NO_WORK,
    summary: "The values of keys of one slot, all at one moment; null for what does not exist or is no string.",
    tips: [MULTI_SHARD],
    run: getAll,
  },
  {
    name: "mset",
    opcode: 12,
    arity: -3,
    flags: ["write", "denyoom"],
    keys: KEYS_AND_VALUES,
    values: NO_KEYS,
    since: "1.0.1",
    group: "string",
    summary: "Gives keys of one slot their values, all in one step.",
    tips: [MULTI_SHARD, ALL_SUCCEEDED],
    check: (args) => checkPairs("mset", args),
    run(context, slot, args) {
      if (existing(context, slot, args) === undefined) return NOT_RESIDENT;
      putAll(context, slot, args);
      return OK;
    },
  },
  {
    name: "msetnx",
    opcode: 13,
    arity: -3,
    flags: ["write", "denyoom"],
    keys: KEYS_AND_VALUES,
    values: NO_KEYS,
    since: "1.0.1",
    group: "string",
    summary: "Gives keys of one slot their values, all in one step, if none of them exists.",
    check: (args) => checkPairs("msetnx", args),
    run(context, slot, args) {
      const found = existing(context, slot, args);
      if (found === undefined) return NOT_RESIDENT;
      if (found > 0) return ZERO;
      putAll(context, slot, args);
      return ONE;
    },
  },
];

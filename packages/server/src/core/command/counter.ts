import { latin1Bytes, type Slot } from "../base/index.ts";
import { addDecimals, decimalText, parseDecimal, ZERO } from "./decimal.ts";
import { err, NOT_AN_INTEGER } from "./errors.ts";
import { exact, INT64_MIN, isInt64, parseInt64, parseShortInteger } from "./integer-text.ts";
import { bulk } from "./replies.ts";
import { isString, putString, WRONG_TYPE } from "./string-row.ts";
import { type CommandContext, type CommandSpec, NOT_RESIDENT, ONE_KEY, type Reply } from "./types.ts";

type Answer = Reply | typeof NOT_RESIDENT;

const WOULD_OVERFLOW = err("increment or decrement would overflow");
const DECREMENT_WOULD_OVERFLOW = err("decrement would overflow");
const NOT_A_FLOAT = err("value is not a valid float");
const NOT_FINITE = err("increment would produce NaN or Infinity");

/** A key that does not exist counts as 0. The key ends when it would have ended. */
function add(context: CommandContext, slot: Slot, keyBytes: Uint8Array, by: number | bigint): Answer {
  const key = context.latin1(keyBytes);
  const row = context.get(slot, key);
  if (row === undefined) return NOT_RESIDENT;
  if (!isString(row)) return WRONG_TYPE;
  const expiresAtMs = row === null ? 0 : row.expiresAtMs;
  const before = row === null ? 0 : parseShortInteger(row.payload);
  if (typeof by === "number" && !Number.isNaN(before)) {
    // Both have at most 15 digits: their sum is exact.
    const sum = before + by;
    putString(context, slot, key, latin1Bytes(String(sum)), expiresAtMs);
    return { type: "integer", value: sum };
  }
  const large = row === null ? 0n : parseInt64(row.payload);
  if (large === undefined) return NOT_AN_INTEGER;
  const sum = large + BigInt(by);
  if (!isInt64(sum)) return WOULD_OVERFLOW;
  putString(context, slot, key, latin1Bytes(String(sum)), expiresAtMs);
  return { type: "integer", value: exact(sum) };
}

/** NaN never: 16 digits and more are a bigint. Undefined: not a whole number. */
function amount(text: Uint8Array): number | bigint | undefined {
  const short = parseShortInteger(text);
  return Number.isNaN(short) ? parseInt64(text) : short;
}

function addFloat(context: CommandContext, slot: Slot, args: readonly Uint8Array[]): Answer {
  const key = context.latin1(args[0] as Uint8Array);
  const row = context.get(slot, key);
  if (row === undefined) return NOT_RESIDENT;
  if (!isString(row)) return WRONG_TYPE;
  const before = row === null ? ZERO : parseDecimal(row.payload);
  const by = parseDecimal(args[1] as Uint8Array);
  if (before === undefined || by === undefined) return NOT_A_FLOAT;
  if (before === "infinite" || by === "infinite") return NOT_FINITE;
  const sum = decimalText(addDecimals(before, by));
  if (sum === undefined) return NOT_FINITE;
  const payload = latin1Bytes(sum);
  putString(context, slot, key, payload, row === null ? 0 : row.expiresAtMs);
  return bulk(payload);
}

const COUNTER = {
  flags: ["write", "denyoom", "fast"],
  keys: ONE_KEY,
  since: "1.0.0",
  group: "string",
} as const;

/** Of group "string": values that are numbers. */
export const counterCommands: readonly CommandSpec[] = [
  {
    ...COUNTER,
    name: "incr",
    opcode: 20,
    arity: 2,
    summary: "Adds one to a 64-bit integer and answers the sum.",
    run: (context, slot, args) => add(context, slot, args[0] as Uint8Array, 1),
  },
  {
    ...COUNTER,
    name: "decr",
    opcode: 21,
    arity: 2,
    summary: "Subtracts one from a 64-bit integer and answers the difference.",
    run: (context, slot, args) => add(context, slot, args[0] as Uint8Array, -1),
  },
  {
    ...COUNTER,
    name: "incrby",
    opcode: 22,
    arity: 3,
    summary: "Adds to a 64-bit integer and answers the sum.",
    check: (args) => (amount(args[1] as Uint8Array) === undefined ? NOT_AN_INTEGER : undefined),
    run(context, slot, args) {
      const by = amount(args[1] as Uint8Array);
      return by === undefined ? NOT_AN_INTEGER : add(context, slot, args[0] as Uint8Array, by);
    },
  },
  {
    ...COUNTER,
    name: "decrby",
    opcode: 23,
    arity: 3,
    summary: "Subtracts from a 64-bit integer and answers the difference.",
    check(args) {
      const by = amount(args[1] as Uint8Array);
      if (by === undefined) return NOT_AN_INTEGER;
      // Its opposite is no 64-bit integer.
      return by === INT64_MIN ? DECREMENT_WOULD_OVERFLOW : undefined;
    },
    run(context, slot, args) {
      const by = amount(args[1] as Uint8Array);
      return by === undefined ? NOT_AN_INTEGER : add(context, slot, args[0] as Uint8Array, -by);
    },
  },
  {
    ...COUNTER,
    name: "incrbyfloat",
    opcode: 24,
    arity: 3,
    since: "2.6.0",
    summary: "Adds to a decimal fraction, exactly, and answers the sum with at most 17 digits behind the point.",
    check: (args) => (parseDecimal(args[1] as Uint8Array) === undefined ? NOT_A_FLOAT : undefined),
    run: addFloat,
  },
];

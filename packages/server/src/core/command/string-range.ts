import { EMPTY_BYTES, type Slot } from "../base/index.ts";
import { err, NOT_AN_INTEGER } from "./errors.ts";
import { parseInt64 } from "./integer-text.ts";
import { bulk, integer } from "./replies.ts";
import { growsTooLong, isString, putString, valueTooLong, WRONG_TYPE } from "./string-row.ts";
import { type CommandContext, type CommandSpec, NO_KEYS, NOT_RESIDENT, ONE_KEY, type Reply, ZERO } from "./types.ts";
import { NO_WORK } from "./work.ts";

type Answer = Reply | typeof NOT_RESIDENT;

const OFFSET_OUT_OF_RANGE = err("offset is out of range");
const EMPTY = bulk(EMPTY_BYTES);

function checkRange(args: readonly Uint8Array[]): Reply | undefined {
  const valid = parseInt64(args[1] as Uint8Array) !== undefined && parseInt64(args[2] as Uint8Array) !== undefined;
  return valid ? undefined : NOT_AN_INTEGER;
}

/** Both count from the end, and the first lies behind the last: nothing, however long the value is. */
export const isInverted = (first: bigint, last: bigint): boolean => first < 0n && last < 0n && first > last;

/** First and last position within `length`, negative ones counted from the end as in Redis; undefined: none. */
export function rangeWithin(length: number, first: bigint, last: bigint): { from: number; to: number } | undefined {
  // Rounding is harmless: a position that a double rounds is far outside.
  let from = Number(first);
  let to = Number(last);
  if (from < 0) from = Math.max(0, length + from);
  if (to < 0) to = Math.max(0, length + to);
  if (to >= length) to = length - 1;
  return from > to ? undefined : { from, to };
}

function getRange(context: CommandContext, slot: Slot, args: readonly Uint8Array[]): Answer {
  const row = context.get(slot, context.latin1(args[0] as Uint8Array));
  if (row === undefined) return NOT_RESIDENT;
  if (!isString(row)) return WRONG_TYPE;
  const first = parseInt64(args[1] as Uint8Array);
  const last = parseInt64(args[2] as Uint8Array);
  if (first === undefined || last === undefined) return NOT_AN_INTEGER;
  if (row === null || isInverted(first, last)) return EMPTY;
  const range = rangeWithin(row.payload.length, first, last);
  return range === undefined ? EMPTY : bulk(row.payload.subarray(range.from, range.to + 1));
}

function setRange(context: CommandContext, slot: Slot, args: readonly Uint8Array[]): Answer {
  const key = context.latin1(args[0] as Uint8Array);
  const row = context.get(slot, key);
  if (row === undefined) return NOT_RESIDENT;
  if (!isString(row)) return WRONG_TYPE;
  const before = row === null ? EMPTY_BYTES : row.payload;
  const offset = Number(parseInt64(args[1] as Uint8Array));
  const part = args[2] as Uint8Array;
  if (part.length === 0) return integer(before.length);
  const payload = new Uint8Array(Math.max(before.length, offset + part.length));
  payload.set(before);
  payload.set(part, offset);
  putString(context, slot, key, payload, row === null ? 0 : row.expiresAtMs);
  return integer(payload.length);
}

function checkSetRange(args: readonly Uint8Array[]): Reply | undefined {
  const offset = parseInt64(args[1] as Uint8Array);
  if (offset === undefined) return NOT_AN_INTEGER;
  if (offset < 0n) return OFFSET_OUT_OF_RANGE;
  const { length } = args[2] as Uint8Array;
  // Nothing to write is no error anywhere.
  return length === 0 ? undefined : growsTooLong(Number(offset) + length);
}

const rangeCommand = (name: string, opcode: number, since: string, summary: string): CommandSpec => ({
  name,
  opcode,
  arity: 4,
  flags: ["readonly"],
  keys: ONE_KEY,
  since,
  group: "string",
  work: NO_WORK,
  summary,
  check: checkRange,
  run: getRange,
});

/** Of group "string": parts of a value. Rows never change, so each write makes a new one, at the cost of its length. */
export const stringRangeCommands: readonly CommandSpec[] = [
  {
    name: "append",
    opcode: 14,
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    keys: ONE_KEY,
    since: "2.0.0",
    group: "string",
    summary: "Appends to a value and says how long it is then.",
    check: (args) => valueTooLong(args[1] as Uint8Array),
    run(context, slot, args) {
      const key = context.latin1(args[0] as Uint8Array);
      const row = context.get(slot, key);
      if (row === undefined) return NOT_RESIDENT;
      if (!isString(row)) return WRONG_TYPE;
      const part = args[1] as Uint8Array;
      if (row === null) {
        putString(context, slot, key, part, 0);
        return integer(part.length);
      }
      const before = row.payload;
      const refusal = growsTooLong(before.length + part.length);
      if (refusal !== undefined) return refusal;
      const payload = new Uint8Array(before.length + part.length);
      payload.set(before);
      payload.set(part, before.length);
      putString(context, slot, key, payload, row.expiresAtMs);
      return integer(payload.length);
    },
  },
  {
    name: "strlen",
    opcode: 15,
    arity: 2,
    flags: ["readonly", "fast"],
    keys: ONE_KEY,
    values: NO_KEYS,
    since: "2.2.0",
    group: "string",
    summary: "Bytes of a value; 0 if the key does not exist.",
    run(context, slot, args) {
      const row = context.head(slot, context.latin1(args[0] as Uint8Array));
      if (row === undefined) return NOT_RESIDENT;
      if (!isString(row)) return WRONG_TYPE;
      return row === null ? ZERO : integer(row.payload.length);
    },
  },
  rangeCommand(
    "getrange",
    16,
    "2.4.0",
    "Bytes of a value from one position to another, both included; negative: from the end.",
  ),
  rangeCommand("substr", 17, "1.0.0", "The older name of GETRANGE."),
  {
    name: "setrange",
    opcode: 18,
    arity: 4,
    flags: ["write", "denyoom"],
    keys: ONE_KEY,
    since: "2.2.0",
    group: "string",
    summary:
      "Overwrites a value from a position on, with zeros before it where there was nothing, and says how long it is then.",
    check: checkSetRange,
    growth: (args) => ((args[2] as Uint8Array).length === 0 ? 0 : Number(parseInt64(args[1] as Uint8Array))),
    run: setRange,
  },
];

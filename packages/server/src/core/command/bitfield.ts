import { EMPTY_BYTES, type Slot } from "../base/index.ts";
import { type FieldType, fit, type Overflow, readField, writeField } from "./bitfield-value.ts";
import { BIT_OFFSET_OUT_OF_RANGE, parseBitOffset } from "./bitmap.ts";
import { err, NOT_AN_INTEGER, SYNTAX_ERROR } from "./errors.ts";
import { exact, parseInt64 } from "./integer-text.ts";
import { growsTooLong, isString, putString, WRONG_TYPE } from "./string-row.ts";
import { type CommandContext, type CommandSpec, NIL, NOT_RESIDENT, ONE_KEY, type Reply } from "./types.ts";
import { word } from "./words.ts";
import { NO_WORK } from "./work.ts";

const INVALID_TYPE = err(
  "Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
);
const INVALID_OVERFLOW = err("Invalid OVERFLOW type specified");
const ONLY_GET = err("BITFIELD_RO only supports the GET subcommand");

const HASH = 0x23;
const SMALL_I = 0x69;
const SMALL_U = 0x75;

interface Operation {
  readonly kind: "get" | "set" | "incrby";
  readonly type: FieldType;
  readonly offset: number;
  /** Of a set or an increment. */
  readonly value: bigint;
  readonly overflow: Overflow;
}

function typeOf(text: Uint8Array): FieldType | undefined {
  const signed = text[0] === SMALL_I;
  if (!signed && text[0] !== SMALL_U) return undefined;
  const bits = parseInt64(text.subarray(1));
  return bits === undefined || bits < 1n || bits > (signed ? 64n : 63n) ? undefined : { signed, bits: Number(bits) };
}

/** In bits, or behind a `#` in fields of the type. */
const offsetOf = (text: Uint8Array, { bits }: FieldType): number | undefined =>
  text[0] === HASH ? parseBitOffset(text.subarray(1), bits) : parseBitOffset(text);

/** What the arguments behind the key ask for, or the error that they are. */
function operationsOf(args: readonly Uint8Array[]): Operation[] | Reply {
  const operations: Operation[] = [];
  let overflow: Overflow = "wrap";
  let at = 1;
  while (at < args.length) {
    const kind = word(args[at] as Uint8Array);
    const behind = args.length - at - 1;
    if (kind === "overflow" && behind >= 1) {
      const mode = word(args[at + 1] as Uint8Array);
      if (mode !== "wrap" && mode !== "sat" && mode !== "fail") return INVALID_OVERFLOW;
      overflow = mode;
      at += 2;
      continue;
    }
    const known = (kind === "get" && behind >= 2) || ((kind === "set" || kind === "incrby") && behind >= 3);
    if (!known) return SYNTAX_ERROR;
    const type = typeOf(args[at + 1] as Uint8Array);
    if (type === undefined) return INVALID_TYPE;
    const offset = offsetOf(args[at + 2] as Uint8Array, type);
    if (offset === undefined) return BIT_OFFSET_OUT_OF_RANGE;
    const value = kind === "get" ? 0n : parseInt64(args[at + 3] as Uint8Array);
    if (value === undefined) return NOT_AN_INTEGER;
    operations.push({ kind, type, offset, value, overflow });
    at += kind === "get" ? 3 : 4;
  }
  return operations;
}

/** Bytes that a value has when all writes have been made; 0: there are none. */
function bytesWritten(operations: readonly Operation[]): number {
  let bytes = 0;
  for (const { kind, offset, type } of operations) {
    if (kind !== "get") bytes = Math.max(bytes, ((offset + type.bits - 1) >> 3) + 1);
  }
  return bytes;
}

function growth(args: readonly Uint8Array[]): number {
  const operations = operationsOf(args);
  return Array.isArray(operations) ? bytesWritten(operations) : 0;
}

/** Answers as Redis: a read the field, a set what was there, an increment what is there; null where it failed. */
function execute(bytes: Uint8Array, { kind, type, offset, value, overflow }: Operation): Reply {
  const before = readField(bytes, offset, type);
  if (kind === "get") return { type: "integer", value: exact(before) };
  // A negative number that is set as an unsigned one counts as a very large one.
  const given = type.signed ? value : BigInt.asUintN(64, value);
  const after = fit(kind === "set" ? given : before + value, type, overflow);
  if (after === undefined) return NIL;
  writeField(bytes, offset, type.bits, after);
  return { type: "integer", value: exact(kind === "set" ? before : after) };
}

function run(context: CommandContext, slot: Slot, args: readonly Uint8Array[]): Reply | typeof NOT_RESIDENT {
  const key = context.latin1(args[0] as Uint8Array);
  const row = context.get(slot, key);
  if (row === undefined) return NOT_RESIDENT;
  if (!isString(row)) return WRONG_TYPE;
  const operations = operationsOf(args);
  if (!Array.isArray(operations)) return operations as Reply;
  const before = row === null ? EMPTY_BYTES : row.payload;
  const written = bytesWritten(operations);
  if (written === 0) return { type: "array", items: operations.map((one) => execute(before, one)) };
  const payload = new Uint8Array(Math.max(before.length, written));
  payload.set(before);
  const items = operations.map((one) => execute(payload, one));
  putString(context, slot, key, payload, row === null ? 0 : row.expiresAtMs);
  return { type: "array", items };
}

function check(args: readonly Uint8Array[], readonly: boolean): Reply | undefined {
  const operations = operationsOf(args);
  if (!Array.isArray(operations)) return operations as Reply;
  const written = bytesWritten(operations);
  return readonly && written > 0 ? ONLY_GET : growsTooLong(written);
}

/** Of group "bitmap": integers of any width within a value. */
export const bitfieldCommands: readonly CommandSpec[] = [
  {
    name: "bitfield",
    opcode: 30,
    arity: -2,
    flags: ["write", "denyoom"],
    keys: ONE_KEY,
    since: "3.2.0",
    group: "bitmap",
    summary: "Reads and changes integers of 1 to 64 bits within a value: GET, SET, INCRBY, OVERFLOW WRAP SAT FAIL.",
    check: (args) => check(args, false),
    growth,
    run,
  },
  {
    name: "bitfield_ro",
    opcode: 31,
    arity: -2,
    flags: ["readonly", "fast"],
    keys: ONE_KEY,
    since: "6.0.0",
    group: "bitmap",
    work: NO_WORK,
    summary: "Reads integers of 1 to 64 bits within a value.",
    check: (args) => check(args, true),
    run,
  },
];

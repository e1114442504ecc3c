import type { Slot } from "../base/index.ts";
import { parseBit } from "./bitmap.ts";
import { err, NOT_AN_INTEGER, SYNTAX_ERROR } from "./errors.ts";
import { parseInt64 } from "./integer-text.ts";
import { integer } from "./replies.ts";
import { isInverted, rangeWithin } from "./string-range.ts";
import { isString, WRONG_TYPE } from "./string-row.ts";
import { type CommandContext, type CommandSpec, NOT_RESIDENT, ONE_KEY, type Reply, ZERO } from "./types.ts";
import { word } from "./words.ts";

type Answer = Reply | typeof NOT_RESIDENT;

const BIT_ARGUMENT = err("The bit argument must be 1 or 0.");
const NO_WORDS = new Uint32Array(0);
const NONE: Reply = { type: "integer", value: -1 };

/** The whole words of a value between two positions, the second one excluded: large values are walked by these. */
function wordsBetween(
  bytes: Uint8Array,
  from: number,
  to: number,
): { readonly at: number; readonly words: Uint32Array } {
  const at = Math.min(to, from + ((4 - ((bytes.byteOffset + from) & 3)) & 3));
  // Without a whole word the position need not be aligned, and no array may begin there.
  const count = (to - at) >> 2;
  return { at, words: count <= 0 ? NO_WORDS : new Uint32Array(bytes.buffer, bytes.byteOffset + at, count) };
}

/** Ones among bits `from` to `to`, both included. */
export function countOnes(bytes: Uint8Array, from: number, to: number): number {
  const first = from >> 3;
  const last = to >> 3;
  const firstMask = 0xff >> (from & 7);
  const lastMask = 0xff << (7 - (to & 7));
  if (first === last) return onesIn((bytes[first] as number) & firstMask & lastMask);
  let ones = onesIn((bytes[first] as number) & firstMask) + onesIn((bytes[last] as number) & lastMask);
  const { at: aligned, words } = wordsBetween(bytes, first + 1, last);
  for (let at = first + 1; at < aligned; at += 1) ones += onesIn(bytes[at] as number);
  for (let i = 0; i < words.length; i += 1) ones += onesIn(words[i] as number);
  for (let at = aligned + words.length * 4; at < last; at += 1) ones += onesIn(bytes[at] as number);
  return ones;
}

/** Ones of a 32-bit word: sums of pairs, of fours, of bytes, then of all four bytes. */
function onesIn(word32: number): number {
  let sums = word32 - ((word32 >>> 1) & 0x5555_5555);
  sums = (sums & 0x3333_3333) + ((sums >>> 2) & 0x3333_3333);
  sums = (sums + (sums >>> 4)) & 0x0f0f_0f0f;
  return Math.imul(sums, 0x0101_0101) >>> 24;
}

/** The first bit that is `bit` among bits `from` to `to`, both included; -1: none. */
export function findBit(bytes: Uint8Array, bit: 0 | 1, from: number, to: number): number {
  const flip = bit === 1 ? 0 : 0xff;
  const first = from >> 3;
  const last = to >> 3;
  const { at: aligned, words } = wordsBetween(bytes, first + 1, last);
  for (let at = first; at <= last; at += 1) {
    if (at === aligned) at += 4 * wordsWithout(bit, words);
    let found = (bytes[at] as number) ^ flip;
    if (at === first) found &= 0xff >> (from & 7);
    if (at === last) found &= 0xff << (7 - (to & 7));
    if (found !== 0) return at * 8 + Math.clz32(found & 0xff) - 24;
  }
  return -1;
}

/** How many of the first words do not have such a bit. */
function wordsWithout(bit: 0 | 1, words: Uint32Array): number {
  const without = bit === 1 ? 0 : 0xffff_ffff;
  let count = 0;
  while (count < words.length && words[count] === without) count += 1;
  return count;
}

interface Range {
  readonly first: bigint;
  readonly last: bigint;
  readonly unitBits: 1 | 8;
}

/** `start [end [BYTE | BIT]]` from `at` on. Without an end: to the end of the value. */
function rangeOf(args: readonly Uint8Array[], at: number): Range | Reply {
  if (args.length > at + 3) return SYNTAX_ERROR;
  const first = at < args.length ? parseInt64(args[at] as Uint8Array) : 0n;
  const last = at + 1 < args.length ? parseInt64(args[at + 1] as Uint8Array) : -1n;
  if (first === undefined || last === undefined) return NOT_AN_INTEGER;
  const unit = args.length === at + 3 ? word(args[at + 2] as Uint8Array) : "byte";
  if (unit !== "byte" && unit !== "bit") return SYNTAX_ERROR;
  return { first, last, unitBits: unit === "bit" ? 1 : 8 };
}

/** The bits of a range in a value; undefined: none. */
function bitsWithin(bytes: Uint8Array, range: Range): { from: number; to: number } | undefined {
  const { unitBits } = range;
  const within = rangeWithin((bytes.length * 8) / unitBits, range.first, range.last);
  return within && { from: within.from * unitBits, to: (within.to + 1) * unitBits - 1 };
}

function count(context: CommandContext, slot: Slot, args: readonly Uint8Array[]): Answer {
  const row = context.get(slot, context.latin1(args[0] as Uint8Array));
  if (row === undefined) return NOT_RESIDENT;
  if (!isString(row)) return WRONG_TYPE;
  const range = rangeOf(args, 1);
  if ("type" in range) return range;
  if (row === null || isInverted(range.first, range.last)) return ZERO;
  const bits = bitsWithin(row.payload, range);
  return bits === undefined ? ZERO : integer(countOnes(row.payload, bits.from, bits.to));
}

function checkCount(args: readonly Uint8Array[]): Reply | undefined {
  if (args.length === 2) return SYNTAX_ERROR;
  const range = rangeOf(args, 1);
  return "type" in range ? range : undefined;
}

function find(context: CommandContext, slot: Slot, args: readonly Uint8Array[]): Answer {
  const row = context.get(slot, context.latin1(args[0] as Uint8Array));
  if (row === undefined) return NOT_RESIDENT;
  if (!isString(row)) return WRONG_TYPE;
  const bit = parseBit(args[1] as Uint8Array);
  const range = rangeOf(args, 2);
  if (bit === undefined) return BIT_ARGUMENT;
  if ("type" in range) return range;
  // What does not exist is zeros without end.
  if (row === null) return bit === 1 ? NONE : ZERO;
  const bits = bitsWithin(row.payload, range);
  if (bits === undefined) return NONE;
  const found = findBit(row.payload, bit, bits.from, bits.to);
  // So is what lies behind a value, unless only a part of it was asked for.
  if (found < 0 && bit === 0 && args.length < 4) return integer(row.payload.length * 8);
  return integer(found);
}

function checkFind(args: readonly Uint8Array[]): Reply | undefined {
  const bit = parseInt64(args[1] as Uint8Array);
  if (bit === undefined) return NOT_AN_INTEGER;
  if (bit !== 0n && bit !== 1n) return BIT_ARGUMENT;
  const range = rangeOf(args, 2);
  return "type" in range ? range : undefined;
}

/** Of group "bitmap": reads of many bits. As Redis since 7.2 they look at their arguments also when there is no key. */
export const bitmapCountCommands: readonly CommandSpec[] = [
  {
    name: "bitcount",
    opcode: 27,
    arity: -2,
    flags: ["readonly"],
    keys: ONE_KEY,
    since: "2.6.0",
    group: "bitmap",
    summary: "Ones in a value, or in a range of its bytes or bits (BYTE, BIT).",
    check: checkCount,
    run: count,
  },
  {
    name: "bitpos",
    opcode: 28,
    arity: -3,
    flags: ["readonly"],
    keys: ONE_KEY,
    since: "2.8.7",
    group: "bitmap",
    summary: "The first bit that is 0, or 1, in a value, or in a range of its bytes or bits; -1: none.",
    check: checkFind,
    run: find,
  },
];

import { EMPTY_BYTES, LCS_CELL_WORK_BYTES, type Slot, utf8Bytes, VALUE_BYTES_MAX } from "../base/index.ts";
import { err, NOT_AN_INTEGER, SYNTAX_ERROR } from "./errors.ts";
import { parseInt64 } from "./integer-text.ts";
import { bulk, integer } from "./replies.ts";
import { isString } from "./string-row.ts";
import { type CommandContext, type CommandSpec, NOT_RESIDENT, type Reply } from "./types.ts";
import { word } from "./words.ts";

const LEN_OR_IDX = err("If you want both the length and indexes, please just use IDX.");
const NO_STRINGS = err("The specified keys must contain string values");
const CELL_BYTES = 4;
/** The table has a cell for every pair of bytes: its size bounds the time, too. */
const TABLE_TOO_LARGE = err(
  `Insufficient memory, transient memory for LCS exceeds ${VALUE_BYTES_MAX} bytes; ` +
    `the product of both lengths may be ${VALUE_BYTES_MAX / CELL_BYTES}`,
);

const cellsOf = (left: number, right: number): number => (left + 1) * (right + 1);
const isTooLarge = (cells: number): boolean => cells * CELL_BYTES > VALUE_BYTES_MAX;

interface Options {
  len: boolean;
  idx: boolean;
  withMatchLen: boolean;
  minMatchLen: number;
}

function optionsOf(args: readonly Uint8Array[]): Options | Reply {
  const given: Options = { len: false, idx: false, withMatchLen: false, minMatchLen: 0 };
  for (let at = 2; at < args.length; at += 1) {
    const name = word(args[at] as Uint8Array);
    if (name === "len") given.len = true;
    else if (name === "idx") given.idx = true;
    else if (name === "withmatchlen") given.withMatchLen = true;
    else if (name === "minmatchlen" && at + 1 < args.length) {
      at += 1;
      const least = parseInt64(args[at] as Uint8Array);
      if (least === undefined) return NOT_AN_INTEGER;
      given.minMatchLen = Number(least);
    } else return SYNTAX_ERROR;
  }
  return given.len && given.idx ? LEN_OR_IDX : given;
}

/** Lengths of the longest common subsequences of all prefixes: row by row of `left`, one column more than `right`. */
function lengthsTable(left: Uint8Array, right: Uint8Array): Uint32Array {
  const width = right.length + 1;
  const table = new Uint32Array((left.length + 1) * width);
  for (let i = 1; i <= left.length; i += 1) {
    const byte = left[i - 1];
    const above = (i - 1) * width;
    const own = i * width;
    let beforeAbove = 0;
    let before = 0;
    for (let j = 1; j < width; j += 1) {
      const here = table[above + j] as number;
      if (byte === right[j - 1]) before = beforeAbove + 1;
      else if (here > before) before = here;
      table[own + j] = before;
      beforeAbove = here;
    }
  }
  return table;
}

/** A run of bytes that both have in common: `length` bytes from these positions on. */
interface Match {
  left: number;
  right: number;
  length: number;
}

/** The runs of one longest common subsequence, the last one first. Of several subsequences Redis' choice. */
function matchesOf(left: Uint8Array, right: Uint8Array, table: Uint32Array): Match[] {
  const width = right.length + 1;
  const matches: Match[] = [];
  let i = left.length;
  let j = right.length;
  let open: Match | undefined;
  while (i > 0 && j > 0) {
    if (left[i - 1] === right[j - 1]) {
      i -= 1;
      j -= 1;
      if (open === undefined) {
        open = { left: i, right: j, length: 0 };
        matches.push(open);
      }
      open.left = i;
      open.right = j;
      open.length += 1;
    } else {
      const above = table[(i - 1) * width + j] as number;
      const beside = table[i * width + j - 1] as number;
      if (above > beside) i -= 1;
      else j -= 1;
      open = undefined;
    }
  }
  return matches;
}

function subsequence(left: Uint8Array, matches: readonly Match[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let end = length;
  for (const match of matches) {
    end -= match.length;
    bytes.set(left.subarray(match.left, match.left + match.length), end);
  }
  return bytes;
}

const array = (...items: Reply[]): Reply => ({ type: "array", items });
const span = (from: number, length: number): Reply => array(integer(from), integer(from + length - 1));

function positions(matches: readonly Match[], length: number, options: Options): Reply {
  const shown = matches
    .filter((match) => match.length >= options.minMatchLen)
    .map((match) => {
      const spans = [span(match.left, match.length), span(match.right, match.length)];
      return array(...spans, ...(options.withMatchLen ? [integer(match.length)] : []));
    });
  return {
    type: "map",
    entries: [
      [bulk(utf8Bytes("matches")), array(...shown)],
      [bulk(utf8Bytes("len")), integer(length)],
    ],
  };
}

function run(context: CommandContext, slot: Slot, args: readonly Uint8Array[]): Reply | typeof NOT_RESIDENT {
  const leftRow = context.get(slot, context.latin1(args[0] as Uint8Array));
  const rightRow = context.get(slot, context.latin1(args[1] as Uint8Array));
  if (leftRow === undefined || rightRow === undefined) return NOT_RESIDENT;
  if (!isString(leftRow) || !isString(rightRow)) return NO_STRINGS;
  const options = optionsOf(args);
  if ("type" in options) return options;
  const left = leftRow === null ? EMPTY_BYTES : leftRow.payload;
  const right = rightRow === null ? EMPTY_BYTES : rightRow.payload;
  if (isTooLarge(cellsOf(left.length, right.length))) return TABLE_TOO_LARGE;
  const table = lengthsTable(left, right);
  const length = table[table.length - 1] as number;
  if (options.len) return integer(length);
  const matches = matchesOf(left, right, table);
  return options.idx ? positions(matches, length, options) : bulk(subsequence(left, matches, length));
}

/** Of group "string": what two values have in common. */
export const lcsCommands: readonly CommandSpec[] = [
  {
    name: "lcs",
    opcode: 19,
    arity: -3,
    flags: ["readonly"],
    keys: { first: 1, last: 2, step: 1 },
    since: "7.0.0",
    group: "string",
    work(lengths) {
      const cells = cellsOf(lengths[0] as number, lengths[1] as number);
      return isTooLarge(cells) ? 0 : cells * LCS_CELL_WORK_BYTES;
    },
    // Where the table would be too large nothing is done, but the values may turn out shorter.
    workAtMost: ([left = 0, right = 0]) =>
      Math.min(cellsOf(left, right), VALUE_BYTES_MAX / CELL_BYTES) * LCS_CELL_WORK_BYTES,
    summary: "The longest common subsequence of two values; LEN: its length, IDX: where its runs are.",
    check(args) {
      const options = optionsOf(args);
      return "type" in options ? options : undefined;
    },
    run,
  },
];

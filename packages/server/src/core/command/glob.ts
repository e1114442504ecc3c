const STAR = 0x2a;
const QUESTION_MARK = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CARET = 0x5e;
const BACKSLASH = 0x5c;
const DASH = 0x2d;

/** A part of a pattern that stands for one byte; `any`: for any number of them. */
type Part = "any" | "one" | number | Class;

interface Class {
  readonly negated: boolean;
  /** One entry a byte. */
  readonly bytes: Uint8Array;
}

/**
 * A pattern as KEYS and SCAN take it, matched as Redis does: `*`, `?`, `[abc]`, `[a-c]`, `[^x]` and `\` before a byte that
 * stands for itself. A class that is not closed ends with the pattern.
 *
 * Only the last star is ever tried again: what an earlier one might take besides, the last one can take, too. So the
 * steps are at most the product of both lengths, where Redis' recursion may take exponentially many.
 */
export class Glob {
  /** It matches everything. */
  readonly all: boolean;
  /** Comparisons made so far, by all calls. */
  steps = 0;
  readonly #parts: readonly Part[];

  constructor(pattern: Uint8Array) {
    this.all = pattern.length === 1 && pattern[0] === STAR;
    this.#parts = partsOf(pattern);
  }

  /** `text` is latin1. */
  matches(text: string): boolean {
    if (this.all) return true;
    const parts = this.#parts;
    // As in Redis, where not even two stars match what is empty.
    if (text.length === 0) return parts.length === 0;
    let part = 0;
    let at = 0;
    let star = -1;
    let tried = 0;
    while (at < text.length) {
      this.steps += 1;
      const wanted = parts[part];
      if (wanted === "any") {
        star = part;
        tried = at;
        part += 1;
      } else if (wanted !== undefined && takes(wanted, text.charCodeAt(at))) {
        part += 1;
        at += 1;
      } else if (star >= 0) {
        tried += 1;
        at = tried;
        part = star + 1;
      } else {
        return false;
      }
    }
    while (parts[part] === "any") part += 1;
    return part === parts.length;
  }
}

function takes(part: Exclude<Part, "any">, byte: number): boolean {
  if (part === "one") return true;
  if (typeof part === "number") return part === byte;
  return (part.bytes[byte] === 1) !== part.negated;
}

function partsOf(pattern: Uint8Array): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < pattern.length; ) {
    const byte = pattern[at] as number;
    at += 1;
    if (byte === STAR) {
      if (parts.at(-1) !== "any") parts.push("any");
    } else if (byte === QUESTION_MARK) {
      parts.push("one");
    } else if (byte === OPEN) {
      at = readClass(pattern, at, parts);
    } else if (byte === BACKSLASH && at < pattern.length) {
      parts.push(pattern[at] as number);
      at += 1;
    } else {
      parts.push(byte);
    }
  }
  return parts;
}

/** Returns where the pattern goes on behind the class. */
function readClass(pattern: Uint8Array, from: number, parts: Part[]): number {
  const negated = pattern[from] === CARET;
  const bytes = new Uint8Array(256);
  let at = negated ? from + 1 : from;
  for (; at < pattern.length && pattern[at] !== CLOSE; at += 1) {
    const byte = pattern[at] as number;
    if (byte === BACKSLASH && at + 1 < pattern.length) {
      at += 1;
      bytes[pattern[at] as number] = 1;
    } else if (pattern[at + 1] === DASH && at + 2 < pattern.length) {
      const other = pattern[at + 2] as number;
      bytes.fill(1, Math.min(byte, other), Math.max(byte, other) + 1);
      at += 2;
    } else {
      bytes[byte] = 1;
    }
  }
  parts.push({ negated, bytes });
  return at + 1;
}

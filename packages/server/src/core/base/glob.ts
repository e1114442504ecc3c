/** One position of a pattern: a byte, any byte, or one of a class. */
type Token = number | ReadonlySet<number>;

const ANY = -1;
const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CARET = 0x5e;
const DASH = 0x2d;
const BACKSLASH = 0x5c;

/**
 * A pattern as Redis has them (KEYS, SCAN MATCH, PSUBSCRIBE, ACL rules): `*`, `?`, `[a-z]`, `[^a]`, and `\` before what
 * is meant literally. It is taken apart once, at its stars. What lies before the first and behind the last star can
 * match at one place only, and for each part between them the leftmost place is as good as any, so nothing is ever
 * tried twice: a match costs at most `searchBytes` times the length of the text, whatever the pattern.
 */
export class Glob {
  /** Comparisons of bytes so far, by all calls. */
  steps = 0;
  /** How many bytes the parts between two stars have together: the pattern's share in the worst cost of a match. */
  readonly searchBytes: number;
  readonly #head: readonly Token[];
  /** Undefined: there is no star. */
  readonly #tail: readonly Token[] | undefined;
  readonly #parts: readonly (readonly Token[])[];
  readonly #lengthMin: number;
  readonly #matchesEmpty: boolean;

  /** `pattern`, and all texts, are latin1 of their bytes. */
  constructor(pattern: string) {
    const parts = partsOf(pattern);
    this.#lengthMin = parts.reduce((sum, part) => sum + part.length, 0);
    this.#head = parts.shift() as Token[];
    this.#tail = parts.pop();
    this.#parts = parts.filter((part) => part.length > 0);
    this.searchBytes = this.#parts.reduce((sum, part) => sum + part.length, 0);
    // As in Redis, where not even two stars match what is empty.
    this.#matchesEmpty = pattern === "" || pattern === "*";
  }

  matches(text: string): boolean {
    const { length } = text;
    if (length === 0) return this.#matchesEmpty;
    if (length < this.#lengthMin) return false;
    const tail = this.#tail;
    if (tail === undefined) return length === this.#lengthMin && this.#isAt(this.#head, text, 0);
    if (!this.#isAt(this.#head, text, 0)) return false;
    const end = length - tail.length;
    if (!this.#isAt(tail, text, end)) return false;
    let at = this.#head.length;
    for (const part of this.#parts) {
      const last = end - part.length;
      while (at <= last && !this.#isAt(part, text, at)) at += 1;
      if (at > last) return false;
      at += part.length;
    }
    return true;
  }

  #isAt(part: readonly Token[], text: string, from: number): boolean {
    for (let i = 0; i < part.length; i += 1) {
      this.steps += 1;
      const token = part[i] as Token;
      const byte = text.charCodeAt(from + i);
      if (token !== byte && token !== ANY && (typeof token === "number" || !token.has(byte))) return false;
    }
    return true;
  }
}

/** What lies between the stars: one part more than there are stars. */
function partsOf(pattern: string): Token[][] {
  let part: Token[] = [];
  const parts = [part];
  for (let at = 0; at < pattern.length; at += 1) {
    const byte = pattern.charCodeAt(at);
    if (byte === STAR) {
      part = [];
      parts.push(part);
    } else if (byte === QUESTION) {
      part.push(ANY);
    } else if (byte === OPEN) {
      const { token, end } = classAt(pattern, at + 1);
      part.push(token);
      at = end;
    } else if (byte === BACKSLASH && at + 1 < pattern.length) {
      at += 1;
      part.push(pattern.charCodeAt(at));
    } else {
      part.push(byte);
    }
  }
  return parts;
}

/** A class whose first byte behind the bracket is at `from`; one that is not closed reaches to the pattern's end. */
function classAt(pattern: string, from: number): { token: Token; end: number } {
  const listed = new Set<number>();
  const negated = pattern.charCodeAt(from) === CARET;
  let at = negated ? from + 1 : from;
  for (; at < pattern.length; at += 1) {
    const byte = pattern.charCodeAt(at);
    if (byte === BACKSLASH && at + 1 < pattern.length) {
      at += 1;
      listed.add(pattern.charCodeAt(at));
    } else if (byte === CLOSE) {
      break;
    } else if (pattern.charCodeAt(at + 1) === DASH && at + 2 < pattern.length) {
      const other = pattern.charCodeAt(at + 2);
      for (let each = Math.min(byte, other); each <= Math.max(byte, other); each += 1) listed.add(each);
      at += 2;
    } else {
      listed.add(byte);
    }
  }
  if (!negated) return { token: listed, end: at };
  const others = new Set<number>();
  for (let byte = 0; byte <= 0xff; byte += 1) if (!listed.has(byte)) others.add(byte);
  return { token: others, end: at };
}

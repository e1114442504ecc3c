const BACKSLASH = 0x5c;
const DOUBLE = 0x22;
const SINGLE = 0x27;

const ESCAPES: ReadonlyMap<number, number> = new Map([
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
  [0x62, 0x08],
  [0x61, 0x07],
]);

const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d) || byte === 0;

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}

/**
 * Splits a line typed by hand into arguments, by Redis' rules: white space separates, `"..."` knows \n \r \t \b \a and
 * \xHH, `'...'` knows \' only, and a closing quote must be followed by white space.
 * Undefined: the quotes do not match.
 */
export function splitInline(line: Uint8Array): Uint8Array[] | undefined {
  const args: Uint8Array[] = [];
  // No argument is longer than the line, so one buffer serves them all.
  const out = new Uint8Array(line.length);
  let length = 0;
  let at = 0;
  for (;;) {
    while (at < line.length && isSpace(line[at] as number)) at += 1;
    if (at === line.length) return args;
    const from = length;
    while (at < line.length && !isSpace(line[at] as number)) {
      const byte = line[at] as number;
      if (byte !== DOUBLE && byte !== SINGLE) {
        out[length] = byte;
        length += 1;
        at += 1;
        continue;
      }
      at += 1;
      while (at < line.length && line[at] !== byte) {
        const width = unescape(line, at, byte, out, length);
        length += 1;
        at += width;
      }
      if (at >= line.length) return undefined;
      at += 1;
      if (at < line.length && !isSpace(line[at] as number)) return undefined;
    }
    args.push(out.subarray(from, length));
  }
}

/** Puts one character of a quoted part into `out[to]`; returns how many bytes said it. */
function unescape(line: Uint8Array, at: number, quote: number, out: Uint8Array, to: number): number {
  const byte = line[at] as number;
  const next = line[at + 1];
  if (byte !== BACKSLASH || next === undefined) {
    out[to] = byte;
    return 1;
  }
  if (quote === SINGLE) {
    out[to] = next === SINGLE ? SINGLE : byte;
    return next === SINGLE ? 2 : 1;
  }
  if (next === 0x78) {
    const high = hexDigit(line[at + 2]);
    const low = hexDigit(line[at + 3]);
    if (high >= 0 && low >= 0) {
      out[to] = high * 16 + low;
      return 4;
    }
  }
  out[to] = ESCAPES.get(next) ?? next;
  return 2;
}

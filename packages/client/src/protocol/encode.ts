const encoder = new TextEncoder();

const CR = 0x0d;
const LF = 0x0a;
const STAR = 0x2a;
const DOLLAR = 0x24;
const DIGIT_ZERO = 0x30;

/** A command as RESP's array of bulk strings, the form that every server takes. Strings are sent as UTF-8. */
export function encodeCommand(args: readonly (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let length = headerBytes(args.length);
  for (const arg of args) {
    const part = typeof arg === "string" ? encoder.encode(arg) : arg;
    parts.push(part);
    length += headerBytes(part.length) + part.length + 2;
  }
  const out = new Uint8Array(length);
  let at = writeHeader(out, 0, STAR, parts.length);
  for (const part of parts) {
    at = writeHeader(out, at, DOLLAR, part.length);
    out.set(part, at);
    at += part.length;
    out[at] = CR;
    out[at + 1] = LF;
    at += 2;
  }
  return out;
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits += 1;
  return digits;
}

const headerBytes = (value: number): number => digitsOf(value) + 3;

function writeHeader(out: Uint8Array, at: number, type: number, value: number): number {
  const end = at + headerBytes(value);
  out[at] = type;
  let rest = value;
  for (let i = end - 3; i > at; i -= 1) {
    out[i] = DIGIT_ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  out[end - 2] = CR;
  out[end - 1] = LF;
  return end;
}

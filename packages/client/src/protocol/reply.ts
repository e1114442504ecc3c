/** An error reply. A value, not an exception: in a pipeline one command's error says nothing about the next. */
export class RespError {
  /** The whole line: `MOVED 866 10.0.0.1:7379`. */
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }

  /** The first word, by which clients tell errors apart: ERR, MOVED, CLUSTERDOWN, INDETERMINATE, ... */
  get kind(): string {
    const space = this.message.indexOf(" ");
    return space < 0 ? this.message : this.message.slice(0, space);
  }
}

/** RESP3's map, in the order it came. Not a `Map`: keys are mostly bytes, which a `Map` would compare by identity. */
export class RespMap {
  readonly entries: readonly (readonly [RespValue, RespValue])[];

  constructor(entries: readonly (readonly [RespValue, RespValue])[]) {
    this.entries = entries;
  }
}

/** Something that the server sends without being asked (RESP3 `>`). It answers no command. */
export class RespPush {
  readonly items: readonly RespValue[];

  constructor(items: readonly RespValue[]) {
    this.items = items;
  }
}

/**
 * One reply. Simple and verbatim strings are `string`; bulk strings are bytes of their own; integers are `bigint` only
 * where a `number` would round; RESP2's and RESP3's nulls are `null`; a set is an array.
 */
export type RespValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | RespError
  | RespMap
  | RespPush
  | readonly RespValue[];

/** The server sent what is not RESP, or more than the limits allow. The stream has lost its place: close it. */
export class RespProtocolError extends Error {
  override readonly name = "RespProtocolError";
}

/** A simple string, an error or a header. Far beyond any error text; without a bound a missing CRLF would eat memory. */
const LINE_BYTES_MAX = 64 * 1024;
/** Redis' own bound on a string. Memory is taken as bytes arrive, never on the word of a header. */
const BULK_BYTES_MAX = 512 * 1024 * 1024;
/** Replies nest five deep at most (COMMAND DOCS); unbounded depth would be a way to exhaust memory cheaply. */
const DEPTH_MAX = 32;
/** Elements of one aggregate. */
const ITEMS_MAX = 16 * 1024 * 1024;

const CR = 0x0d;
const LF = 0x0a;

type Aggregate = "array" | "map" | "push" | "attribute";

interface Open {
  readonly type: Aggregate;
  missing: number;
  readonly items: RespValue[];
}

const decoder = new TextDecoder();
const NOTHING = new Uint8Array(0);
const INTEGER = /^[+-]?\d{1,19}$/;
const BIG_NUMBER = /^[+-]?\d{1,4096}$/;
const DOUBLE = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/**
 * Replies out of a byte stream, RESP2 and RESP3, however the stream is cut.
 * What was parsed is never parsed again: a chunk costs its own length, not that of the reply it belongs to.
 */
export class RespReplyParser {
  /** Bytes of an element that has begun; `#bytes[#at .. #end)` is not yet parsed. */
  #bytes: Uint8Array = NOTHING;
  #at = 0;
  #end = 0;
  /** The buffer is ours to append to; otherwise it is the caller's chunk. */
  #owned = false;
  /** Where to go on looking for the end of a line, so that a slow line is not searched again from its start. */
  #searched = 0;
  /** Length of the bulk string whose header was read; -1: none. */
  #bulkBytes = -1;
  #bulkType = 0;
  readonly #open: Open[] = [];
  #failed: RespProtocolError | undefined;

  /**
   * The replies that this chunk completes. The chunk may be reused by the caller afterwards.
   * Throws `RespProtocolError` on what is not RESP, then and ever after.
   */
  push(chunk: Uint8Array): RespValue[] {
    if (this.#failed !== undefined) throw this.#failed;
    this.#append(chunk);
    const replies: RespValue[] = [];
    try {
      while (this.#element(replies)) {
        // each turn consumes one header, string or scalar
      }
    } catch (error) {
      if (error instanceof RespProtocolError) this.#failed = error;
      throw error;
    }
    this.#keepRest();
    return replies;
  }

  #append(chunk: Uint8Array): void {
    const rest = this.#end - this.#at;
    if (rest === 0) {
      this.#bytes = chunk;
      this.#at = 0;
      this.#end = chunk.length;
      this.#owned = false;
      this.#searched = 0;
      return;
    }
    // keepRest has moved the rest to the front of a buffer of our own.
    const needed = this.#end + chunk.length;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#end));
      this.#bytes = grown;
    }
    this.#bytes.set(chunk, this.#end);
    this.#end = needed;
  }

  /** What is left of the chunk is copied: the caller's buffer is not ours to keep. */
  #keepRest(): void {
    const rest = this.#end - this.#at;
    if (rest === 0) {
      this.#bytes = NOTHING;
      this.#owned = false;
      this.#searched = 0;
    } else if (!this.#owned) {
      this.#bytes = this.#bytes.slice(this.#at, this.#end);
      this.#owned = true;
      this.#searched = Math.max(0, this.#searched - this.#at);
    } else if (this.#at > 0) {
      this.#bytes.copyWithin(0, this.#at, this.#end);
      this.#searched = Math.max(0, this.#searched - this.#at);
    }
    this.#at = 0;
    this.#end = rest;
  }

  /** Consumes one element; false when its end has not arrived. */
  #element(replies: RespValue[]): boolean {
    if (this.#bulkBytes >= 0) return this.#bulk(replies);
    const lineEnd = this.#lineEnd();
    if (lineEnd < 0) return false;
    const bytes = this.#bytes;
    const type = bytes[this.#at] as number;
    const from = this.#at + 1;
    this.#at = lineEnd + 2;
    this.#searched = this.#at;
    switch (type) {
      case 0x2b: // +
        this.#emit(simple(bytes, from, lineEnd), replies);
        return true;
      case 0x2d: // -
        this.#emit(new RespError(text(bytes, from, lineEnd)), replies);
        return true;
      case 0x3a: // :
        this.#emit(integer(bytes, from, lineEnd), replies);
        return true;
      case 0x24: // $
      case 0x3d: // =
      case 0x21: // !
        this.#bulkHeader(type, size(bytes, from, lineEnd, BULK_BYTES_MAX), replies);
        return true;
      case 0x2a: // *
      case 0x7e: // ~
        this.#aggregate("array", size(bytes, from, lineEnd, ITEMS_MAX), replies);
        return true;
      case 0x25: // %
        this.#aggregate("map", size(bytes, from, lineEnd, ITEMS_MAX) * 2, replies);
        return true;
      case 0x3e: // >
        this.#aggregate("push", size(bytes, from, lineEnd, ITEMS_MAX), replies);
        return true;
      case 0x7c: // |
        this.#aggregate("attribute", size(bytes, from, lineEnd, ITEMS_MAX) * 2, replies);
        return true;
      default:
        this.#emit(scalar(type, text(bytes, from, lineEnd)), replies);
        return true;
    }
  }

  /** Index of the CR that ends the line at `#at`; -1 when it has not arrived. */
  #lineEnd(): number {
    const bytes = this.#bytes;
    let at = Math.max(this.#searched, this.#at + 1);
    while (at + 1 < this.#end && !(bytes[at] === CR && bytes[at + 1] === LF)) at += 1;
    if (at - this.#at > LINE_BYTES_MAX) throw new RespProtocolError(`a line is longer than ${LINE_BYTES_MAX} bytes`);
    this.#searched = at;
    return at + 1 < this.#end ? at : -1;
  }

  #bulkHeader(type: number, length: number, replies: RespValue[]): void {
    if (length < 0) {
      this.#emit(null, replies);
      return;
    }
    this.#bulkBytes = length;
    this.#bulkType = type;
  }

  #bulk(replies: RespValue[]): boolean {
    const length = this.#bulkBytes;
    const end = this.#at + length;
    if (this.#end < end + 2) return false;
    if (this.#bytes[end] !== CR || this.#bytes[end + 1] !== LF) {
      throw new RespProtocolError("a bulk string does not end where its length says");
    }
    const bytes = this.#bytes.slice(this.#at, end);
    this.#at = end + 2;
    this.#searched = this.#at;
    this.#bulkBytes = -1;
    if (this.#bulkType === 0x24) this.#emit(bytes, replies);
    else if (this.#bulkType === 0x21) this.#emit(new RespError(decoder.decode(bytes)), replies);
    // A verbatim string begins with its format and a colon: `txt:`.
    else this.#emit(decoder.decode(bytes.subarray(4)), replies);
    return true;
  }

  #aggregate(type: Aggregate, items: number, replies: RespValue[]): void {
    if (items < 0) {
      this.#emit(null, replies);
      return;
    }
    if (this.#open.length >= DEPTH_MAX) throw new RespProtocolError(`a reply nests deeper than ${DEPTH_MAX}`);
    const open: Open = { type, missing: items, items: [] };
    if (open.missing > 0) this.#open.push(open);
    else if (type !== "attribute") this.#emit(closed(open), replies);
  }

  /** Hands a finished value to the aggregate that waits for it, and closes what it completes. */
  #emit(value: RespValue, replies: RespValue[]): void {
    let done = value;
    for (;;) {
      const open = this.#open.at(-1);
      if (open === undefined) {
        replies.push(done);
        return;
      }
      open.items.push(done);
      open.missing -= 1;
      if (open.missing > 0) return;
      this.#open.pop();
      // Attributes only describe the value that follows; nobody here reads them.
      if (open.type === "attribute") return;
      done = closed(open);
    }
  }
}

function closed(open: Open): RespValue {
  if (open.type === "push") return new RespPush(open.items);
  if (open.type !== "map") return open.items;
  const entries: (readonly [RespValue, RespValue])[] = [];
  for (let i = 0; i < open.items.length; i += 2) {
    entries.push([open.items[i] as RespValue, open.items[i + 1] as RespValue]);
  }
  return new RespMap(entries);
}

const text = (bytes: Uint8Array, from: number, to: number): string => decoder.decode(bytes.subarray(from, to));

const isOk = (bytes: Uint8Array, from: number, to: number): boolean =>
  to - from === 2 && bytes[from] === 0x4f && bytes[from + 1] === 0x4b;

const simple = (bytes: Uint8Array, from: number, to: number): string =>
  isOk(bytes, from, to) ? "OK" : text(bytes, from, to);

/** Digits straight from the bytes, because every reply has some; -1 when it is anything but up to 15 digits. */
function digits(bytes: Uint8Array, from: number, to: number): number {
  if (to === from || to - from > 15) return -1;
  let value = 0;
  for (let i = from; i < to; i += 1) {
    const digit = (bytes[i] as number) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** A length or count; -1 is RESP2's null. */
function size(bytes: Uint8Array, from: number, to: number, max: number): number {
  const value = digits(bytes, from, to);
  if (value >= 0 && value <= max) return value;
  const line = text(bytes, from, to);
  if (line === "-1") return -1;
  throw new RespProtocolError(`not a length that is allowed: ${JSON.stringify(line.slice(0, 32))}`);
}

function integer(bytes: Uint8Array, from: number, to: number): number | bigint {
  const small = digits(bytes, from, to);
  if (small >= 0) return small;
  const line = text(bytes, from, to);
  if (!INTEGER.test(line)) throw new RespProtocolError(`not an integer: ${JSON.stringify(line.slice(0, 32))}`);
  const value = Number(line);
  return Number.isSafeInteger(value) ? value : BigInt(line);
}

function scalar(type: number, line: string): RespValue {
  switch (type) {
    case 0x5f: // _
      if (line === "") return null;
      break;
    case 0x23: // #
      if (line === "t") return true;
      if (line === "f") return false;
      break;
    case 0x2c: // ,
      if (DOUBLE.test(line)) return Number(line);
      if (line === "inf" || line === "+inf") return Number.POSITIVE_INFINITY;
      if (line === "-inf") return Number.NEGATIVE_INFINITY;
      if (line === "nan") return Number.NaN;
      break;
    case 0x28: // (
      if (BIG_NUMBER.test(line)) return BigInt(line);
      break;
  }
  throw new RespProtocolError(`not a reply: byte ${type}, then ${JSON.stringify(line.slice(0, 32))}`);
}

import { ByteWriter, REPLY_UNCOPIED_BYTES_MIN, unreachable, utf8Bytes } from "../base/index.ts";
import { NIL, OK, ONE, type Reply, ZERO } from "../command/index.ts";

const CR = 0x0d;
const LF = 0x0a;
const DIGIT_ZERO = 0x30;
const DOLLAR = 0x24;
const COLON = 0x3a;
const PLUS = 0x2b;
const MINUS = 0x2d;

const WIRE_OK = utf8Bytes("+OK\r\n");
const WIRE_NIL_2 = utf8Bytes("$-1\r\n");
const WIRE_NIL_ARRAY_2 = utf8Bytes("*-1\r\n");
const WIRE_NIL_3 = utf8Bytes("_\r\n");
const WIRE_ZERO = utf8Bytes(":0\r\n");
const WIRE_ONE = utf8Bytes(":1\r\n");

export type RespVersion = 2 | 3;

/** Replies of one connection as RESP, gathered until the connection is flushed. */
export class ReplyWriter {
  resp: RespVersion = 2;
  #tail: ByteWriter = new ByteWriter(OUTPUT_BYTES_INITIAL);
  /** Complete buffers before the tail: large values as they are in their rows, and what was gathered before them. */
  #sealed: Uint8Array[] = [];
  #sealedBytes = 0;

  get length(): number {
    return this.#sealedBytes + this.#tail.length;
  }

  /** Memory of the buffer for replies, of which `length` is used. */
  get capacityBytes(): number {
    return this.#sealedBytes + this.#tail.raw.length;
  }

  /**
   * Gives all bytes away, in order. `send` says whether it is done with the buffer (true) or keeps it.
   * A large value is a row's own bytes: rows never change, so that is safe either way.
   */
  drain(send: (bytes: Uint8Array) => boolean): void {
    if (this.#sealed.length > 0) {
      const sealed = this.#sealed;
      this.#sealed = [];
      this.#sealedBytes = 0;
      for (const bytes of sealed) send(bytes);
    }
    if (this.#tail.length === 0) return;
    const done = send(this.#tail.view());
    if (done && this.#tail.raw.length <= OUTPUT_BYTES_KEPT) this.#tail.reset();
    else this.#tail = new ByteWriter(OUTPUT_BYTES_INITIAL);
  }

  reply(reply: Reply): void {
    if (reply === OK) this.#tail.bytes(WIRE_OK);
    else if (reply.type === "bulk") this.#bulk(reply.bytes);
    else if (reply === NIL) this.#nil();
    else if (reply === ONE) this.#tail.bytes(WIRE_ONE);
    else if (reply === ZERO) this.#tail.bytes(WIRE_ZERO);
    else this.#rare(reply);
  }

  /** A part of something that was written elsewhere, for several connections: large parts are not copied. */
  encoded(bytes: Uint8Array): void {
    if (bytes.length < REPLY_UNCOPIED_BYTES_MIN) this.#tail.bytes(bytes);
    else this.#seal(bytes);
  }

  #rare(reply: Reply): void {
    switch (reply.type) {
      case "simple":
        return this.#line(PLUS, reply.text);
      case "error":
        return this.#line(MINUS, `${reply.kind} ${reply.text}`);
      case "nil":
        return this.#nil();
      case "nilArray":
        return this.#tail.bytes(this.resp === 3 ? WIRE_NIL_3 : WIRE_NIL_ARRAY_2);
      case "integer":
        return this.#integer(reply.value);
      case "bulk":
        return this.#bulk(reply.bytes);
      case "array":
        return this.#items("*", reply.items);
      case "push":
        return this.#items(this.resp === 3 ? ">" : "*", reply.items);
      case "several":
        for (const each of reply.replies) this.reply(each);
        return;
      case "set":
        return this.#items(this.resp === 3 ? "~" : "*", reply.items);
      case "map":
        this.#text(this.resp === 3 ? `%${reply.entries.length}\r\n` : `*${reply.entries.length * 2}\r\n`);
        for (const [key, value] of reply.entries) {
          this.reply(key);
          this.reply(value);
        }
        return;
      case "double":
        return this.#double(reply.value);
      case "boolean":
        if (this.resp === 3) return this.#text(reply.value ? "#t\r\n" : "#f\r\n");
        return this.reply(reply.value ? ONE : ZERO);
      case "verbatim": {
        const text = utf8Bytes(reply.text);
        if (this.resp === 2) return this.#bulk(text);
        this.#text(`=${text.length + 4}\r\n${reply.format}:`);
        this.#tail.bytes(text);
        return this.#text("\r\n");
      }
      default:
        return unreachable(reply);
    }
  }

  #nil(): void {
    this.#tail.bytes(this.resp === 3 ? WIRE_NIL_3 : WIRE_NIL_2);
  }

  #items(type: string, items: readonly Reply[]): void {
    this.#text(`${type}${items.length}\r\n`);
    for (const item of items) this.reply(item);
  }

  #bulk(bytes: Uint8Array): void {
    const length = bytes.length;
    if (length >= REPLY_UNCOPIED_BYTES_MIN) return this.#largeBulk(bytes);
    const out = this.#tail;
    const digits = digitsOf(length);
    let at = out.skip(digits + length + 5);
    const raw = out.raw;
    raw[at] = DOLLAR;
    at = digitsAt(raw, at + 1, digits, length);
    raw.set(bytes, at);
    at += length;
    raw[at] = CR;
    raw[at + 1] = LF;
  }

  #largeBulk(bytes: Uint8Array): void {
    this.#text(`$${bytes.length}\r\n`);
    this.#seal(bytes);
    this.#text("\r\n");
  }

  #seal(bytes: Uint8Array): void {
    this.#sealed.push(this.#tail.copy(), bytes);
    this.#sealedBytes += this.#tail.length + bytes.length;
    this.#tail.reset();
  }

  #integer(value: number | bigint): void {
    if (typeof value === "bigint" || value < 0 || value > 0xffff_ffff) return this.#text(`:${value}\r\n`);
    const out = this.#tail;
    const digits = digitsOf(value);
    const at = out.skip(digits + 3);
    out.raw[at] = COLON;
    digitsAt(out.raw, at + 1, digits, value);
  }

  #double(value: number): void {
    const text = Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
    if (this.resp === 3) this.#text(`,${text}\r\n`);
    else this.#bulk(utf8Bytes(text));
  }

  /** A line must not be ended by what it quotes: the next byte would be taken for another reply. */
  #line(type: number, text: string): void {
    this.#tail.u8(type);
    this.#text(text.includes("\r") || text.includes("\n") ? text.replace(/[\r\n]/g, " ") : text);
    this.#text("\r\n");
  }

  #text(text: string): void {
    this.#tail.bytes(utf8Bytes(text));
  }
}

const OUTPUT_BYTES_INITIAL = 1024;
/** A buffer that grew beyond this is let go after it was sent: ten thousand idle connections must not keep theirs. */
const OUTPUT_BYTES_KEPT = 16 * 1024;

function digitsOf(value: number): number {
  let digits = 1;
  for (let bound = 10; value >= bound; bound *= 10) digits += 1;
  return digits;
}

/** Writes the number and a line end; returns where they end. */
function digitsAt(raw: Uint8Array, at: number, digits: number, value: number): number {
  let rest = value;
  for (let i = at + digits - 1; i >= at; i -= 1) {
    const tens = Math.floor(rest / 10);
    raw[i] = DIGIT_ZERO + rest - tens * 10;
    rest = tens;
  }
  raw[at + digits] = CR;
  raw[at + digits + 1] = LF;
  return at + digits + 2;
}

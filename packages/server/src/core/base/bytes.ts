import { assert } from "./assert.ts";

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

export function bytesEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && compareBytes(left, right) === 0;
}

/** Order of unsigned bytes, a prefix before what it begins: the order of every engine. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const shared = Math.min(left.length, right.length);
  for (let i = 0; i < shared; i += 1) {
    const difference = (left[i] as number) - (right[i] as number);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const TWO_32 = 0x1_0000_0000;

/**
 * Appends little-endian fields to one growing buffer. Reused from pass to pass: `view()` is valid until the next
 * write or `reset()`; whoever keeps bytes beyond that takes `copy()`.
 */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  reset(): void {
    this.#length = 0;
  }

  /** Makes room for `count` more bytes and returns where they begin; the caller fills them through `raw`. */
  skip(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > this.#bytes.length) this.#grow(needed);
    this.#length = needed;
    return at;
  }

  /** The backing bytes. Detached from this writer by its next growth. */
  get raw(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  u8(value: number): void {
    const at = this.skip(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.skip(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.skip(4);
    this.#view.setUint32(at, value, true);
  }

  /** A safe integer as u64. */
  u64(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "a u64 field holds a safe, non-negative integer");
    const at = this.skip(8);
    this.#view.setUint32(at, value % TWO_32, true);
    this.#view.setUint32(at + 4, Math.floor(value / TWO_32), true);
  }

  f64(value: number): void {
    const at = this.skip(8);
    this.#view.setFloat64(at, value, true);
  }

  bytes(value: Uint8Array): void {
    const at = this.skip(value.length);
    this.#bytes.set(value, at);
  }

  /** u32 length, then the bytes. */
  block(value: Uint8Array): void {
    this.u32(value.length);
    this.bytes(value);
  }

  /** Overwrites a u32 written or skipped before: lengths and checksums that are known only afterwards. */
  patchU32(at: number, value: number): void {
    assert(at + 4 <= this.#length, "a patch lies within what was written");
    this.#view.setUint32(at, value, true);
  }

  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  copy(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(needed: number): void {
    let capacity = this.#bytes.length * 2;
    while (capacity < needed) capacity *= 2;
    const bytes = new Uint8Array(capacity);
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/** The end of the input came before the end of a field. Callers turn it into the coded error of their format. */
export class ShortInput extends Error {
  override readonly name = "ShortInput";
}

/** Reads what a `ByteWriter` wrote. Throws `ShortInput` instead of ever reading past the end, and for what none writes. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }

  get remaining(): number {
    return this.bytes.length - this.at;
  }

  #take(count: number): number {
    const at = this.at;
    if (at + count > this.bytes.length) throw new ShortInput(`${count} bytes wanted, ${this.remaining} left`);
    this.at = at + count;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): number {
    const at = this.#take(8);
    const value = this.#view.getUint32(at + 4, true) * TWO_32 + this.#view.getUint32(at, true);
    // Outside input may say anything; nothing that a ByteWriter wrote does.
    if (!Number.isSafeInteger(value)) throw new ShortInput(`The u64 at byte ${at} is larger than any that is written.`);
    return value;
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** A view, not a copy: valid as long as the input is. */
  take(count: number): Uint8Array {
    const at = this.#take(count);
    // Twice as fast as `subarray`, which looks up the constructor of what it makes.
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + at, count);
  }

  /** u32 length, then a view of so many bytes. */
  block(): Uint8Array {
    return this.take(this.u32());
  }
}

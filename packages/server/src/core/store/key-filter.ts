import { FILTER_BITS_PER_KEY, FILTER_SEGMENT_BYTES_MIN } from "../base/index.ts";

/** What the filters of a node's spaces take together, and may take. */
export class FilterMemory {
  readonly #bytesMax: number;
  bytes = 0;
  /** How often a filter may have become less sure of a key. */
  changes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  take(bytes: number): boolean {
    if (this.bytes + bytes > this.#bytesMax) return false;
    this.bytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.bytes -= bytes;
  }
}

/** A cache line: all bits of a key are in one. */
const BLOCK_BYTES = 64;
const BLOCK_WORDS = BLOCK_BYTES / 4;
const BLOCK_BITS = BLOCK_BYTES * 8;
/** Of a key in its block; the best number for FILTER_BITS_PER_KEY. */
const KEY_BITS = 6;

/**
 * Says of a key that the engine certainly has no row of it, so that it need not be read to find nothing: a load of new
 * keys is otherwise one such read for each. A Bloom filter of one generation of a space, in segments that double.
 *
 * Invariants: it never says so of a key whose row may be in the engine.
 * - It begins empty, with a number of a space that no batch has carried: a space that was made, cleared, or is staged.
 *   Spaces that were found at open have none; their rows are read.
 * - Rows reach the engine in two ways only, a flush and the chunks of a snapshot. Both call `add` before they put the row
 *   into the batch. Until that batch is durable the row of a flush is in memory, which is asked first, and a staged space
 *   is not asked at all.
 * - It forgets nothing: a key that was deleted stays. What was answered once with "perhaps" stays that.
 * - When its memory may not grow (STORE_FILTERS_BYTES_MAX) it is dropped for good, and says "perhaps" of every key. That
 *   happens while a batch is filled, never while an entry is applied.
 */
export class KeyFilter {
  readonly #memory: FilterMemory;
  readonly #segments: Uint32Array[] = [];
  /** Keys that the newest segment may still take. */
  #room = 0;
  #dropped = false;

  constructor(memory: FilterMemory) {
    this.#memory = memory;
  }

  /** True: certainly not in the engine. */
  lacks(key: string): boolean {
    if (this.#dropped) return false;
    if (this.#segments.length === 0) return true;
    return !this.#has(hashOf(key));
  }

  /** Before the key's row is put into a batch. */
  add(key: string): void {
    if (this.#dropped) return;
    const hash = hashOf(key);
    if (this.#has(hash)) return;
    if (this.#room === 0 && !this.#grow()) return this.drop();
    this.#room -= 1;
    this.#memory.changes += 1;
    const segment = this.#segments[this.#segments.length - 1] as Uint32Array;
    const block = blockOf(segment, hash);
    let step = mixed(hash);
    for (let left = KEY_BITS, bit = step >>> 20; left > 0; left -= 1) {
      bit = (bit + step) % BLOCK_BITS;
      segment[block + (bit >>> 5)] = (segment[block + (bit >>> 5)] as number) | (1 << (bit & 31));
      step = (step >>> 3) | 1;
    }
  }

  /** Gives its memory back. */
  drop(): void {
    this.#dropped = true;
    this.#memory.changes += 1;
    for (const segment of this.#segments) this.#memory.giveBack(segment.byteLength);
    this.#segments.length = 0;
  }

  #grow(): boolean {
    const bytes = FILTER_SEGMENT_BYTES_MIN * 2 ** this.#segments.length;
    if (!this.#memory.take(bytes)) return false;
    this.#segments.push(new Uint32Array(bytes / 4));
    this.#room = Math.floor((bytes * 8) / FILTER_BITS_PER_KEY);
    return true;
  }

  /** The newest first: it holds half of all keys. */
  #has(hash: number): boolean {
    for (let at = this.#segments.length - 1; at >= 0; at -= 1) {
      if (holds(this.#segments[at] as Uint32Array, hash)) return true;
    }
    return false;
  }
}

function holds(segment: Uint32Array, hash: number): boolean {
  const block = blockOf(segment, hash);
  let step = mixed(hash);
  for (let left = KEY_BITS, bit = step >>> 20; left > 0; left -= 1) {
    bit = (bit + step) % BLOCK_BITS;
    if (((segment[block + (bit >>> 5)] as number) & (1 << (bit & 31))) === 0) return false;
    step = (step >>> 3) | 1;
  }
  return true;
}

/** A key's first word: segments have a power of two of blocks, and the hash's upper bits choose. */
const blockOf = (segment: Uint32Array, hash: number): number =>
  (hash >>> (Math.clz32(segment.length / BLOCK_WORDS) + 1)) * BLOCK_WORDS;

/** Both must agree on every key for ever, but only within one process: nothing of this is on disk. */
function hashOf(key: string): number {
  let hash = key.length;
  for (let i = 0; i < key.length; i += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x5bd1_e995);
    hash ^= hash >>> 15;
  }
  return mixed(hash);
}

/** Every bit of the number decides about every bit of the result. */
function mixed(number: number): number {
  let bits = number ^ (number >>> 16);
  bits = Math.imul(bits, 0x85eb_ca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2_ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

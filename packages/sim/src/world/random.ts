import { assert } from "sherd/core/base";

const MASK_64 = (1n << 64n) - 1n;

/** FNV-1a, so that each named stream of a seed is another one. */
function mixName(seed: bigint, name: string): bigint {
  let hash = (seed ^ 0xcbf29ce484222325n) & MASK_64;
  for (let at = 0; at < name.length; at += 1) {
    hash = ((hash ^ BigInt(name.charCodeAt(at))) * 0x100000001b3n) & MASK_64;
  }
  return hash;
}

/**
 * Random numbers (sfc32) of one purpose. Each purpose draws from a stream of its own, so that one more draw for, say,
 * a disk's delay does not change what the clients do.
 */
export class Random {
  readonly #seed: bigint;
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 1;

  constructor(seed: bigint) {
    this.#seed = seed & MASK_64;
    this.#a = Number(this.#seed & 0xffff_ffffn) | 0;
    this.#b = Number(this.#seed >> 32n) | 0;
    this.#c = 0x9e37_79b9 | 0;
    for (let round = 0; round < 16; round += 1) this.u32();
  }

  /** Depends on the seed and the name alone, not on what was drawn before. */
  stream(name: string): Random {
    return new Random(mixName(this.#seed, name));
  }

  u32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** [0, 1) */
  fraction(): number {
    return this.u32() / 2 ** 32;
  }

  /** 0 .. count - 1 */
  below(count: number): number {
    assert(count > 0, "one of nothing can not be chosen");
    return Math.floor(this.fraction() * count);
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.fraction();
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

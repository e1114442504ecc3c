const ALPHABET = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", "latin1");
/** 36^5 fits into 32 bits with room to spare, so that five characters cost one draw. */
const CHARACTERS_PER_DRAW = 5;

/** xoshiro128** by Blackman and Vigna: small, fast, and the same everywhere, so that a seed repeats a run. Not for secrets. */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** `stream` tells the workers of one run apart. */
  constructor(seed: number, stream = 0) {
    // splitmix32 spreads the seed over the state, which must not be all zero.
    let state = (seed ^ Math.imul(stream + 1, 0x9e37_79b9)) >>> 0;
    const next = (): number => {
      state = (state + 0x9e37_79b9) >>> 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x85eb_ca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2_ae35);
      return (z ^ (z >>> 16)) >>> 0;
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  u32(): number {
    const times5 = Math.imul(this.#b, 5);
    const result = Math.imul((times5 << 7) | (times5 >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** 0 <= result < 1. */
  unit(): number {
    return this.u32() / 0x1_0000_0000;
  }

  /** A whole number, 0 <= result < bound. */
  below(bound: number): number {
    return Math.floor(this.unit() * bound);
  }

  /** Both ends included. */
  between(range: { readonly min: number; readonly max: number }): number {
    return range.min + this.below(range.max - range.min + 1);
  }

  /** Capital letters and digits: valid in every protocol, and what the original system's tools wrote. */
  text(length: number): Buffer {
    const out = Buffer.allocUnsafe(length);
    let rest = 0;
    for (let i = 0; i < length; i += 1) {
      if (i % CHARACTERS_PER_DRAW === 0) rest = this.u32();
      out[i] = ALPHABET[rest % ALPHABET.length] as number;
      rest = Math.floor(rest / ALPHABET.length);
    }
    return out;
  }
}

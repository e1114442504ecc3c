/** Random numbers from a seed (mulberry32): an attack that broke something can be sent again. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 32 bits. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** From 0 to `limit` - 1. */
  below(limit: number): number {
    return this.next() % limit;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at += 1) bytes[at] = this.next();
    return bytes;
  }

  /** Changes, takes out, doubles or puts in some bytes. */
  mutate(original: Uint8Array): Buffer {
    let bytes = Buffer.from(original);
    const changes = 1 + this.below(6);
    for (let change = 0; change < changes && bytes.length > 0; change += 1) {
      const at = this.below(bytes.length);
      const length = 1 + this.below(8);
      const rest = bytes.subarray(at + length);
      const kind = this.below(5);
      if (kind === 0) bytes[at] = this.next();
      else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), rest]);
      else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), this.bytes(length), bytes.subarray(at)]);
      else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
      else bytes[at] = 0x30 + this.below(10);
    }
    return bytes;
  }
}

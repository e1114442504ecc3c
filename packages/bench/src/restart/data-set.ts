const VALUE_BYTES = 80;
const NOISE_BYTES = 1024 * 1024;
const KEY_BYTES_MIN = 30;
const KEY_BYTES_SPREAD = 11;

/** Finalizer of MurmurHash3: neighbouring numbers become unlike ones. */
function mix(number: number): number {
  let hash = number >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const hex = (number: number): string => number.toString(16).padStart(8, "0");

/** Distinct keys of 30 to 40 bytes in no order, and values of 80 bytes that cannot be compressed; the same every time. */
export class DataSet {
  readonly keys: number;
  readonly #noise: Uint8Array = new Uint8Array(NOISE_BYTES + VALUE_BYTES);

  constructor(keys: number) {
    this.keys = keys;
    for (let at = 0; at < this.#noise.length; at += 1) this.#noise[at] = mix(at) & 0xff;
  }

  key(at: number): string {
    const hash = mix(at);
    const unlike = `${hex(hash)}${hex(mix(hash ^ 1))}${hex(mix(hash ^ 2))}${hex(mix(hash ^ 3))}`;
    const name = `:${at.toString(36)}`;
    return unlike.slice(0, KEY_BYTES_MIN + (hash % KEY_BYTES_SPREAD) - name.length) + name;
  }

  value(at: number): Uint8Array {
    const from = mix(at ^ 0x5bd1e995) % NOISE_BYTES;
    return this.#noise.subarray(from, from + VALUE_BYTES);
  }
}

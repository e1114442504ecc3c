import { assert, latin1, latin1Bytes } from "../base/index.ts";
import type { Engine, EngineBatch, EngineSnapshot, RangeOptions, RangeResult } from "../env/index.ts";

/** Keys are latin1 strings: their order as strings is the order of their bytes. */
type Rows = Map<string, Uint8Array>;

/** What survives a crash. */
export interface MemoryImage {
  readonly rows: ReadonlyMap<string, Uint8Array>;
}

/**
 * An engine without a disk, for the simulator and for tests. `schedule` decides when anything happens: each request
 * takes effect in one call of it and answers in a later one, so between the two other things may come to pass, as on a
 * real disk.
 */
export class MemoryEngine implements Engine {
  readonly #schedule: (run: () => void) => void;
  readonly #rows: Rows;
  /** Sorted, with keys that are deleted by now; `#added` are not in it yet. Put in order when a range asks. */
  #sorted: string[] = [];
  #added: string[] = [];
  #writing = false;
  #running = 0;
  #dead = false;
  #closing: (() => void) | undefined;

  constructor(schedule: (run: () => void) => void, image?: MemoryImage) {
    this.#schedule = schedule;
    this.#rows = new Map(image?.rows);
    this.#added = [...this.#rows.keys()];
  }

  /** The power goes: what was written durably remains, and nothing asked before is ever answered. */
  crash(): MemoryImage {
    this.#dead = true;
    return { rows: new Map(this.#rows) };
  }

  /** Damage, for the simulator: one bit of one value is another from now on. `random32` chooses. False: no row has bytes. */
  flipBit(random32: () => number): boolean {
    const rows = [...this.#rows].filter(([, value]) => value.length > 0);
    const row = rows[random32() % Math.max(1, rows.length)];
    if (row === undefined) return false;
    const [key, value] = row;
    const damaged = value.slice();
    const at = random32() % damaged.length;
    damaged[at] = (damaged[at] as number) ^ (1 << (random32() % 8));
    this.#rows.set(key, damaged);
    return true;
  }

  getMany(keys: readonly Uint8Array[], done: (values: (Uint8Array | null | undefined)[]) => void): void {
    const names = keys.map(latin1);
    this.#request(() => names.map((name) => this.#rows.get(name)?.slice()), done);
  }

  range(options: RangeOptions, done: (result: RangeResult) => void): void {
    const bounds = copyBounds(options);
    this.#request(() => {
      this.#sort();
      return readRange(this.#sorted, this.#rows, bounds);
    }, done);
  }

  batch(): EngineBatch {
    return new MemoryBatch((changes, done) => {
      assert(!this.#writing, "one batch is written at a time");
      this.#writing = true;
      this.#request(
        () => this.#apply(changes),
        () => {
          this.#writing = false;
          done();
        },
      );
    });
  }

  snapshot(): EngineSnapshot {
    const rows = new Map(this.#rows);
    const sorted = [...rows.keys()].sort();
    let open = true;
    return {
      range: (options, done) => {
        assert(open, "a closed snapshot is not read");
        const bounds = copyBounds(options);
        this.#request(() => readRange(sorted, rows, bounds), done);
      },
      close: () => {
        open = false;
      },
    };
  }

  sizeBytes(done: (bytes: number) => void): void {
    this.#request(() => {
      let bytes = 0;
      for (const [key, value] of this.#rows) bytes += key.length + value.length;
      return bytes;
    }, done);
  }

  close(done: () => void): void {
    this.#closing = done;
    this.#request(
      () => undefined,
      () => undefined,
    );
  }

  #request<T>(effect: () => T, done: (result: T) => void): void {
    assert(!this.#dead, "an engine is not used after its crash");
    this.#running += 1;
    this.#schedule(() => {
      if (this.#dead) return;
      const result = effect();
      this.#schedule(() => {
        if (this.#dead) return;
        this.#running -= 1;
        done(result);
        if (this.#running === 0) this.#closing?.();
      });
    });
  }

  #apply(changes: ReadonlyMap<string, Uint8Array | undefined>): void {
    for (const [key, value] of changes) {
      if (value === undefined) {
        this.#rows.delete(key);
        continue;
      }
      if (!this.#rows.has(key)) this.#added.push(key);
      this.#rows.set(key, value);
    }
  }

  #sort(): void {
    if (this.#added.length === 0) return;
    // A key deleted and put again stands in both lists.
    this.#sorted = [...new Set([...this.#sorted.filter((key) => this.#rows.has(key)), ...this.#added])].sort();
    this.#added = [];
  }
}

class MemoryBatch implements EngineBatch {
  readonly #changes: Map<string, Uint8Array | undefined> = new Map();
  readonly #write: (changes: ReadonlyMap<string, Uint8Array | undefined>, done: () => void) => void;
  rows = 0;

  constructor(write: (changes: ReadonlyMap<string, Uint8Array | undefined>, done: () => void) => void) {
    this.#write = write;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.rows += 1;
    this.#changes.set(latin1(key), value.slice());
  }

  delete(key: Uint8Array): void {
    this.rows += 1;
    this.#changes.set(latin1(key), undefined);
  }

  write(done: () => void): void {
    this.#write(this.#changes, done);
  }
}

interface Bounds {
  readonly from: string;
  readonly to: string;
  readonly rowsMax: number;
  readonly bytesMax: number;
  readonly values: boolean;
}

const copyBounds = (options: RangeOptions): Bounds => ({
  ...options,
  from: latin1(options.from),
  to: latin1(options.to),
});

function readRange(sorted: readonly string[], rows: Rows, bounds: Bounds): RangeResult {
  const found: [Uint8Array, Uint8Array][] = [];
  let bytes = 0;
  for (let at = firstAtOrBehind(sorted, bounds.from); at < sorted.length; at += 1) {
    const name = sorted[at] as string;
    if (name >= bounds.to) break;
    const value = rows.get(name);
    if (value === undefined) continue;
    if (found.length >= bounds.rowsMax || bytes >= bounds.bytesMax) {
      return { rows: found, complete: false, damaged: false };
    }
    found.push([latin1Bytes(name), bounds.values ? value.slice() : new Uint8Array(0)]);
    bytes += name.length + (bounds.values ? value.length : 0);
  }
  return { rows: found, complete: true, damaged: false };
}

function firstAtOrBehind(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

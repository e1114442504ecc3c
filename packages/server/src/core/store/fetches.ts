import { assert, FETCH_BATCHES_INFLIGHT_MAX, FETCH_KEYS_PER_BATCH_MAX, mark, SherdError } from "../base/index.ts";
import type { Engine, Env } from "../env/index.ts";
import { fillKey, KEY_PREFIX_BYTES, RowClass, type RowCodec } from "./layout.ts";
import type { MemorySpace } from "./memory-space.ts";
import type { Cell, Residents } from "./residents.ts";
import type { Pins, RowKey } from "./types.ts";

/** One call of `Space.fetch`, and the pins that come of it. */
class Fetch implements Pins {
  readonly space: MemorySpace;
  readonly cells: Cell[] = [];
  readonly done: (pins: Pins) => void;
  /** Reads of the engine that have not answered. */
  waiting = 0;
  #released = false;

  constructor(space: MemorySpace, done: (pins: Pins) => void) {
    this.space = space;
    this.done = done;
  }

  release(): void {
    assert(!this.#released, "pins are released once");
    this.#released = true;
    for (const cell of this.cells) cell.pins -= 1;
  }
}

/** One read of the engine for the fetches of a pass. */
interface Read {
  readonly cells: Cell[];
  readonly fetches: Fetch[];
}

/** Reads missing rows from the engine, those of one pass together. */
export class Fetches {
  readonly #env: Env;
  readonly #engine: Engine;
  readonly #codec: RowCodec;
  readonly #residents: Residents;
  /** Not started yet; the last one still takes keys. */
  #queued: Read[] = [];
  /** All their rows are in memory; told in the next pass, never inside the call. */
  #ready: Fetch[] = [];
  #inflight = 0;
  /** The read that each asked cell waits for. */
  readonly #readOf: Map<Cell, Read> = new Map();
  misses = 0;

  constructor(env: Env, engine: Engine, codec: RowCodec, residents: Residents) {
    this.#env = env;
    this.#engine = engine;
    this.#codec = codec;
    this.#residents = residents;
  }

  get idle(): boolean {
    return this.#inflight === 0 && this.#queued.length === 0 && this.#ready.length === 0;
  }

  add(space: MemorySpace, keys: readonly RowKey[], done: (pins: Pins) => void): void {
    const fetch = new Fetch(space, done);
    for (const { slot, key } of keys) {
      const cell = space.cell(slot, key);
      cell.pins += 1;
      fetch.cells.push(cell);
      if (cell.row !== undefined) continue;
      const read = this.#readFor(cell);
      if (read.fetches.at(-1) === fetch) continue;
      read.fetches.push(fetch);
      fetch.waiting += 1;
    }
    if (fetch.waiting === 0) this.#ready.push(fetch);
    this.#env.requestPass();
  }

  #readFor(cell: Cell): Read {
    const running = this.#readOf.get(cell);
    if (running !== undefined) return running;
    let read = this.#queued.at(-1);
    if (read === undefined || read.cells.length >= FETCH_KEYS_PER_BATCH_MAX) {
      read = { cells: [], fetches: [] };
      this.#queued.push(read);
    }
    read.cells.push(cell);
    this.#readOf.set(cell, read);
    return read;
  }

  pass(): void {
    while (this.#inflight < FETCH_BATCHES_INFLIGHT_MAX) {
      const read = this.#queued.shift();
      if (read === undefined) break;
      this.#start(read);
    }
    const ready = this.#ready;
    if (ready.length === 0) return;
    this.#ready = [];
    for (const fetch of ready) fetch.done(fetch);
  }

  #start(read: Read): void {
    this.#inflight += 1;
    this.misses += read.cells.length;
    const keys = primaryKeys(read.cells);
    this.#engine.getMany(keys, (values) => {
      this.#inflight -= 1;
      for (let i = 0; i < read.cells.length; i += 1) {
        this.#arrived(read.cells[i] as Cell, keys[i] as Uint8Array, values[i]);
      }
      for (const fetch of read.fetches) {
        fetch.waiting -= 1;
        if (fetch.waiting === 0 && fetch.space.state !== "damaged") fetch.done(fetch);
      }
      // For the next read, and for the cache, which this one may have filled beyond its limit.
      this.#env.requestPass();
    });
  }

  #arrived(cell: Cell, key: Uint8Array, value: Uint8Array | null | undefined): void {
    this.#readOf.delete(cell);
    const { space, dead } = cell.home;
    // Whatever changed the row meanwhile is newer than what the engine answered; rows that were given up stay so.
    if (cell.row !== undefined || dead) return mark("store: row changed while it was fetched");
    if (value === undefined) return this.#residents.load(cell, null);
    const row = value === null ? undefined : this.#codec.readRow(key, value);
    if (row !== undefined) return this.#residents.load(cell, row);
    const error = new SherdError(
      "SHERD_ROW_DAMAGED",
      `Group ${space.group}, slot ${cell.home.slot}, key ${JSON.stringify(cell.key)} (space ${space.id}).`,
    );
    space.damaged(this.#env, error);
  }
}

/** The engine's keys of these cells, in one piece of memory: this is the path of every key that is not in memory. */
function primaryKeys(cells: readonly Cell[]): Uint8Array[] {
  let bytes = 0;
  for (const { key } of cells) bytes += KEY_PREFIX_BYTES + key.length;
  const memory = new Uint8Array(bytes);
  let at = 0;
  return cells.map(({ home, key }) => {
    fillKey(memory, at, home.spaceId, home.slot, RowClass.primary, key);
    const start = at;
    at += KEY_PREFIX_BYTES + key.length;
    return memory.subarray(start, at);
  });
}

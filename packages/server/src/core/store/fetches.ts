import {
  assert,
  COMMAND_VALUES_BYTES_MAX,
  FETCH_BATCH_BYTES_TARGET,
  FETCH_BATCHES_INFLIGHT_MAX,
  FETCH_KEYS_PER_BATCH_MAX,
  mark,
  SherdError,
} from "../base/index.ts";
import type { Engine, Env } from "../env/index.ts";
import { fillKey, KEY_PREFIX_BYTES, RowClass, type RowCodec } from "./layout.ts";
import type { MemorySpace } from "./memory-space.ts";
import type { Cell, Residents } from "./residents.ts";
import type { FetchUrgency, Pins, RowNeed } from "./types.ts";

/** Rows whose values a fetch holds: those of one command that needs several, or of some commands that need one each. */
class Values {
  readonly together: number | undefined;
  readonly cells: Set<Cell> = new Set();
  /** As far as their lengths are known. */
  bytes = 0;
  /** They are too many: the command is refused by their lengths alone. */
  givenUp = false;

  constructor(together: number | undefined) {
    this.together = together;
  }
}

/** One call of `Space.fetch`, and the pins that come of it. */
class Fetch implements Pins {
  readonly #fetches: Fetches;
  /** In the order of the calls. */
  readonly number: number;
  readonly space: MemorySpace;
  readonly done: (pins: Pins) => void;
  readonly cells: Cell[] = [];
  readonly values: Values[] = [];
  /** Places in asks that have not been answered. */
  waiting = 0;
  #released = false;

  constructor(fetches: Fetches, number: number, space: MemorySpace, done: (pins: Pins) => void) {
    this.#fetches = fetches;
    this.number = number;
    this.space = space;
    this.done = done;
  }

  release(): void {
    assert(!this.#released, "pins are released once");
    this.#released = true;
    for (const cell of this.cells) cell.pins -= 1;
    this.#fetches.released(this.values);
  }
}

/** A row that the engine is asked for, or will be. It pins the cell's value, so that no head takes its place meanwhile. */
class Ask {
  readonly cell: Cell;
  /** Nothing was known of the row: its length comes with the answer. */
  readonly unknown: boolean;
  /** Who waits for it, and ... */
  readonly fetches: Fetch[] = [];
  /** ... with which values this one is counted; undefined: only its head is needed. */
  readonly values: (Values | undefined)[] = [];
  /** The most urgent of those who wait for it; it stands in that queue, and perhaps in less urgent ones, too. */
  urgency: FetchUrgency;
  /** The engine is being asked, or need not be. */
  begun = false;

  constructor(cell: Cell, urgency: FetchUrgency) {
    this.cell = cell;
    this.urgency = urgency;
    this.unknown = cell.row === undefined;
    cell.valuePins += 1;
  }
}

const URGENCIES: readonly FetchUrgency[] = ["background", "ahead", "now"];
const isMoreUrgent = (one: FetchUrgency, other: FetchUrgency): boolean =>
  URGENCIES.indexOf(one) > URGENCIES.indexOf(other);

/** First in, first out. */
class AskQueue {
  #asks: Ask[] = [];
  #head = 0;

  get length(): number {
    return this.#asks.length - this.#head;
  }

  get first(): Ask | undefined {
    return this.#asks[this.#head];
  }

  push(ask: Ask): void {
    this.#asks.push(ask);
  }

  shift(): void {
    this.#head += 1;
    if (this.#head < this.#asks.length / 2) return;
    this.#asks = this.#asks.slice(this.#head);
    this.#head = 0;
  }
}

/**
 * Reads missing rows from the engine, those of one pass together.
 *
 * What that takes in memory has bounds, whatever is asked for:
 * - Values of which only the head is needed are let go as they come.
 * - One command's values are at most COMMAND_VALUES_BYTES_MAX, and one read of the engine more: then it is known that the
 *   command will be refused, and only heads are read.
 * - A read that was heavy is followed by smaller ones, one at a time. A heavy one behind light ones brings at most
 *   FETCH_BATCHES_INFLIGHT_MAX × FETCH_KEYS_PER_BATCH_MAX rows.
 * - All together: when the rows in memory are so far beyond the cache's limit and the cache can free no more, only the
 *   oldest fetch of those that are needed now goes on. It ends, runs, and is released. What was asked for ahead waits: the
 *   entry for which it is may never be committed, and when its turn comes it asks again. So does the background.
 */
export class Fetches {
  readonly #env: Env;
  readonly #engine: Engine;
  readonly #codec: RowCodec;
  readonly #residents: Residents;
  readonly #bytesOverMax: number;
  readonly #queues: Record<FetchUrgency, AskQueue> = {
    now: new AskQueue(),
    ahead: new AskQueue(),
    background: new AskQueue(),
  };
  readonly #asks: Map<Cell, Ask> = new Map();
  /** All their rows are in memory; told in the next pass, never inside the call. */
  #ready: Fetch[] = [];
  #inflight = 0;
  /** Of the next read. */
  #keysMax: number = FETCH_KEYS_PER_BATCH_MAX;
  /** The last read was. */
  #heavy = false;
  #fetches = 0;
  pinnedBytes = 0;
  misses = 0;

  constructor(env: Env, engine: Engine, codec: RowCodec, residents: Residents, bytesOverMax: number) {
    this.#env = env;
    this.#engine = engine;
    this.#codec = codec;
    this.#residents = residents;
    this.#bytesOverMax = bytesOverMax;
  }

  add(space: MemorySpace, needs: readonly RowNeed[], done: (pins: Pins) => void, urgency: FetchUrgency): void {
    this.#fetches += 1;
    const fetch = new Fetch(this, this.#fetches, space, done);
    let values: Values | undefined;
    for (const need of needs) {
      const cell = space.cell(need.slot, need.key);
      cell.pins += 1;
      fetch.cells.push(cell);
      if (need.headOnly === true) {
        this.#want(cell, fetch, undefined, urgency);
        continue;
      }
      if (values === undefined || values.together !== need.together) {
        values = new Values(need.together);
        fetch.values.push(values);
      }
      if (values.cells.has(cell)) continue;
      this.#hold(values, cell);
      this.#want(cell, fetch, values, urgency);
    }
    if (fetch.waiting === 0) this.#ready.push(fetch);
    this.#env.requestPass();
  }

  #hold(values: Values, cell: Cell): void {
    if (values.givenUp) return;
    cell.valuePins += 1;
    values.cells.add(cell);
    if (cell.row !== undefined) this.#count(values, cell);
  }

  /** Its length is known now. */
  #count(values: Values, { row }: Cell): void {
    if (values.givenUp || !row) return;
    values.bytes += row.payload.length;
    this.pinnedBytes += row.payload.length;
    if (values.together === undefined || values.bytes <= COMMAND_VALUES_BYTES_MAX) return;
    mark("store: a command's values are too many to be fetched");
    values.givenUp = true;
    const cells = [...values.cells];
    this.#letGo(values);
    if (this.#residents.bytesOver > 0) for (const cell of cells) this.#residents.dropValue(cell);
  }

  #letGo(values: Values): void {
    for (const cell of values.cells) cell.valuePins -= 1;
    values.cells.clear();
    this.pinnedBytes -= values.bytes;
    values.bytes = 0;
  }

  #want(cell: Cell, fetch: Fetch, values: Values | undefined, urgency: FetchUrgency): void {
    if (cell.row !== undefined && (!cell.headOnly || values === undefined || values.givenUp)) return;
    if (cell.row === undefined && cell.home.filter?.lacks(cell.key) === true) return this.#residents.load(cell, null);
    let ask = this.#asks.get(cell);
    if (ask === undefined) {
      ask = new Ask(cell, urgency);
      this.#asks.set(cell, ask);
      this.#queues[urgency].push(ask);
    } else if (!ask.begun && isMoreUrgent(urgency, ask.urgency)) {
      ask.urgency = urgency;
      this.#queues[urgency].push(ask);
    }
    ask.fetches.push(fetch);
    ask.values.push(values);
    fetch.waiting += 1;
  }

  released(values: readonly Values[]): void {
    for (const each of values) this.#letGo(each);
    const { now, ahead, background } = this.#queues;
    const wait = now.length + ahead.length + background.length;
    if (wait > 0 || this.#residents.bytesOver > 0) this.#env.requestPass();
  }

  /** `evicting`: the cache is over its limit and may free something in the passes to come. */
  pass(evicting: boolean): void {
    const crowded = this.#residents.bytesOver > this.#bytesOverMax;
    if (crowded) mark("store: fetches wait for memory");
    const readsMax = crowded || this.#heavy ? 1 : FETCH_BATCHES_INFLIGHT_MAX;
    while (this.#inflight < readsMax && !(crowded && evicting)) {
      const asks = this.#next(crowded);
      if (asks.length === 0) break;
      this.#start(asks);
    }
    const ready = this.#ready;
    if (ready.length === 0) return;
    this.#ready = [];
    for (const fetch of ready) fetch.done(fetch);
  }

  /** The asks of the next read. `oneFetch`: all of the oldest fetch that is needed now. */
  #next(oneFetch: boolean): Ask[] {
    const asks: Ask[] = [];
    let knownBytes = 0;
    while (asks.length < this.#keysMax && knownBytes < FETCH_BATCH_BYTES_TARGET) {
      const queue = this.#queue(oneFetch, asks.length);
      const ask = queue.first;
      if (ask === undefined) break;
      const { cell, begun } = ask;
      if (!begun && oneFetch && asks.length > 0 && ask.fetches[0] !== asks[0]?.fetches[0]) break;
      queue.shift();
      if (begun) continue;
      ask.begun = true;
      // Written meanwhile, or nobody needs the value any more.
      if (cell.row !== undefined && !(cell.headOnly && cell.valuePins > 1)) {
        this.#answered(ask);
        this.#leave(ask, this.#ready);
        continue;
      }
      asks.push(ask);
      knownBytes += cell.row?.payload.length ?? 0;
    }
    return asks;
  }

  /** An entry holds back all behind it, a read only itself, and nobody waits for the background. */
  #queue(oneFetch: boolean, asks: number): AskQueue {
    const { now, ahead, background } = this.#queues;
    if (oneFetch) return now;
    if (ahead.length > 0) return ahead;
    // Not the last one: whoever comes next would wait for its end.
    return now.length === 0 && (asks > 0 || this.#inflight === 0) ? background : now;
  }

  #start(asks: readonly Ask[]): void {
    this.#inflight += 1;
    this.misses += asks.length;
    const keys = primaryKeys(asks);
    this.#engine.getMany(keys, (values) => {
      this.#inflight -= 1;
      let bytes = 0;
      const complete: Fetch[] = [];
      for (let i = 0; i < asks.length; i += 1) {
        bytes += values[i]?.length ?? 0;
        this.#arrived(asks[i] as Ask, keys[i] as Uint8Array, values[i]);
      }
      this.#adapt(asks.length, bytes);
      for (const ask of asks) this.#leave(ask, complete);
      complete.sort((one, other) => one.number - other.number);
      for (const fetch of complete) if (fetch.space.state !== "damaged") fetch.done(fetch);
      // For the next read, and for the cache, which this one may have filled beyond its limit.
      this.#env.requestPass();
    });
  }

  #adapt(keys: number, bytes: number): void {
    this.#heavy = bytes > FETCH_BATCH_BYTES_TARGET;
    const fitting = Math.floor((FETCH_BATCH_BYTES_TARGET * keys) / Math.max(1, bytes));
    this.#keysMax = Math.max(1, Math.min(fitting, this.#keysMax * 2, FETCH_KEYS_PER_BATCH_MAX));
  }

  #arrived(ask: Ask, key: Uint8Array, value: Uint8Array | null | undefined): void {
    const { cell } = ask;
    this.#answered(ask);
    this.#keep(cell, key, value);
    if (!ask.unknown) return;
    for (const values of ask.values) if (values !== undefined) this.#count(values, cell);
  }

  #answered({ cell }: Ask): void {
    this.#asks.delete(cell);
    cell.valuePins -= 1;
  }

  #leave(ask: Ask, complete: Fetch[]): void {
    for (const fetch of ask.fetches) {
      fetch.waiting -= 1;
      if (fetch.waiting === 0) complete.push(fetch);
    }
  }

  #keep(cell: Cell, key: Uint8Array, value: Uint8Array | null | undefined): void {
    const { space, dead } = cell.home;
    // Whatever changed the row meanwhile is newer than what the engine answered; rows that were given up stay so.
    if ((cell.row !== undefined && !cell.headOnly) || dead) return mark("store: row changed while it was fetched");
    if (cell.row === undefined && value === undefined) return this.#residents.load(cell, null);
    const row = value === undefined || value === null ? undefined : this.#codec.readRow(key, value);
    if (row !== undefined) {
      if (cell.row === undefined) return this.#residents.load(cell, row);
      if (cell.row?.version === row.version && cell.row.payload.length === row.payload.length) {
        mark("store: a value's head was known, and its bytes were fetched");
        if (cell.valuePins > 0) this.#residents.loadValue(cell, row);
        return;
      }
    }
    const error = new SherdError(
      "SHERD_ROW_DAMAGED",
      `Group ${space.group}, slot ${cell.home.slot}, key ${JSON.stringify(cell.key)} (space ${space.id}).`,
    );
    space.damaged(this.#env, error);
  }
}

/** The engine's keys of these rows, in one piece of memory: this is the path of every key that is not in memory. */
function primaryKeys(asks: readonly Ask[]): Uint8Array[] {
  let bytes = 0;
  for (const { cell } of asks) bytes += KEY_PREFIX_BYTES + cell.key.length;
  const memory = new Uint8Array(bytes);
  let at = 0;
  return asks.map(({ cell: { home, key } }) => {
    fillKey(memory, at, home.spaceId, home.slot, RowClass.primary, key);
    const start = at;
    at += KEY_PREFIX_BYTES + key.length;
    return memory.subarray(start, at);
  });
}

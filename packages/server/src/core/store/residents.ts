import { assert, KEY_OVERHEAD_BYTES, VALUE_OVERHEAD_BYTES } from "../base/index.ts";
import type { SlotRows } from "./memory-space.ts";
import { Payloads } from "./payloads.ts";
import type { Row, RowHead } from "./types.ts";

/**
 * A key of which something is in memory.
 *
 * The cell is put into its slot's map before the engine is asked for the row and stays there, pinned, until the answer
 * has come. So a change made meanwhile meets the cell, and the answer - which may be older - never replaces it.
 */
export class Cell {
  readonly home: SlotRows;
  readonly key: string;
  /** The newest row, or its head; null: there is none; undefined: not known, the engine is being asked. */
  row: RowHead | null | undefined = undefined;
  /** Of the row only the head is in memory. */
  headOnly = false;
  /** The flush that carries (or carried) its last change; 0: as it is in the engine. */
  generation = 0;
  /** Fetches that need it in memory. */
  pins = 0;
  /** Of them those that need the value, and the engine's answer if it is being asked: it may be older than what is known. */
  valuePins = 0;
  /** When the row that the engine holds, or is being given, ends; 0: never. The engine has an index row for it. */
  endsAtMs = 0;
  /** Used since the clock's hand last passed. The use for which it was fetched, pinned, does not count. */
  hot = false;

  constructor(home: SlotRows, key: string) {
    this.home = home;
    this.key = key;
  }
}

/** What one flush carries: the immutable twin of the memtable. `rows[i]` is what `cells[i]` held at the freeze. */
export interface FrozenRows {
  readonly cells: readonly Cell[];
  readonly rows: readonly (Row | null)[];
  /** When the rows that these replace in the engine end. */
  readonly endedAtMs: readonly number[];
}

/**
 * Every row in memory, of all spaces: what changed since the last flush, what a running flush carries, and the cache.
 *
 * A cell belongs to exactly one of three sums of bytes, by its generation: `active` (changed since the last freeze),
 * `frozen` (carried by the running flush), `clean` (as in the engine; the cache). Only clean cells are ever evicted, the
 * coldest first (CLOCK: an approximation of LRU in which a hit costs one store).
 */
export class Residents {
  readonly #cacheBytesMax: number;
  readonly #headValueBytesMax: number;
  readonly #payloads: Payloads = new Payloads();
  /** All cells, in no order. The hand goes round. */
  #ring: Cell[] = [];
  #hand = 0;
  /** Cells from here on were looked at since a space gave up its rows; 0: there may be no dead ones. */
  #swept = 0;
  /** Changes get this generation. All below `#flushed` or equal to it are in the engine. */
  #active = 1;
  #flushed = 0;
  #changed: Cell[] = [];
  /** Carried by the running flush. */
  #frozen: readonly Cell[] = [];
  #activeBytes = 0;
  #frozenBytes = 0;
  /** Of `#frozenBytes`: rows that were changed again, or whose space is gone; they vanish with the flush. */
  #supersededBytes = 0;
  #cleanBytes = 0;
  #cleanBytesPeak = 0;
  /** The hand's steps since it last freed something. */
  #idleSteps = 0;
  /** Reads that found their row, or its absence, in memory. */
  hits = 0;
  /** How often something that was known of a row was let go. */
  losses = 0;

  constructor(cacheBytesMax: number, headValueBytesMax: number) {
    this.#cacheBytesMax = cacheBytesMax;
    this.#headValueBytesMax = headValueBytesMax;
  }

  get memtableBytes(): number {
    return this.#activeBytes + this.#frozenBytes;
  }

  /** Changed since the last freeze. */
  get activeBytes(): number {
    return this.#activeBytes;
  }

  get cacheBytes(): number {
    return this.#cleanBytes;
  }

  get cacheBytesPeak(): number {
    return this.#cleanBytesPeak;
  }

  /** By how much the cache is above its limit. */
  get bytesOver(): number {
    return Math.max(0, this.#cleanBytes - this.#cacheBytesMax);
  }

  /** A cell for a key that has none, not known yet. */
  create(home: SlotRows, key: string): Cell {
    const cell = new Cell(home, key);
    home.cells.set(key, cell);
    this.#ring.push(cell);
    this.#cleanBytes += bytesOf(cell);
    return cell;
  }

  /** The payload is copied. */
  change(cell: Cell, row: Row | null): void {
    if (cell.generation === this.#active) {
      this.#activeBytes -= bytesOf(cell);
    } else {
      if (cell.generation > this.#flushed) this.#supersededBytes += bytesOf(cell);
      else this.#cleanBytes -= bytesOf(cell);
      cell.generation = this.#active;
      this.#changed.push(cell);
    }
    cell.row = row === null ? null : this.#owned(row);
    cell.headOnly = false;
    this.#activeBytes += bytesOf(cell);
  }

  /** What the engine answered, for a cell about which nothing is known still. */
  load(cell: Cell, row: Row | null): void {
    assert(cell.row === undefined, "a fetch never replaces a resident row");
    if (row === null) cell.row = null;
    else if (cell.valuePins > 0 || row.payload.length <= this.#headValueBytesMax) cell.row = this.#owned(row);
    else {
      cell.row = headOf(row);
      cell.headOnly = true;
    }
    cell.endsAtMs = row === null ? 0 : row.expiresAtMs;
    this.#countClean(valueBytes(cell));
  }

  /** The value, for a cell of which only the head is known: the same row, because no head is made while one is asked for. */
  loadValue(cell: Cell, row: Row): void {
    assert(cell.headOnly, "a fetch never replaces a resident row");
    this.#cleanBytes -= valueBytes(cell);
    cell.row = this.#owned(row);
    cell.headOnly = false;
    this.#countClean(valueBytes(cell));
  }

  /** Leaves the head of a row whose value nobody needs, if the engine has it and it takes much. */
  dropValue(cell: Cell): boolean {
    const { row } = cell;
    if (cell.headOnly || !row || row.payload.length <= this.#headValueBytesMax) return false;
    if (cell.valuePins > 0 || cell.generation > this.#flushed || cell.home.dead) return false;
    this.losses += 1;
    this.#cleanBytes -= valueBytes(cell);
    cell.row = headOf(row);
    cell.headOnly = true;
    this.#cleanBytes += valueBytes(cell);
    return true;
  }

  #countClean(bytes: number): void {
    this.#cleanBytes += bytes;
    if (this.#cleanBytes > this.#cleanBytesPeak) this.#cleanBytesPeak = this.#cleanBytes;
  }

  #owned({ kind, expiresAtMs, version, payload }: Row): Row {
    return { kind, expiresAtMs, version, payload: this.#payloads.own(payload) };
  }

  /** Everything changed so far belongs to one flush; later changes belong to the next. */
  freeze(): FrozenRows {
    const cells = this.#changed;
    const rows = cells.map((cell) => cell.row as Row | null);
    const endedAtMs = cells.map((cell) => cell.endsAtMs);
    for (const cell of cells) cell.endsAtMs = cell.row?.expiresAtMs ?? 0;
    this.#changed = [];
    this.#frozen = cells;
    this.#active += 1;
    this.#frozenBytes = this.#activeBytes;
    this.#activeBytes = 0;
    return { cells, rows, endedAtMs };
  }

  /** Every cell whose row the engine does not have yet, in no order; some twice. */
  eachUnflushed(visit: (cell: Cell) => void): void {
    for (const cell of this.#frozen) if (!cell.home.dead) visit(cell);
    for (const cell of this.#changed) visit(cell);
  }

  /** The frozen rows are in the engine. */
  flushed(): void {
    this.#flushed = this.#active - 1;
    this.#frozen = [];
    this.#countClean(this.#frozenBytes - this.#supersededBytes);
    this.#frozenBytes = 0;
    this.#supersededBytes = 0;
  }

  /**
   * Takes up to `stepsMax` steps of the clock's hand while the cache is over its limit. True if another call may free more:
   * false also when all that is left is pinned or waits for a flush.
   */
  evict(stepsMax: number): boolean {
    if (this.#swept > 0) return this.#sweep(stepsMax);
    for (let step = 0; step < stepsMax && this.#cleanBytes > this.#cacheBytesMax; step += 1) {
      if (this.#hand >= this.#ring.length) this.#hand = 0;
      const cell = this.#ring[this.#hand];
      if (cell === undefined) return false;
      this.#idleSteps += 1;
      if (cell.pins > 0 || cell.generation > this.#flushed) {
        if (this.dropValue(cell)) this.#idleSteps = 0;
        this.#hand += 1;
        continue;
      }
      this.#idleSteps = 0;
      if (cell.hot) {
        cell.hot = false;
        // Moves it out of its slab, so that the cold rows around it give back their memory when they go.
        if (cell.row && !cell.headOnly) cell.row = this.#owned(cell.row as Row);
        this.#hand += 1;
        continue;
      }
      this.losses += 1;
      this.#cleanBytes -= bytesOf(cell);
      cell.home.cells.delete(cell.key);
      const last = this.#ring.pop() as Cell;
      if (last !== cell) this.#ring[this.#hand] = last;
    }
    return this.#cleanBytes > this.#cacheBytesMax && this.#idleSteps < this.#ring.length;
  }

  /**
   * Slots have died: what was changed in them is not flushed. Their cells go in later calls of `evict`, because to look at
   * all cells at once would take longer than a pass may; until then they count.
   */
  forgetDead(): void {
    this.losses += 1;
    this.#changed = this.#changed.filter((cell) => !cell.home.dead);
    this.#swept = this.#ring.length;
  }

  /** Drops dead cells, from the end of the ring on. True: there is more to do. */
  #sweep(stepsMax: number): boolean {
    const to = Math.max(0, this.#swept - stepsMax);
    for (let at = this.#swept - 1; at >= to; at -= 1) {
      const cell = this.#ring[at] as Cell;
      if (!cell.home.dead) continue;
      if (cell.generation === this.#active) this.#activeBytes -= bytesOf(cell);
      else if (cell.generation > this.#flushed) this.#supersededBytes += bytesOf(cell);
      else this.#cleanBytes -= bytesOf(cell);
      const last = this.#ring.pop() as Cell;
      if (last !== cell) this.#ring[at] = last;
    }
    this.#swept = to;
    return to > 0 || this.#cleanBytes > this.#cacheBytesMax;
  }
}

/** What a cell costs, near enough that the limits hold for the process as the system sees it. */
const bytesOf = (cell: Cell): number => KEY_OVERHEAD_BYTES + cell.key.length + valueBytes(cell);

function valueBytes({ row, headOnly }: Cell): number {
  if (row === null || row === undefined) return 0;
  return VALUE_OVERHEAD_BYTES + (headOnly ? 0 : row.payload.length);
}

const headOf = ({ kind, expiresAtMs, version, payload }: RowHead): RowHead => ({
  kind,
  expiresAtMs,
  version,
  payload: { length: payload.length },
});

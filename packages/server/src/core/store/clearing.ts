import { CLEAR_ROWS_PER_TICK, type SpaceId } from "../base/index.ts";
import type { Engine, RangeResult } from "../env/index.ts";
import { type RowCodec, spaceStart } from "./layout.ts";
import { Pages } from "./pages.ts";
import { deleteSpaceRecord } from "./space-table.ts";
import type { Portion, WriteJob, Writes } from "./writes.ts";

/**
 * Deletes the rows of spaces whose record says so, a portion a tick. The record goes with the last portion, so a
 * restart begins again with what is left. Nothing else is ever deleted, whatever it looks like.
 */
export class Clearing {
  readonly #engine: Engine;
  readonly #codec: RowCodec;
  readonly #writes: Writes;
  readonly #spaces: SpaceId[] = [];
  #pages: Pages | undefined;
  #busy = false;
  #stopped = false;

  constructor(engine: Engine, codec: RowCodec, writes: Writes) {
    this.#engine = engine;
    this.#codec = codec;
    this.#writes = writes;
  }

  get idle(): boolean {
    return !this.#busy;
  }

  add(space: SpaceId): void {
    this.#spaces.push(space);
  }

  stop(): void {
    this.#stopped = true;
  }

  tick(): void {
    const space = this.#spaces[0];
    if (this.#busy || this.#stopped || space === undefined) return;
    this.#busy = true;
    // One cursor for the whole space: beginning anew each time would step over all the deletions made before.
    this.#pages ??= new Pages(this.#engine, {
      from: spaceStart(space),
      to: spaceStart(space + 1),
      rowsMax: CLEAR_ROWS_PER_TICK,
      bytesMax: Number.MAX_SAFE_INTEGER,
      values: false,
    });
    this.#pages.next((page) => this.#writes.add(new ClearJob(this.#codec, space, page, () => this.#cleared(page))));
  }

  #cleared(page: RangeResult): void {
    this.#busy = false;
    if (!page.complete) return;
    this.#pages = undefined;
    this.#spaces.shift();
  }
}

class ClearJob implements WriteJob {
  readonly #codec: RowCodec;
  readonly #space: SpaceId;
  readonly #page: RangeResult;
  readonly #done: () => void;
  #next = 0;

  constructor(codec: RowCodec, space: SpaceId, page: RangeResult, done: () => void) {
    this.#codec = codec;
    this.#space = space;
    this.#page = page;
    this.#done = done;
  }

  begin(): boolean {
    return true;
  }

  fill(portion: Portion): boolean {
    for (; this.#next < this.#page.rows.length; this.#next += 1) {
      if (portion.full) return false;
      portion.delete((this.#page.rows[this.#next] as RangeResult["rows"][number])[0]);
    }
    // Rows that cannot be read cannot be found: what is damaged stays, in a number that nobody uses again.
    if (this.#page.complete) deleteSpaceRecord(this.#codec, portion, this.#space);
    return true;
  }

  written(): void {
    this.#done();
  }
}

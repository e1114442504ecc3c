import {
  BatchSize,
  CLEAR_BATCH_LONG_MS,
  CLEAR_BATCH_SHORT_MS,
  CLEAR_ROWS_PER_BATCH_MAX,
  CLEAR_ROWS_PER_BATCH_MIN,
  CLEAR_ROWS_PER_PAGE,
  type SpaceId,
} from "../base/index.ts";
import type { Engine, Env } from "../env/index.ts";
import { type RowCodec, spaceStart } from "./layout.ts";
import { Pages } from "./pages.ts";
import { deleteSpaceRecord } from "./space-table.ts";
import type { Portion, WriteJob, Writes } from "./writes.ts";

/**
 * Deletes the rows of spaces whose record says so, a batch a tick, as large as the machine's other work allows. The
 * record goes with the last batch, so a restart begins again with what is left. Nothing else is ever deleted, whatever it
 * looks like.
 */
export class Clearing {
  readonly #env: Env;
  readonly #engine: Engine;
  readonly #codec: RowCodec;
  readonly #writes: Writes;
  readonly #spaces: SpaceId[] = [];
  readonly #batchRows: BatchSize = new BatchSize(
    CLEAR_ROWS_PER_BATCH_MIN,
    CLEAR_ROWS_PER_BATCH_MAX,
    CLEAR_BATCH_SHORT_MS,
    CLEAR_BATCH_LONG_MS,
  );
  #pages: Pages | undefined;
  #busy = false;
  #stopped = false;

  constructor(env: Env, engine: Engine, codec: RowCodec, writes: Writes) {
    this.#env = env;
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
      rowsMax: CLEAR_ROWS_PER_PAGE,
      bytesMax: Number.MAX_SAFE_INTEGER,
      values: false,
    });
    this.#gather(space, this.#pages, [], this.#env.monotonicMs());
  }

  /** Reads pages until they fill a batch or the space ends. */
  #gather(space: SpaceId, pages: Pages, keys: Uint8Array[], sinceMs: number): void {
    pages.next(({ rows, complete }) => {
      for (const [key] of rows) keys.push(key);
      if (!complete && !this.#stopped && keys.length < this.#batchRows.size) {
        return this.#gather(space, pages, keys, sinceMs);
      }
      // Rows that cannot be read cannot be found: what is damaged stays, in a number that nobody uses again.
      const job = new ClearJob(this.#codec, keys, complete ? space : undefined, () => this.#cleared(complete, sinceMs));
      this.#writes.add(job);
    });
  }

  #cleared(complete: boolean, sinceMs: number): void {
    this.#busy = false;
    this.#batchRows.took(this.#env.monotonicMs() - sinceMs, !complete);
    if (!complete) return;
    this.#pages = undefined;
    this.#spaces.shift();
  }
}

class ClearJob implements WriteJob {
  readonly #codec: RowCodec;
  readonly #keys: readonly Uint8Array[];
  /** These are its last rows. */
  readonly #ends: SpaceId | undefined;
  readonly #done: () => void;
  #next = 0;

  constructor(codec: RowCodec, keys: readonly Uint8Array[], ends: SpaceId | undefined, done: () => void) {
    this.#codec = codec;
    this.#keys = keys;
    this.#ends = ends;
    this.#done = done;
  }

  begin(): boolean {
    return true;
  }

  fill(portion: Portion): boolean {
    for (; this.#next < this.#keys.length; this.#next += 1) {
      if (portion.full) return false;
      portion.delete(this.#keys[this.#next] as Uint8Array);
    }
    if (this.#ends !== undefined) deleteSpaceRecord(this.#codec, portion, this.#ends);
    return true;
  }

  written(): void {
    this.#done();
  }
}

import {
  assert,
  ByteWriter,
  DurationHistogram,
  FLUSH_BYTES_PER_PASS,
  FLUSH_MARKERS_KEPT,
  FLUSH_ROWS_PER_PASS,
} from "../base/index.ts";
import type { Engine, EngineBatch, Env } from "../env/index.ts";
import { RowClass, type RowCodec, STORE_SPACE } from "./layout.ts";

/** One durable batch to be written, filled in portions. */
export interface WriteJob {
  /** No other job is under way. False: there is nothing to write after all, and the job is over. */
  begin(): boolean;
  /** Puts rows until the portion is full. True when all of them are in. */
  fill(portion: Portion): boolean;
  /** The batch is durable. */
  written(): void;
}

/** What one pass may still put into the batch: putting converts and copies on the main thread. */
export class Portion {
  readonly #batch: EngineBatch;
  #rows: number = FLUSH_ROWS_PER_PASS;
  #bytes: number = FLUSH_BYTES_PER_PASS;

  constructor(batch: EngineBatch) {
    this.#batch = batch;
  }

  /** Put so far. */
  get putBytes(): number {
    return FLUSH_BYTES_PER_PASS - this.#bytes;
  }

  get full(): boolean {
    return this.#rows <= 0 || this.#bytes <= 0;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#rows -= 1;
    this.#bytes -= key.length + value.length;
    this.#batch.put(key, value);
  }

  delete(key: Uint8Array): void {
    this.#rows -= 1;
    this.#bytes -= key.length;
    this.#batch.delete(key);
  }
}

interface Running {
  readonly job: WriteJob;
  readonly batch: EngineBatch;
  readonly sinceMs: number;
  filled: boolean;
}

/**
 * All batches of the store, one after the other: a flush, a created, dropped or switched space, a chunk of a snapshot, a
 * portion of clearing. Being a queue is what fences them: a switch finds no flush half way, and no row of a dropped
 * space is written after its clearing began.
 *
 * Each batch carries a marker with its number, written over the one of FLUSH_MARKERS_KEPT batches ago.
 */
export class Writes {
  readonly #env: Env;
  readonly #engine: Engine;
  readonly #codec: RowCodec;
  readonly #queue: WriteJob[] = [];
  #running: Running | undefined;
  /** How long each batch took. */
  readonly durations: DurationHistogram = new DurationHistogram();
  /** Keys and values of all batches. */
  writtenBytes = 0;
  #lastMarker: number;

  constructor(env: Env, engine: Engine, codec: RowCodec, lastMarker: number) {
    this.#env = env;
    this.#engine = engine;
    this.#codec = codec;
    this.#lastMarker = lastMarker;
  }

  get idle(): boolean {
    return this.#running === undefined && this.#queue.length === 0;
  }

  add(job: WriteJob): void {
    this.#queue.push(job);
    this.#env.requestPass();
  }

  /** A batch of a few rows. */
  addSmall(fill: (portion: Portion) => void, written: () => void): void {
    this.add({
      begin: () => true,
      fill: (portion) => {
        fill(portion);
        return true;
      },
      written,
    });
  }

  /** Runs in a later event, behind the batches that were added before. */
  addEvent(run: () => void): void {
    this.add({
      begin: () => {
        run();
        return false;
      },
      fill: () => true,
      written: () => undefined,
    });
  }

  /** At most one portion. */
  pass(): void {
    while (this.#running === undefined) {
      const job = this.#queue.shift();
      if (job === undefined) return;
      if (!job.begin()) continue;
      this.#running = { job, batch: this.#engine.batch(), sinceMs: this.#env.monotonicMs(), filled: false };
    }
    const running = this.#running;
    if (running.filled) return;
    const portion = new Portion(running.batch);
    const complete = running.job.fill(portion);
    this.writtenBytes += portion.putBytes;
    if (!complete) return this.#env.requestPass();
    running.filled = true;
    this.#putMarker(running.batch);
    running.batch.write(() => {
      assert(this.#running === running, "batches are written one at a time");
      this.#running = undefined;
      this.durations.recordMs(this.#env.monotonicMs() - running.sinceMs);
      running.job.written();
      // For the next job, and for the cache, which a flush may have filled beyond its limit.
      this.#env.requestPass();
    });
  }

  #putMarker(batch: EngineBatch): void {
    this.#lastMarker += 1;
    const number = new ByteWriter(8);
    number.u64(this.#lastMarker);
    this.#codec.buildPlain(STORE_SPACE, RowClass.marker, markerName(this.#lastMarker), number.view());
    batch.put(this.#codec.key, this.#codec.value);
  }
}

/** Two bytes: the marker's place in the ring. */
export function markerName(number: number): string {
  const place = number % FLUSH_MARKERS_KEPT;
  return String.fromCharCode(place >>> 8, place & 0xff);
}

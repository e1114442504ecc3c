import {
  assert,
  ByteWriter,
  type Index,
  SherdError,
  SNAPSHOT_CHUNK_BYTES,
  SNAPSHOT_ROWS_PER_PAGE,
} from "../base/index.ts";
import type { EngineSnapshot, Env, RangeResult } from "../env/index.ts";
import { type RowCodec, SPACE_PREFIX_BYTES, spaceStart } from "./layout.ts";
import type { MemorySpace } from "./memory-space.ts";
import { successor } from "./pages.ts";
import { addToDigest, encodeChunk, encodeTotals } from "./snapshot-format.ts";
import type { SnapshotReader } from "./types.ts";

/** Where a chunk begins: enough to make it and all that follow again, byte for byte. */
interface ChunkStart {
  readonly from: Uint8Array;
  readonly rows: number;
  readonly digest: number;
}

/** Reads a space from one engine snapshot, so that it stands still while the space goes on. */
export class SpaceSnapshotReader implements SnapshotReader {
  readonly applied: Index;
  readonly #env: Env;
  readonly #codec: RowCodec;
  readonly #space: MemorySpace;
  readonly #snapshot: EngineSnapshot;
  readonly #to: Uint8Array;
  /** Runs in a later event: completions are never delivered inside the call. */
  readonly #later: (run: () => void) => void;
  /** Of all chunks made so far and of the next one. */
  readonly #starts: ChunkStart[];
  /** Number of the final chunk, when it is known. */
  #final: number | undefined;
  #next = 0;
  #busy = false;
  #closed = false;

  constructor(
    env: Env,
    codec: RowCodec,
    space: MemorySpace,
    snapshot: EngineSnapshot,
    later: (run: () => void) => void,
  ) {
    this.#env = env;
    this.#later = later;
    this.#codec = codec;
    this.#space = space;
    this.#snapshot = snapshot;
    this.applied = space.durableApplied;
    this.#starts = [{ from: spaceStart(space.durableId), rows: 0, digest: 0 }];
    this.#to = spaceStart(space.durableId + 1);
  }

  seek(chunk: number): void {
    assert(!this.#busy, "one chunk is made at a time");
    const made = this.#final === undefined ? this.#starts.length - 1 : this.#final + 1;
    assert(chunk >= 0 && chunk <= made, "a reader goes back, or on behind the last chunk it made");
    this.#next = chunk;
  }

  next(done: (chunk: Uint8Array | undefined) => void): void {
    assert(!this.#busy && !this.#closed, "one chunk is made at a time, and none after the end");
    this.#busy = true;
    const start = this.#starts[this.#next] as ChunkStart;
    if (this.#final === undefined || this.#next < this.#final) {
      this.#gather(start, start.from, new ByteWriter(SNAPSHOT_CHUNK_BYTES), 0, done);
    } else if (this.#next === this.#final) {
      const { rows, digest } = start;
      const body = encodeTotals({ rows, digest, applied: this.applied });
      const chunk = encodeChunk(this.#env, { sequence: this.#next, final: true, rows: 0, plainBytes: 0, body });
      this.#later(() => this.#give(chunk, done));
    } else {
      this.#later(() => this.#give(undefined, done));
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#snapshot.close();
  }

  /** Page by page: converting rows happens on the main thread. */
  #gather(
    start: ChunkStart,
    from: Uint8Array,
    body: ByteWriter,
    rows: number,
    done: (chunk: Uint8Array | undefined) => void,
  ): void {
    const limits = { rowsMax: SNAPSHOT_ROWS_PER_PAGE, bytesMax: SNAPSHOT_CHUNK_BYTES - body.length, values: true };
    this.#snapshot.range({ from, to: this.#to, ...limits }, (page) => {
      if (this.#closed) return;
      if (!this.#take(page, body)) return;
      const last = page.rows.at(-1);
      const next = last === undefined ? from : successor(last[0]);
      const count = rows + page.rows.length;
      if (!page.complete && body.length < SNAPSHOT_CHUNK_BYTES) return this.#gather(start, next, body, count, done);
      this.#finish(start, next, body.view(), count, page.complete, done);
    });
  }

  /** False: damaged, and the owner has been told. */
  #take(page: RangeResult, body: ByteWriter): boolean {
    for (const [key, value] of page.rows) {
      if (!this.#codec.sound(key, value)) return this.#damaged(`The row ${JSON.stringify([...key])}`);
      body.u16(key.length - SPACE_PREFIX_BYTES);
      body.u32(value.length);
      body.bytes(key.subarray(SPACE_PREFIX_BYTES));
      body.bytes(value);
    }
    return page.damaged ? this.#damaged("A part of the range") : true;
  }

  #damaged(what: string): false {
    const { group, id } = this.#space;
    const error = new SherdError(
      "SHERD_ROW_DAMAGED",
      `${what} cannot be read for a snapshot of group ${group} (space ${id}).`,
    );
    if (this.#space.state !== "gone") this.#space.damaged(this.#env, error);
    return false;
  }

  #finish(
    start: ChunkStart,
    next: Uint8Array,
    plain: Uint8Array,
    rows: number,
    complete: boolean,
    done: (chunk: Uint8Array | undefined) => void,
  ): void {
    const sequence = this.#next;
    this.#env.deflate(plain, (body) => {
      const chunk = encodeChunk(this.#env, { sequence, final: false, rows, plainBytes: plain.length, body });
      if (sequence + 1 === this.#starts.length) {
        const digest = addToDigest(this.#env, start.digest, chunk);
        this.#starts.push({ from: next, rows: start.rows + rows, digest });
      }
      if (complete) this.#final = sequence + 1;
      this.#give(chunk, done);
    });
  }

  #give(chunk: Uint8Array | undefined, done: (chunk: Uint8Array | undefined) => void): void {
    if (this.#closed) return;
    if (chunk !== undefined) this.#next += 1;
    this.#busy = false;
    done(chunk);
  }
}

import {
  assert,
  ByteReader,
  type Index,
  latin1,
  mark,
  SNAPSHOT_CHUNK_BYTES_MAX,
  SNAPSHOT_WINDOW_CHUNKS,
  type SpaceId,
} from "../base/index.ts";
import type { Env } from "../env/index.ts";
import { putFrozenSystem } from "./flush.ts";
import { fillSpace, KEY_PREFIX_BYTES, keyClass, RowClass, type RowCodec, SPACE_PREFIX_BYTES } from "./layout.ts";
import type { MemorySpace } from "./memory-space.ts";
import { addToDigest, type Chunk, decodeChunk, decodeTotals } from "./snapshot-format.ts";
import { putSpaceRecord, recordOf, SpaceFate } from "./space-table.ts";
import type { Stage } from "./types.ts";
import type { Portion, WriteJob, Writes } from "./writes.ts";

interface Waiting {
  readonly bytes: Uint8Array;
  readonly done: (sound: boolean) => void;
}

/** What the store does when a stage ends. */
export interface StageHandler {
  /** The stage's space serves now in the place of the old one. */
  onCommitted(): void;
  /** The stage's space has a record that says it is to be cleared. */
  onDropped(space: SpaceId): void;
}

/** Rows of a snapshot on their way into a new space. Each chunk is durable before it is acknowledged. */
export class SpaceStage implements Stage {
  readonly space: MemorySpace;
  readonly #env: Env;
  readonly #codec: RowCodec;
  readonly #writes: Writes;
  readonly #old: MemorySpace;
  readonly #handler: StageHandler;
  readonly #waiting: Waiting[] = [];
  #busy = false;
  /** `open`: takes chunks. `whole`: the final chunk came and its totals agree. */
  #state: "open" | "whole" | "failed" | "ended" = "open";
  #chunks = 0;
  #rows = 0;
  #digest = 0;

  constructor(env: Env, codec: RowCodec, writes: Writes, space: MemorySpace, old: MemorySpace, handler: StageHandler) {
    this.#env = env;
    this.#codec = codec;
    this.#writes = writes;
    this.space = space;
    this.#old = old;
    this.#handler = handler;
  }

  get chunks(): number {
    return this.#chunks;
  }

  add(chunk: Uint8Array, done: (sound: boolean) => void): void {
    assert(this.#state !== "ended", "a stage takes no chunk after its end");
    assert(this.#waiting.length < SNAPSHOT_WINDOW_CHUNKS, "a sender keeps to the window");
    this.#waiting.push({ bytes: chunk, done });
    if (!this.#busy) this.#nextChunk();
  }

  commit(done: () => void): void {
    assert(this.#state === "whole" && !this.#busy, "only a whole snapshot is switched to");
    this.#state = "ended";
    this.#writes.addSmall(
      (portion) => {
        putSpaceRecord(this.#codec, portion, { ...recordOf(this.space), fate: SpaceFate.live });
        if (this.#old.state !== "gone") {
          putSpaceRecord(this.#codec, portion, { ...recordOf(this.#old), fate: SpaceFate.clearing });
        }
        putFrozenSystem(this.#codec, portion, this.space.freeze());
      },
      () => {
        this.#handler.onCommitted();
        done();
      },
    );
  }

  drop(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    mark("store: stage dropped");
    this.space.end();
    this.#writes.addSmall(
      (portion) => putSpaceRecord(this.#codec, portion, { ...recordOf(this.space), fate: SpaceFate.clearing }),
      () => this.#handler.onDropped(this.space.id),
    );
  }

  #nextChunk(): void {
    const waiting = this.#waiting[0];
    if (waiting === undefined) return;
    this.#busy = true;
    const chunk = this.#state === "open" ? decodeChunk(this.#env, waiting.bytes) : undefined;
    // A chunk that came before (its acknowledgement was lost) is acknowledged again.
    if (chunk !== undefined && chunk.sequence < this.#chunks) {
      mark("store: chunk given again");
      return this.#later(true);
    }
    if (chunk === undefined || chunk.sequence !== this.#chunks) return this.#later(false);
    if (chunk.final) return this.#later(this.#judge(chunk));
    this.#env.inflate(chunk.body, SNAPSHOT_CHUNK_BYTES_MAX, (plain) => {
      if (plain === undefined || plain.length !== chunk.plainBytes) return this.#end(false);
      if (this.#state === "ended") return this.#end(false);
      this.#writes.add(
        new RowsJob(this.#codec, this.space, plain, chunk.rows, (sound) => this.#taken(chunk, waiting.bytes, sound)),
      );
    });
  }

  #judge(chunk: Chunk): boolean {
    const totals = decodeTotals(chunk.body);
    if (totals.rows !== this.#rows || totals.digest !== this.#digest) return false;
    if (totals.applied !== this.space.appliedIndex) return false;
    this.#state = "whole";
    this.#chunks += 1;
    return true;
  }

  #taken(chunk: Chunk, bytes: Uint8Array, sound: boolean): void {
    if (sound) {
      this.#chunks += 1;
      this.#rows += chunk.rows;
      this.#digest = addToDigest(this.#env, this.#digest, bytes);
    }
    this.#end(sound);
  }

  #later(sound: boolean): void {
    this.#writes.addEvent(() => this.#end(sound));
  }

  #end(sound: boolean): void {
    if (!sound && this.#state !== "ended") this.#state = "failed";
    this.#busy = false;
    const waiting = this.#waiting.shift() as Waiting;
    waiting.done(sound);
    if (!this.#busy) this.#nextChunk();
  }
}

/** Takes the rows of one chunk apart and puts them, a portion a pass. */
class RowsJob implements WriteJob {
  readonly #codec: RowCodec;
  readonly #space: MemorySpace;
  readonly #rows: ByteReader;
  readonly #expected: number;
  readonly #done: (sound: boolean) => void;
  #count = 0;
  #sound = true;

  constructor(
    codec: RowCodec,
    space: MemorySpace,
    plain: Uint8Array,
    expected: number,
    done: (sound: boolean) => void,
  ) {
    this.#codec = codec;
    this.#space = space;
    this.#rows = new ByteReader(plain);
    this.#expected = expected;
    this.#done = done;
  }

  begin(): boolean {
    return true;
  }

  fill(portion: Portion): boolean {
    while (this.#rows.remaining > 0) {
      if (portion.full) return false;
      this.#sound = this.#take(portion);
      if (!this.#sound) return true;
      this.#count += 1;
    }
    this.#sound = this.#count === this.#expected;
    return true;
  }

  /** The checksum of the chunk held, so its fields are what the sender wrote; each row is checked all the same. */
  #take(portion: Portion): boolean {
    const keyBytes = this.#rows.u16();
    const valueBytes = this.#rows.u32();
    const key = new Uint8Array(SPACE_PREFIX_BYTES + keyBytes);
    fillSpace(key, 0, this.#space.id);
    key.set(this.#rows.take(keyBytes), SPACE_PREFIX_BYTES);
    const value = this.#rows.take(valueBytes);
    if (!this.#codec.sound(key, value)) return false;
    if (keyClass(key) === RowClass.primary) this.#space.arriving(latin1(key.subarray(KEY_PREFIX_BYTES)));
    portion.put(key, value);
    this.#keepSystem(key, value);
    return true;
  }

  #keepSystem(key: Uint8Array, value: Uint8Array): void {
    const rowClass = keyClass(key);
    if (rowClass !== RowClass.system && rowClass !== RowClass.applied) return;
    const bytes = this.#codec.readPlain(key, value) as Uint8Array;
    if (rowClass === RowClass.system) this.#space.loadSystem(latin1(key.subarray(KEY_PREFIX_BYTES)), bytes);
    else this.#space.loadApplied(new ByteReader(bytes).u64() as Index);
  }

  written(): void {
    this.#done(this.#sound);
  }
}

import {
  assert,
  EVICT_STEPS_PER_PASS,
  FETCHED_BYTES_MAX,
  FLUSH_AGE_MS,
  FLUSH_BYTES,
  type GroupId,
  HEAD_VALUE_BYTES_MAX,
  MEMTABLE_BYTES_MAX,
  mark,
  type ReplicaId,
  type SpaceId,
  STORE_FILTERS_BYTES_MAX,
  spaceId,
} from "../base/index.ts";
import type { Engine, Env } from "../env/index.ts";
import { Clearing } from "./clearing.ts";
import { Endings } from "./endings.ts";
import { Fetches } from "./fetches.ts";
import { FlushJob, type Generations, putFrozenSystem } from "./flush.ts";
import { FilterMemory } from "./key-filter.ts";
import { KeyPages } from "./key-pages.ts";
import { RowCodec } from "./layout.ts";
import { type FrozenSystem, MemorySpace } from "./memory-space.ts";
import { type Found, readSystemRows, readTables } from "./opening.ts";
import { Residents } from "./residents.ts";
import { SpaceSnapshotReader } from "./snapshot-reader.ts";
import { putFormat, putNextSpace, putSpaceRecord, recordOf, SpaceFate } from "./space-table.ts";
import { SpaceStage, type StageHandler } from "./stage.ts";
import type {
  Ending,
  KeyPage,
  KeyRange,
  SnapshotReader,
  Space,
  Stage,
  Store,
  StoreOptions,
  StoreStats,
} from "./types.ts";
import { type Portion, Writes } from "./writes.ts";

/**
 * Opens the rows of a node. `ready` is called when the spaces found are complete with their system rows; the other rows
 * stay in the engine until they are fetched, so the time does not grow with their number.
 *
 * Ends the node (`Env.fatal`) with SHERD_DATA_FORMAT on another format and with SHERD_STORE_DAMAGED when batches or
 * rows that were durable are missing or damaged.
 */
export function openStore(env: Env, engine: Engine, options: StoreOptions, ready: (store: Store) => void): void {
  const codec = new RowCodec(env);
  readTables(env, engine, codec, (found) => {
    const store = new NodeStore(env, engine, codec, options, found);
    store.open(found, () => ready(store));
  });
}

/** One is left for the end of the last space's range. */
const SPACE_ID_MAX = 0xffff_fffe;

class NodeStore implements Store {
  readonly #env: Env;
  readonly #engine: Engine;
  readonly #codec: RowCodec;
  readonly #residents: Residents;
  readonly #fetches: Fetches;
  readonly #filters: FilterMemory;
  readonly #writes: Writes;
  readonly #clearing: Clearing;
  readonly #endings: Endings;
  #spaces: readonly MemorySpace[] = [];
  readonly #generations: Generations;
  readonly #keyPages: KeyPages;
  #nextSpace: SpaceId;
  /** Asked for and not begun: takes everything applied until then. */
  #flush: FlushJob | undefined;
  /** When a tick first saw a change that no flush has taken. */
  #changedSinceMs: number | undefined;
  #closed = false;
  readonly #memtableBytesMax: number;
  readonly #flushBytes: number;
  readonly #counts = { flushes: 0, flushedRows: 0 };

  constructor(env: Env, engine: Engine, codec: RowCodec, options: StoreOptions, found: Found) {
    this.#env = env;
    this.#engine = engine;
    this.#codec = codec;
    this.#residents = new Residents(options.cacheBytesMax, options.headValueBytesMax ?? HEAD_VALUE_BYTES_MAX);
    this.#memtableBytesMax = options.memtableBytesMax ?? MEMTABLE_BYTES_MAX;
    this.#flushBytes = options.flushBytes ?? FLUSH_BYTES;
    const fetchedBytesMax = options.fetchedBytesMax ?? FETCHED_BYTES_MAX;
    this.#fetches = new Fetches(env, engine, codec, this.#residents, fetchedBytesMax);
    this.#filters = new FilterMemory(options.filtersBytesMax ?? STORE_FILTERS_BYTES_MAX);
    this.#writes = new Writes(env, engine, codec, found.lastMarker);
    this.#clearing = new Clearing(env, engine, codec, this.#writes);
    this.#endings = new Endings(env, engine, codec);
    this.#keyPages = new KeyPages(env, engine, codec, this.#residents);
    this.#generations = {
      put: (portion, frozen) => this.#putGeneration(portion, frozen),
      replaced: (space) => this.#clearing.add(space),
    };
    this.#nextSpace = found.nextSpace;
  }

  get spaces(): readonly Space[] {
    return this.#spaces;
  }

  get full(): boolean {
    return this.#residents.memtableBytes >= this.#memtableBytesMax;
  }

  get stats(): StoreStats {
    return {
      ...this.#counts,
      memtableBytes: this.#residents.memtableBytes,
      cacheBytes: this.#residents.cacheBytes,
      cacheBytesPeak: this.#residents.cacheBytesPeak,
      pinnedBytes: this.#fetches.pinnedBytes,
      filtersBytes: this.#filters.bytes,
      cacheHits: this.#residents.hits,
      cacheMisses: this.#fetches.misses,
      engineWrites: this.#writes.durations,
      engineWrittenBytes: this.#writes.writtenBytes,
    };
  }

  open(found: Found, ready: () => void): void {
    const spaces: MemorySpace[] = [];
    const live = found.records.filter(({ fate }) => fate === SpaceFate.live);
    for (const { space, fate } of found.records) if (fate === SpaceFate.clearing) this.#clearing.add(space);
    const next = (at: number): void => {
      const record = live[at];
      if (record === undefined) {
        this.#spaces = spaces;
        return this.#settle(found, ready);
      }
      const space = this.#memorySpace(record.space, "some", record.group, record.replica);
      const take = (name: string, bytes: Uint8Array): void => space.loadSystem(name, bytes);
      readSystemRows(this.#env, this.#engine, this.#codec, record, take, (applied) => {
        space.loadApplied(applied);
        spaces.push(space);
        next(at + 1);
      });
    };
    next(0);
  }

  /** Writes down what opening decided: the format of a new store, and that half-arrived snapshots are cleared. */
  #settle(found: Found, ready: () => void): void {
    const staging = found.records.filter(({ fate }) => fate === SpaceFate.staging);
    if (found.used && staging.length === 0) return ready();
    this.#writes.addSmall(
      (portion) => {
        if (!found.used) putFormat(this.#codec, portion);
        for (const record of staging) putSpaceRecord(this.#codec, portion, { ...record, fate: SpaceFate.clearing });
      },
      () => {
        if (staging.length > 0) mark("store: half-arrived snapshot cleared");
        for (const { space } of staging) this.#clearing.add(space);
        ready();
      },
    );
    // Nobody runs passes before `ready`.
    this.#writes.pass();
  }

  createSpace(
    group: GroupId,
    replica: ReplicaId,
    system: ReadonlyMap<string, Uint8Array>,
    done: (space: Space) => void,
  ): void {
    const space = this.#newSpace(group, replica, "live");
    for (const [name, bytes] of system) space.putSystem(name, bytes);
    this.#writes.addSmall(
      (portion) => {
        this.#putNewSpace(portion, space, SpaceFate.live);
        putFrozenSystem(this.#codec, portion, space.freeze());
      },
      () => {
        this.#spaces = [...this.#spaces, space];
        done(space);
      },
    );
  }

  dropSpace(space: Space, done: () => void): void {
    const dropped = this.#own(space);
    this.#spaces = this.#spaces.filter((other) => other !== dropped);
    dropped.end();
    this.#writes.addSmall(
      (portion) => putSpaceRecord(this.#codec, portion, { ...recordOf(dropped), fate: SpaceFate.clearing }),
      () => {
        this.#clearing.add(dropped.durableId);
        done();
      },
    );
  }

  ended(
    space: Space,
    from: number | Ending,
    untilMs: number,
    keysMax: number,
    done: (endings: readonly Ending[]) => void,
  ): void {
    this.#endings.find(this.#own(space), from, untilMs, keysMax, done);
  }

  keys(space: Space, range: KeyRange, done: (page: KeyPage | undefined) => void): void {
    this.#keyPages.read(this.#own(space), range, done);
  }

  openSnapshot(space: Space, done: (reader: SnapshotReader) => void): void {
    const source = this.#own(space);
    this.flush(() => {
      if (source.state === "gone") return;
      // In the same event as the completion: no other batch has begun, so the engine holds exactly what was flushed.
      const later = (run: () => void): void => this.#writes.addEvent(run);
      done(new SpaceSnapshotReader(this.#env, this.#codec, source, this.#engine.snapshot(), later));
    });
  }

  stage(old: Space, done: (stage: Stage) => void): void {
    const replaced = this.#own(old);
    const space = this.#newSpace(replaced.group, replaced.replica, "staged");
    const handler: StageHandler = {
      onCommitted: () => this.#switch(replaced, space),
      onDropped: (id) => this.#clearing.add(id),
    };
    this.#writes.addSmall(
      (portion) => this.#putNewSpace(portion, space, SpaceFate.staging),
      () => done(new SpaceStage(this.#env, this.#codec, this.#writes, space, replaced, handler)),
    );
  }

  #switch(old: MemorySpace, next: MemorySpace): void {
    mark("store: space replaced by a snapshot");
    next.state = "live";
    this.#spaces = [...this.#spaces.filter((other) => other !== old), next];
    if (old.state === "gone") return;
    old.end();
    this.#clearing.add(old.durableId);
  }

  flush(done: () => void): void {
    this.#requestFlush().waiters.push(done);
  }

  #requestFlush(): FlushJob {
    if (this.#flush !== undefined && !this.#flush.begun) return this.#flush;
    const flush = new FlushJob(this.#codec, this.#residents, () => this.#spaces, this.#generations);
    flush.waiters.push(() => {
      this.#counts.flushes += flush.rows > 0 ? 1 : 0;
      this.#counts.flushedRows += flush.rows;
    });
    this.#flush = flush;
    this.#writes.add(flush);
    return flush;
  }

  pass(): void {
    if (this.#closed) return;
    const evicting = this.#residents.evict(EVICT_STEPS_PER_PASS);
    if (evicting) this.#env.requestPass();
    this.#fetches.pass(evicting);
    if (this.#residents.activeBytes >= this.#flushBytes) this.#requestFlush();
    this.#writes.pass();
  }

  tick(): void {
    if (this.#closed) return;
    this.#clearing.tick();
    if (!this.#spaces.some((space) => space.changed)) {
      this.#changedSinceMs = undefined;
      return;
    }
    const now = this.#env.monotonicMs();
    this.#changedSinceMs ??= now;
    if (now - this.#changedSinceMs < FLUSH_AGE_MS) return;
    this.#changedSinceMs = undefined;
    this.#requestFlush();
  }

  close(done: () => void): void {
    this.#clearing.stop();
    this.flush(() => {
      this.#closed = true;
      this.#engine.close(done);
    });
  }

  /** A space with a number of its own: it is written down before anything else of the space is. */
  #newSpace(group: GroupId, replica: ReplicaId, state: "live" | "staged"): MemorySpace {
    const space = this.#memorySpace(this.#newId(), "none", group, replica);
    space.state = state;
    return space;
  }

  #newId(): SpaceId {
    const id = this.#nextSpace;
    assert(id < SPACE_ID_MAX, "space numbers do not run out");
    this.#nextSpace = spaceId(id + 1);
    return id;
  }

  #putNewSpace(portion: Portion, space: MemorySpace, fate: SpaceFate): void {
    putSpaceRecord(this.#codec, portion, { ...recordOf(space), fate });
    putNextSpace(this.#codec, portion, this.#nextSpace);
  }

  #putGeneration(portion: Portion, { space, id, replaces }: FrozenSystem): void {
    const { group, replica } = space;
    putSpaceRecord(this.#codec, portion, { space: id, group, replica, fate: SpaceFate.live });
    if (replaces !== undefined) {
      putSpaceRecord(this.#codec, portion, { space: replaces, group, replica, fate: SpaceFate.clearing });
    }
    putNextSpace(this.#codec, portion, this.#nextSpace);
  }

  #memorySpace(id: SpaceId, rows: "none" | "some", group: GroupId, replica: ReplicaId): MemorySpace {
    const newId = (): SpaceId => this.#newId();
    return new MemorySpace(id, rows, group, replica, this.#residents, this.#fetches, this.#filters, newId);
  }

  #own(space: Space): MemorySpace {
    assert(space instanceof MemorySpace && this.#spaces.includes(space), "the space is a live one of this store");
    return space;
  }
}

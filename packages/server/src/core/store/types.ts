import type { DurationHistogram, GroupId, Index, ReplicaId, SherdError, Slot, SpaceId } from "../base/index.ts";

/** Type of a key's primary row. Numbers are on disk: never change or reuse one. */
export const RowKind = { string: 1 } as const;
export type RowKind = (typeof RowKind)[keyof typeof RowKind];

/** What is known of a row whose value need not be in memory. */
export interface RowHead {
  readonly kind: RowKind;
  /** Milliseconds of log time, 0: never. */
  readonly expiresAtMs: number;
  /** Index of the entry that wrote it. */
  readonly version: number;
  /** How long it is; a `Row` has its bytes. */
  readonly payload: { readonly length: number };
}

/** One key's primary row. Immutable: a change puts a new one. */
export interface Row extends RowHead {
  /**
   * In a row to be put: any bytes that do not change during the call; the store copies them (large ones that have a
   * buffer to themselves are taken over). In a row that `get` returned: the store's own memory, which never changes; who
   * keeps it beyond the event takes a copy, because a small one is a view that keeps 64 KiB alive.
   */
  readonly payload: Uint8Array;
}

export interface RowKey {
  readonly slot: Slot;
  /** latin1 of the key's bytes. */
  readonly key: string;
}

/** A row to be fetched. */
export interface RowNeed extends RowKey {
  /** Its head is enough. */
  readonly headOnly?: boolean;
  /**
   * Of a command that needs several values, the same number in all of them, which come one behind the other. If those are
   * more than COMMAND_VALUES_BYTES_MAX together, the command is refused by their heads, and nothing else becomes resident.
   */
  readonly together?: number;
}

/**
 * Fetches whose rows are needed now go before those that are made ahead when memory is short. Those of the background go
 * when nothing else is read, or along with what is.
 */
export type FetchUrgency = "now" | "ahead" | "background";

/** A key and the moment of log time at which it ends. */
export interface Ending extends RowKey {
  readonly endsAtMs: number;
}

/** Where a walk over the keys stands: behind this key, or before the first of the slot. */
export interface KeyPlace {
  readonly slot: Slot;
  readonly key: string | undefined;
}

export interface KeyRange {
  readonly behind: KeyPlace;
  /** The last slot that belongs to the range. */
  readonly toSlot: Slot;
  /** About so many keys: never more than twice as many. */
  readonly keysMax: number;
  /** False: nobody asks when the keys end, so that rows need not be read. */
  readonly endings: boolean;
}

export interface FoundKey extends RowKey {
  /** 0: never, or not asked. */
  readonly expiresAtMs: number;
}

/** Keys of a range in the order of slots and bytes, all as they were at one moment. */
export interface KeyPage {
  readonly keys: readonly FoundKey[];
  /** There are no more behind the last one. */
  readonly complete: boolean;
  /** Up to here nothing was left out. The range's end if `complete`. */
  readonly upTo: KeyPlace;
}

/** Rows kept in memory until `release`: what an entry or a read needs stays until it has run. */
export interface Pins {
  release(): void;
}

/** Called by the store about one space. The replica implements it. */
export interface SpaceOwner {
  /**
   * A flush is about to take the space's changes: put the system rows (applied index, sessions, counts) that belong to
   * exactly this state. Called between entries (in `Store.pass`), so that a flush never holds half of one. Also called
   * after `onDamaged`, for what was applied before. Rows are not changed here.
   */
  onFreeze(): void;
  /** Everything up to here is durable in the engine. */
  onDurable(applied: Index): void;
  /** A row's checksum is wrong. The replica must stop; other spaces go on. */
  onDamaged(error: SherdError): void;
}

/** The rows of one replica. */
export interface Space {
  /** The number under which its rows lie in the engine; `clear` gives it another. */
  readonly id: SpaceId;
  readonly group: GroupId;
  readonly replica: ReplicaId;
  /** The row; null: there is none; undefined: not in memory, `fetch` it first. */
  get(slot: Slot, key: string): Row | null | undefined;
  /** The same for who does not look at the value. Known also of rows whose value is too large to be kept for nothing. */
  head(slot: Slot, key: string): RowHead | null | undefined;
  /** While this number stays the same, what `get` and `head` can answer, they can answer again. */
  readonly losses: number;
  /**
   * Requires a resident head (or residence of its absence) only if the caller wants to know what was there.
   * `key` is kept: it must not be cut out of a longer string (V8 would keep that one alive with it).
   */
  put(slot: Slot, key: string, row: Row): void;
  delete(slot: Slot, key: string): void;
  /**
   * Removes all rows of keys; system rows stay. For the rest of the entry the absence of every key is resident. The rows
   * lie in the engine until a flush carries the next generation there, in whose batch they are given up: a crash finds
   * the one or the other. Then they are cleared in the background.
   */
  clear(): void;
  /**
   * Makes rows resident and pinned. `done` is called later, also when all were resident already.
   * Fetches of one pass are read from the engine together. In a damaged space `done` is never called again.
   * `ahead`: may wait for as long as memory is short; what turns out to be needed now is fetched again. Default: `now`.
   */
  fetch(needs: readonly RowNeed[], done: (pins: Pins) => void, urgency?: FetchUrgency): void;
  /** System rows are always in memory. Names are short latin1 strings. */
  system(name: string): Uint8Array | undefined;
  /** Names with this prefix, sorted. */
  systemNames(prefix: string): string[];
  putSystem(name: string, bytes: Uint8Array): void;
  deleteSystem(name: string): void;
  /**
   * The entry at this index has been applied completely; the next flush may carry it. Every put and delete of a row is
   * followed by one before the event ends: a flush that finds half an entry is a broken invariant.
   */
  applied(index: Index): void;
  /** What `applied` said last; at first what was found at open, or came with a snapshot; 0 in a new space. */
  readonly appliedIndex: Index;
  setOwner(owner: SpaceOwner): void;
}

/** The rows of a space at one moment, in chunks to send. */
export interface SnapshotReader {
  /** The applied index that the rows stand at. */
  readonly applied: Index;
  /**
   * The next chunk, up to SNAPSHOT_CHUNK_BYTES_MAX; undefined behind the final one. One call at a time. If a row turns
   * out to be damaged, the owner's `onDamaged` is called instead of `done`.
   */
  next(done: (chunk: Uint8Array | undefined) => void): void;
  /** Continue with this chunk (numbered from 0): any that was made before, byte for byte the same, or the next. */
  seek(chunk: number): void;
  close(): void;
}

/** Rows that arrive for a new generation, beside the one that serves. */
export interface Stage {
  readonly space: Space;
  /** Chunks that are durable: where a sender continues. */
  readonly chunks: number;
  /**
   * Chunks in order, at most SNAPSHOT_WINDOW_CHUNKS waiting; one that came before is answered true again. Durable when
   * `done` says true. False: damaged, or not the next one; drop the stage.
   */
  add(chunk: Uint8Array, done: (sound: boolean) => void): void;
  /**
   * Only after the final chunk. One durable engine batch: the new space serves, the old one is to be cleared. The old
   * space is whole until `done`, which is called in the very event of the switch: use `space` from there on.
   */
  commit(done: () => void): void;
  drop(): void;
}

/** All rows of a node. */
export interface Store {
  /** Live spaces as found at start, and as created or switched since. */
  readonly spaces: readonly Space[];
  /** Durable when done. */
  createSpace(
    group: GroupId,
    replica: ReplicaId,
    system: ReadonlyMap<string, Uint8Array>,
    done: (space: Space) => void,
  ): void;
  /**
   * The space is gone at once (its owner hears nothing more) and cleared in the background; a record says so, durable
   * when `done`. A crash before that finds the space as last flushed.
   */
  dropSpace(space: Space, done: () => void): void;
  /** Flushes, then reads the space from one engine snapshot. Never answered if the space goes meanwhile. */
  openSnapshot(space: Space, done: (reader: SnapshotReader) => void): void;
  /** Begins a staged generation for the same group and replica as `old`. */
  stage(old: Space, done: (stage: Stage) => void): void;
  /**
   * Keys that end at `untilMs` or before, as of the last flush, the earliest first: from a moment on, or those behind one
   * that was found. At most `keysMax`; fewer only if there are no more. Never answered if the space goes meanwhile, or
   * when damage is found. What was changed since the flush may have another end by now.
   */
  ended(
    space: Space,
    from: number | Ending,
    untilMs: number,
    keysMax: number,
    done: (endings: readonly Ending[]) => void,
  ): void;
  /**
   * Keys of some slots, of one moment: that of the call, or of the page's turn if KEY_PAGES_AT_ONCE_MAX are being read.
   * Undefined: the space went before that. Answered also if it goes meanwhile, never if damage is found. The rows of one
   * page are read and converted at once: SNAPSHOT_ROWS_PER_PAGE keys are about 2 ms.
   */
  keys(space: Space, range: KeyRange, done: (page: KeyPage | undefined) => void): void;
  /** The memtable is full: no new proposals until it is not. */
  readonly full: boolean;
  /** Starts a flush as soon as none runs; `done` when everything applied before this call is durable. */
  flush(done: () => void): void;
  /** Portions of a running flush and background clearing; asks for further passes itself. */
  pass(): void;
  /** Every TICK_MS: starts a flush when age or size ask for it. */
  tick(): void;
  readonly stats: StoreStats;
  /** Flushes, then closes the engine. What else waits for a batch is never answered. */
  close(done: () => void): void;
}

export interface StoreOptions {
  /**
   * Rows as they are in the engine that stay in memory, with what the process spends on them; ROW_CACHE_BYTES_DEFAULT.
   * Exceeded by what is pinned.
   */
  readonly cacheBytesMax: number;
  /** MEMTABLE_BYTES_MAX and FLUSH_BYTES when not given; the simulator makes them so small that runs of seconds meet them. */
  readonly memtableBytesMax?: number;
  readonly flushBytes?: number;
  /** FETCHED_BYTES_MAX and HEAD_VALUE_BYTES_MAX when not given; small for the same reason. */
  readonly fetchedBytesMax?: number;
  readonly headValueBytesMax?: number;
  /** STORE_FILTERS_BYTES_MAX when not given. 0: there are none as soon as there are rows. */
  readonly filtersBytesMax?: number;
}

export interface StoreStats {
  /** Changed rows that are not in the engine yet, those of a running flush included. */
  readonly memtableBytes: number;
  readonly cacheBytes: number;
  /** The most that it has been. */
  readonly cacheBytesPeak: number;
  /** Values that open fetches hold, or are bringing; one that two of them hold counts twice. */
  readonly pinnedBytes: number;
  /** What says that the engine need not be read for a new key; 0 after a restart, until a space begins empty. */
  readonly filtersBytes: number;
  /** Calls of `get` that were answered from memory. */
  readonly cacheHits: number;
  /** Keys read from the engine. */
  readonly cacheMisses: number;
  readonly flushes: number;
  readonly flushedRows: number;
  /** How long each batch of the engine took, from its first row until it was durable: flushes, snapshots, clearing. */
  readonly engineWrites: DurationHistogram;
  /** Keys and values of these batches. */
  readonly engineWrittenBytes: number;
}

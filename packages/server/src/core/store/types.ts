import type { GroupId, Index, ReplicaId, SherdError, Slot, SpaceId } from "../base/index.ts";

/** Type of a key's primary row. Numbers are on disk: never change or reuse one. */
export const RowKind = { string: 1 } as const;
export type RowKind = (typeof RowKind)[keyof typeof RowKind];

/** One key's primary row. Immutable: a change puts a new one. */
export interface Row {
  readonly kind: RowKind;
  /** Milliseconds of log time, 0: never. */
  readonly expiresAtMs: number;
  /** Index of the entry that wrote it. */
  readonly version: number;
  /** Owned by the row: small copies, never a view that pins an entry or a socket's buffer. */
  readonly payload: Uint8Array;
}

export interface RowKey {
  readonly slot: Slot;
  /** latin1 of the key's bytes. */
  readonly key: string;
}

/** Rows kept in memory until `release`: what an entry or a read needs stays until it has run. */
export interface Pins {
  release(): void;
}

/** Called by the store about one space. The replica implements it. */
export interface SpaceOwner {
  /**
   * A flush is about to take the space's changes: put the system rows (applied index, sessions, counts) that belong to
   * exactly this state. Called between entries, so that a flush never holds half of one.
   */
  onFreeze(): void;
  /** Everything up to here is durable in the engine. */
  onDurable(applied: Index): void;
  /** A row's checksum is wrong. The replica must stop; other spaces go on. */
  onDamaged(error: SherdError): void;
}

/** The rows of one generation of one replica. */
export interface Space {
  readonly id: SpaceId;
  readonly group: GroupId;
  readonly replica: ReplicaId;
  /** The row; null: there is none; undefined: not in memory, `fetch` it first. */
  get(slot: Slot, key: string): Row | null | undefined;
  /** Requires a resident row (or residence of its absence) only if the caller wants to know what was there. */
  put(slot: Slot, key: string, row: Row): void;
  delete(slot: Slot, key: string): void;
  /**
   * Makes rows resident and pinned. `done` is called later, also when all were resident already.
   * Fetches of one pass are read from the engine together.
   */
  fetch(keys: readonly RowKey[], done: (pins: Pins) => void): void;
  /** System rows are always in memory. Names are short latin1 strings. */
  system(name: string): Uint8Array | undefined;
  /** Names with this prefix, sorted. */
  systemNames(prefix: string): string[];
  putSystem(name: string, bytes: Uint8Array): void;
  deleteSystem(name: string): void;
  /** The entry at this index has been applied completely; the next flush may carry it. */
  applied(index: Index): void;
  setOwner(owner: SpaceOwner): void;
}

/** The rows of a space at one moment, in chunks to send. */
export interface SnapshotReader {
  /** The applied index that the rows stand at. */
  readonly applied: Index;
  /** Chunks made so far; `chunk(n)` may be asked again (resume) while the reader is open, in ascending order otherwise. */
  next(done: (chunk: Uint8Array | undefined) => void): void;
  close(): void;
}

/** Rows that arrive for a new generation, beside the one that serves. */
export interface Stage {
  readonly space: Space;
  /** Chunks in order. False: damaged; drop the stage. */
  add(chunk: Uint8Array, done: (sound: boolean) => void): void;
  /** One durable engine batch: the new space serves, the old one is to be cleared. */
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
  /** The space is to be cleared in the background; a record says so, so that a crash does not forget it. */
  dropSpace(space: Space, done: () => void): void;
  /** Flushes, then reads the space from one engine snapshot. */
  openSnapshot(space: Space, done: (reader: SnapshotReader) => void): void;
  /** Begins a staged generation for the same group and replica as `old`. */
  stage(old: Space, done: (stage: Stage) => void): void;
  /** The memtable is full: no new proposals until it is not. */
  readonly full: boolean;
  /** Starts a flush as soon as none runs; `done` when everything applied before this call is durable. */
  flush(done: () => void): void;
  /** Portions of a running flush and background clearing; asks for further passes itself. */
  pass(): void;
  /** Every TICK_MS: starts a flush when age or size ask for it. */
  tick(): void;
  readonly stats: StoreStats;
  /** Flushes, then closes the engine. */
  close(done: () => void): void;
}

export interface StoreStats {
  readonly memtableBytes: number;
  readonly cacheBytes: number;
  readonly cacheHits: number;
  readonly cacheMisses: number;
  readonly flushes: number;
  readonly flushedRows: number;
}

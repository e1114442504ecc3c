import { ByteWriter, type Index, type SpaceId } from "../base/index.ts";
import { RowClass, type RowCodec, SYSTEM_SLOT } from "./layout.ts";
import type { FrozenSystem, MemorySpace, SlotRows } from "./memory-space.ts";
import type { FrozenRows, Residents } from "./residents.ts";
import type { Portion, WriteJob } from "./writes.ts";

/** Spaces that were cleared since the batch before begin a new generation with this one. */
export interface Generations {
  /** The records: the new number's rows serve, those of the one before are to be cleared. */
  put(portion: Portion, frozen: FrozenSystem): void;
  /** The rows of this number are to be cleared: the record is durable. */
  replaced(space: SpaceId): void;
}

/**
 * Takes what changed in all live spaces to the engine, as one batch: rows, system rows and applied indexes of the same
 * moment. The moment is `begin`: a pass is never inside an entry. What was frozen is written completely, also when its
 * space goes meanwhile: until the record that clears it is durable, a restart finds the space alive.
 */
export class FlushJob implements WriteJob {
  readonly #codec: RowCodec;
  readonly #residents: Residents;
  readonly #spaces: () => Iterable<MemorySpace>;
  readonly #generations: Generations;
  /** The freeze has happened: what is applied from now on belongs to another flush. */
  begun = false;
  /** Called when everything applied before `begin` is durable. */
  readonly waiters: (() => void)[] = [];
  #rows: FrozenRows = { cells: [], rows: [], endedAtMs: [] };
  #system: FrozenSystem[] = [];
  /** How far `fill` has come. */
  #nextRow = 0;
  #nextSpace = 0;
  #nextSystem = 0;

  constructor(codec: RowCodec, residents: Residents, spaces: () => Iterable<MemorySpace>, generations: Generations) {
    this.#codec = codec;
    this.#residents = residents;
    this.#spaces = spaces;
    this.#generations = generations;
  }

  get rows(): number {
    return this.#rows.cells.length;
  }

  begin(): boolean {
    this.begun = true;
    for (const space of this.#spaces()) {
      if (!space.changed) continue;
      space.owner?.onFreeze();
      this.#system.push(space.freeze());
    }
    if (this.#system.length === 0) {
      this.#tell();
      return false;
    }
    this.#rows = this.#residents.freeze();
    return true;
  }

  fill(portion: Portion): boolean {
    return this.#fillRows(portion) && this.#fillSystem(portion);
  }

  #fillRows(portion: Portion): boolean {
    const { cells, rows, endedAtMs } = this.#rows;
    for (; this.#nextRow < cells.length; this.#nextRow += 1) {
      if (portion.full) return false;
      const { home, key } = cells[this.#nextRow] as (typeof cells)[number];
      const row = rows[this.#nextRow] ?? null;
      if (row === null) {
        this.#codec.buildKey(home.spaceId, home.slot, RowClass.primary, key);
        portion.delete(this.#codec.key);
      } else {
        home.filter?.add(key);
        this.#codec.buildRow(home.spaceId, home.slot, key, row);
        portion.put(this.#codec.key, this.#codec.value);
      }
      const ended = endedAtMs[this.#nextRow] as number;
      const ends = row === null ? 0 : row.expiresAtMs;
      if (ended !== ends) this.#moveEnding(portion, home, key, ended, ends);
    }
    return true;
  }

  /** The index of endings says what the rows say: both are of the same batch. */
  #moveEnding(portion: Portion, home: SlotRows, key: string, fromMs: number, toMs: number): void {
    if (fromMs !== 0) {
      this.#codec.buildEndingKey(home.spaceId, home.slot, key, fromMs);
      portion.delete(this.#codec.key);
    }
    if (toMs !== 0) {
      this.#codec.buildEnding(home.spaceId, home.slot, key, toMs);
      portion.put(this.#codec.key, this.#codec.value);
    }
  }

  #fillSystem(portion: Portion): boolean {
    for (; this.#nextSpace < this.#system.length; this.#nextSpace += 1) {
      const frozen = this.#system[this.#nextSpace] as FrozenSystem;
      for (; this.#nextSystem < frozen.rows.length; this.#nextSystem += 1) {
        if (portion.full) return false;
        const [name, bytes] = frozen.rows[this.#nextSystem] as (typeof frozen.rows)[number];
        putSystemRow(this.#codec, portion, frozen.id, name, bytes);
      }
      putAppliedRow(this.#codec, portion, frozen.id, frozen.applied);
      if (frozen.replaces !== undefined) this.#generations.put(portion, frozen);
      this.#nextSystem = 0;
    }
    return true;
  }

  written(): void {
    this.#residents.flushed();
    for (const { space, id, replaces, applied } of this.#system) {
      if (replaces !== undefined) {
        space.durableId = id;
        this.#generations.replaced(replaces);
      }
      if (space.state === "gone") continue;
      space.durableApplied = applied;
      space.owner?.onDurable(applied);
    }
    this.#tell();
  }

  #tell(): void {
    for (const waiter of this.waiters) waiter();
  }
}

/** All of it: for spaces whose system rows are few. */
export function putFrozenSystem(codec: RowCodec, portion: Portion, frozen: FrozenSystem): void {
  for (const [name, bytes] of frozen.rows) putSystemRow(codec, portion, frozen.id, name, bytes);
  putAppliedRow(codec, portion, frozen.id, frozen.applied);
}

function putSystemRow(
  codec: RowCodec,
  portion: Portion,
  space: SpaceId,
  name: string,
  bytes: Uint8Array | undefined,
): void {
  if (bytes === undefined) {
    codec.buildKey(space, SYSTEM_SLOT, RowClass.system, name);
    portion.delete(codec.key);
  } else {
    codec.buildPlain(space, RowClass.system, name, bytes);
    portion.put(codec.key, codec.value);
  }
}

function putAppliedRow(codec: RowCodec, portion: Portion, space: SpaceId, applied: Index): void {
  const bytes = new ByteWriter(8);
  bytes.u64(applied);
  codec.buildPlain(space, RowClass.applied, "", bytes.view());
  portion.put(codec.key, codec.value);
}

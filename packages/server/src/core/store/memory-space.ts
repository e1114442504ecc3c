import {
  assert,
  type GroupId,
  type Index,
  index,
  mark,
  type ReplicaId,
  type SherdError,
  type Slot,
  type SpaceId,
  SYSTEM_NAME_BYTES_MAX,
} from "../base/index.ts";
import type { Env } from "../env/index.ts";
import type { Fetches } from "./fetches.ts";
import { type FilterMemory, KeyFilter } from "./key-filter.ts";
import type { Cell, Residents } from "./residents.ts";
import type { FetchUrgency, Pins, Row, RowHead, RowNeed, Space, SpaceOwner } from "./types.ts";

/** The cells of one slot, in one generation of its space. */
export interface SlotRows {
  readonly space: MemorySpace;
  /** The number that the space has, or had, when the rows were its own. */
  readonly spaceId: SpaceId;
  readonly slot: Slot;
  /** Of the generation. Undefined: rows of it were in the engine when the store was opened. */
  readonly filter: KeyFilter | undefined;
  readonly cells: Map<string, Cell>;
  /** The space is gone, or was cleared: the cells are nobody's. */
  dead: boolean;
}

/**
 * `staged`: rows arrive through the stage alone. `live`: serves. `damaged`: a row was found damaged, so its fetches are
 * never answered again; what was applied before is still flushed. `gone`: dropped or replaced; it holds nothing.
 */
export type SpaceState = "staged" | "live" | "damaged" | "gone";

/** What a flush takes of one space. */
export interface FrozenSystem {
  readonly space: MemorySpace;
  /** The number that the batch writes the space's rows under; the space may have another by then. */
  readonly id: SpaceId;
  /** The number that the batch before wrote them under, if it is another: its rows are to be cleared. */
  readonly replaces: SpaceId | undefined;
  readonly applied: Index;
  /** Undefined: deleted. */
  readonly rows: readonly (readonly [name: string, bytes: Uint8Array | undefined])[];
}

/** A space as it is in memory. */
export class MemorySpace implements Space {
  readonly group: GroupId;
  readonly replica: ReplicaId;
  state: SpaceState = "live";
  /** What the engine holds, and under which number. */
  durableApplied: Index = index(0);
  durableId: SpaceId;
  readonly #residents: Residents;
  readonly #fetches: Fetches;
  readonly #slots: Map<Slot, SlotRows> = new Map();
  readonly #system: Map<string, Uint8Array> = new Map();
  readonly #changedSystem: Set<string> = new Set();
  readonly #newId: () => SpaceId;
  #id: SpaceId;
  /** The number under which a batch has carried rows, or carries them. */
  #carriedId: SpaceId;
  readonly #filterMemory: FilterMemory;
  #filter: KeyFilter | undefined;
  #applied: Index = index(0);
  #owner: SpaceOwner | undefined;
  /** Something changed since the last freeze. */
  #changed = false;
  /** Rows were put for an entry whose `applied` has not come yet. */
  #insideEntry = false;

  /** `rows`: whether the engine may have some. `newId` gives numbers for later generations. */
  constructor(
    id: SpaceId,
    rows: "none" | "some",
    group: GroupId,
    replica: ReplicaId,
    residents: Residents,
    fetches: Fetches,
    filterMemory: FilterMemory,
    newId: () => SpaceId,
  ) {
    this.#id = id;
    this.#carriedId = id;
    this.durableId = id;
    this.#filterMemory = filterMemory;
    this.#filter = rows === "none" ? new KeyFilter(filterMemory) : undefined;
    this.#newId = newId;
    this.group = group;
    this.replica = replica;
    this.#residents = residents;
    this.#fetches = fetches;
  }

  get id(): SpaceId {
    return this.#id;
  }

  get appliedIndex(): Index {
    return this.#applied;
  }

  get changed(): boolean {
    return this.#changed;
  }

  get owner(): SpaceOwner | undefined {
    return this.#owner;
  }

  setOwner(owner: SpaceOwner): void {
    this.#owner = owner;
  }

  get(slot: Slot, key: string): Row | null | undefined {
    const cell = this.#slots.get(slot)?.cells.get(key);
    if (cell === undefined) return this.#filter?.lacks(key) === true ? null : undefined;
    if (cell.pins === 0) cell.hot = true;
    if (cell.headOnly) return undefined;
    if (cell.row !== undefined) this.#residents.hits += 1;
    return cell.row as Row | null | undefined;
  }

  head(slot: Slot, key: string): RowHead | null | undefined {
    const cell = this.#slots.get(slot)?.cells.get(key);
    if (cell === undefined) return this.#filter?.lacks(key) === true ? null : undefined;
    if (cell.pins === 0) cell.hot = true;
    if (cell.row !== undefined) this.#residents.hits += 1;
    return cell.row;
  }

  get losses(): number {
    return this.#residents.losses + this.#filterMemory.changes;
  }

  put(slot: Slot, key: string, row: Row): void {
    this.#change(slot, key, row);
  }

  delete(slot: Slot, key: string): void {
    this.#change(slot, key, null);
  }

  #change(slot: Slot, key: string, row: Row | null): void {
    assert(this.state === "live" || this.state === "damaged", "rows are changed in spaces that serve");
    this.#changed = true;
    this.#insideEntry = true;
    const cell = this.cell(slot, key);
    if (cell.pins === 0) cell.hot = true;
    this.#residents.change(cell, row);
  }

  clear(): void {
    assert(this.state === "live", "rows are cleared in a space that serves");
    mark("store: space cleared");
    // Nothing is in the engine of a generation that no batch has carried: its number serves the next one, too.
    if (this.#id === this.#carriedId) this.#id = this.#newId();
    this.#changed = true;
    this.#insideEntry = true;
    this.#forget();
    this.#filter = new KeyFilter(this.#filterMemory);
    for (const name of this.#system.keys()) this.#changedSystem.add(name);
  }

  /** The key's cell, made if there is none. */
  cell(slot: Slot, key: string): Cell {
    let home = this.#slots.get(slot);
    if (home === undefined) {
      home = { space: this, spaceId: this.#id, slot, filter: this.#filter, cells: new Map(), dead: false };
      this.#slots.set(slot, home);
    }
    return home.cells.get(key) ?? this.#residents.create(home, key);
  }

  fetch(needs: readonly RowNeed[], done: (pins: Pins) => void, urgency: FetchUrgency = "now"): void {
    assert(this.state !== "gone", "a space that is gone is not read");
    this.#fetches.add(this, needs, done, urgency);
  }

  system(name: string): Uint8Array | undefined {
    return this.#system.get(name);
  }

  systemNames(prefix: string): string[] {
    const names: string[] = [];
    for (const name of this.#system.keys()) if (name.startsWith(prefix)) names.push(name);
    return names.sort();
  }

  putSystem(name: string, bytes: Uint8Array): void {
    assert(name.length > 0 && name.length <= SYSTEM_NAME_BYTES_MAX, "a system row has a short name");
    this.#system.set(name, bytes);
    this.#changedSystem.add(name);
    this.#changed = true;
  }

  deleteSystem(name: string): void {
    if (!this.#system.delete(name)) return;
    this.#changedSystem.add(name);
    this.#changed = true;
  }

  /** A system row that is in the engine already. */
  loadSystem(name: string, bytes: Uint8Array): void {
    this.#system.set(name, bytes);
  }

  applied(at: Index): void {
    assert(at >= this.#applied, "the applied index does not go back");
    this.#applied = at;
    this.#insideEntry = false;
    this.#changed = true;
  }

  /** The applied index of rows that are in the engine already. */
  loadApplied(at: Index): void {
    this.#applied = at;
    this.durableApplied = at;
  }

  /** Takes the system rows that changed since the last freeze. The space's rows are frozen in the same moment. */
  freeze(): FrozenSystem {
    assert(!this.#insideEntry, "a flush begins between entries");
    const rows = [...this.#changedSystem].map((name) => [name, this.#system.get(name)] as const);
    this.#changedSystem.clear();
    this.#changed = false;
    const replaces = this.#carriedId === this.#id ? undefined : this.#carriedId;
    this.#carriedId = this.#id;
    return { space: this, id: this.#id, replaces, applied: this.#applied, rows };
  }

  /** The owner must stop; the node's other spaces go on. */
  damaged(env: Env, error: SherdError): void {
    if (this.state === "damaged") return;
    if (this.#owner === undefined) env.fatal(error);
    this.state = "damaged";
    this.#owner.onDamaged(error);
  }

  /** The space was dropped or replaced: its memory is given back. */
  end(): void {
    this.state = "gone";
    this.#forget();
    this.#system.clear();
    this.#changedSystem.clear();
    this.#changed = false;
    this.#insideEntry = false;
  }

  #forget(): void {
    for (const home of this.#slots.values()) home.dead = true;
    this.#slots.clear();
    this.#residents.forgetDead();
    this.#filter?.drop();
  }

  /** A row of a snapshot is about to be put into the engine. */
  arriving(key: string): void {
    this.#filter?.add(key);
  }
}

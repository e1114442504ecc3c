import {
  assert,
  type GroupId,
  type Index,
  index,
  type ReplicaId,
  type SherdError,
  type Slot,
  type SpaceId,
  SYSTEM_NAME_BYTES_MAX,
} from "../base/index.ts";
import type { Env } from "../env/index.ts";
import type { Fetches } from "./fetches.ts";
import type { Cell, Residents } from "./residents.ts";
import type { Pins, Row, RowKey, Space, SpaceOwner } from "./types.ts";

/** The cells of one slot. */
export interface SlotRows {
  readonly space: MemorySpace;
  readonly slot: Slot;
  readonly cells: Map<string, Cell>;
}

/**
 * `staged`: rows arrive through the stage alone. `live`: serves. `damaged`: a row was found damaged, so its fetches are
 * never answered again; what was applied before is still flushed. `gone`: dropped or replaced; it holds nothing.
 */
export type SpaceState = "staged" | "live" | "damaged" | "gone";

/** What a flush takes of one space. */
export interface FrozenSystem {
  readonly space: MemorySpace;
  readonly applied: Index;
  /** Undefined: deleted. */
  readonly rows: readonly (readonly [name: string, bytes: Uint8Array | undefined])[];
}

/** A space as it is in memory. */
export class MemorySpace implements Space {
  readonly id: SpaceId;
  readonly group: GroupId;
  readonly replica: ReplicaId;
  state: SpaceState = "live";
  /** What the engine holds. */
  durableApplied: Index = index(0);
  readonly #residents: Residents;
  readonly #fetches: Fetches;
  readonly #slots: Map<Slot, SlotRows> = new Map();
  readonly #system: Map<string, Uint8Array> = new Map();
  readonly #changedSystem: Set<string> = new Set();
  #applied: Index = index(0);
  #owner: SpaceOwner | undefined;
  /** Something changed since the last freeze. */
  #changed = false;
  /** Rows were put for an entry whose `applied` has not come yet. */
  #insideEntry = false;

  constructor(id: SpaceId, group: GroupId, replica: ReplicaId, residents: Residents, fetches: Fetches) {
    this.id = id;
    this.group = group;
    this.replica = replica;
    this.#residents = residents;
    this.#fetches = fetches;
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
    if (cell === undefined) return undefined;
    if (cell.pins === 0) cell.hot = true;
    if (cell.row !== undefined) this.#residents.hits += 1;
    return cell.row;
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

  /** The key's cell, made if there is none. */
  cell(slot: Slot, key: string): Cell {
    let home = this.#slots.get(slot);
    if (home === undefined) {
      home = { space: this, slot, cells: new Map() };
      this.#slots.set(slot, home);
    }
    return home.cells.get(key) ?? this.#residents.create(home, key);
  }

  fetch(keys: readonly RowKey[], done: (pins: Pins) => void): void {
    assert(this.state !== "gone", "a space that is gone is not read");
    this.#fetches.add(this, keys, done);
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
    return { space: this, applied: this.#applied, rows };
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
    this.#slots.clear();
    this.#system.clear();
    this.#changedSystem.clear();
    this.#changed = false;
    this.#insideEntry = false;
    this.#residents.forget(this);
  }
}

import { KEY_PAGE_BYTES, KEY_PAGES_AT_ONCE_MAX, latin1, mark, SherdError } from "../base/index.ts";
import type { Engine, Env, RangeResult } from "../env/index.ts";
import { KEY_PREFIX_BYTES, RowClass, type RowCodec, rowKey, SPACE_PREFIX_BYTES } from "./layout.ts";
import type { MemorySpace } from "./memory-space.ts";
import { successor } from "./pages.ts";
import type { Residents } from "./residents.ts";
import type { FoundKey, KeyPage, KeyPlace, KeyRange, Row } from "./types.ts";

/** Rows that the engine does not have yet, the first ones of a range. */
interface Unflushed {
  readonly rows: ReadonlyMap<string, Row | null>;
  /** Their names in order. */
  readonly names: readonly string[];
  /** There are more behind the last one. */
  readonly cut: boolean;
}

interface Waiting {
  readonly space: MemorySpace;
  readonly range: KeyRange;
  readonly done: (page: KeyPage | undefined) => void;
}

/**
 * Reads the keys of a range (`Store.keys`): what the engine holds at the moment of its turn, under what memory knows
 * better at that moment. The engine's snapshot makes it one state, whatever is applied, flushed or evicted while it is
 * being read.
 *
 * A page costs a walk over the memtable in one go, and its rows in memory: those that are asked for while others are
 * being read wait, or a few hundred SCANs that arrive together would stop the node.
 *
 * A row's name is its key in the engine without the space's number, as latin1: so names are in the engine's order.
 */
export class KeyPages {
  readonly #env: Env;
  readonly #engine: Engine;
  readonly #codec: RowCodec;
  readonly #residents: Residents;
  #waiting: Waiting[] = [];
  #reading = 0;

  constructor(env: Env, engine: Engine, codec: RowCodec, residents: Residents) {
    this.#env = env;
    this.#engine = engine;
    this.#codec = codec;
    this.#residents = residents;
  }

  read(space: MemorySpace, range: KeyRange, done: (page: KeyPage | undefined) => void): void {
    if (this.#reading < KEY_PAGES_AT_ONCE_MAX) return this.#start({ space, range, done });
    mark("store: page of keys waits for its turn");
    this.#waiting.push({ space, range, done });
  }

  #next(): void {
    while (this.#reading < KEY_PAGES_AT_ONCE_MAX) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) return;
      // Its rows in memory are given up: what the engine alone has is no state of it.
      if (waiting.space.state === "gone") waiting.done(undefined);
      else if (waiting.space.state !== "damaged") this.#start(waiting);
    }
  }

  #start({ space, range, done }: Waiting): void {
    const { behind, toSlot, keysMax, endings } = range;
    const { id } = space;
    const start = rowKey(id, behind.slot, RowClass.primary, behind.key ?? "");
    const from = behind.key === undefined ? start : successor(start);
    const end = rowKey(id, toSlot, (RowClass.primary + 1) as RowClass, "");
    const unflushed = this.#unflushed(space, range, nameOf(from), nameOf(end));
    // Where memory has more than fits, the page ends at the latest with the last one taken.
    const last = unflushed.cut ? unflushed.names.at(-1) : undefined;
    const to = last === undefined ? end : successor(keyOf(start, last));
    const snapshot = this.#engine.snapshot();
    this.#reading += 1;
    const limits = { rowsMax: keysMax, bytesMax: KEY_PAGE_BYTES, values: endings };
    snapshot.range({ from, to, ...limits }, (result) => {
      snapshot.close();
      this.#reading -= 1;
      const keys = space.state === "damaged" ? undefined : this.#merge(space, result, unflushed, endings);
      if (keys === undefined) return this.#next();
      const complete = result.complete && !unflushed.cut;
      const upTo = result.complete ? last : nameOf((result.rows.at(-1) as RangeResult["rows"][number])[0]);
      done({ keys, complete, upTo: upTo === undefined ? { slot: toSlot, key: undefined } : placeOf(upTo) });
      this.#next();
    });
  }

  /** A walk over the memtable, which is bounded; more than twice `keysMax` is never kept. */
  #unflushed(space: MemorySpace, range: KeyRange, from: string, to: string): Unflushed {
    const { keysMax, toSlot } = range;
    const fromSlot = range.behind.slot;
    const rows = new Map<string, Row | null>();
    let end = to;
    let endSlot: number = toSlot;
    let cut = false;
    const shorten = (): void => {
      const names = [...rows.keys()].sort();
      for (const name of names.splice(keysMax)) rows.delete(name);
      end = names.at(-1) as string;
      endSlot = slotOf(end);
      cut = true;
    };
    this.#residents.eachUnflushed(({ home, key, row }) => {
      if (home.space !== space || home.slot > endSlot || home.slot < fromSlot) return;
      const name = slotName(home.slot) + key;
      if (name < from || (cut ? name > end : name >= end) || row === undefined) return;
      // Heads without values are only of rows that the engine has.
      rows.set(name, row as Row | null);
      if (rows.size > keysMax * 2) shorten();
    });
    if (rows.size > keysMax) shorten();
    return { rows, names: [...rows.keys()].sort(), cut };
  }

  /** Undefined: damaged, and the owner has been told. */
  #merge(
    space: MemorySpace,
    { rows, complete, damaged }: RangeResult,
    { rows: newer, names }: Unflushed,
    endings: boolean,
  ): FoundKey[] | undefined {
    const keys: FoundKey[] = [];
    let next = 0;
    const takeUpTo = (name: string | undefined): void => {
      for (; next < names.length; next += 1) {
        const own = names[next] as string;
        if (name !== undefined && own > name) return;
        const row = newer.get(own) as Row | null;
        if (row !== null) keys.push(found(own, row.expiresAtMs));
      }
    };
    for (const [key, value] of rows) {
      const name = nameOf(key);
      takeUpTo(name);
      if (newer.has(name)) continue;
      const row = endings ? this.#codec.readRow(key, value) : undefined;
      if (endings && row === undefined) return this.#damaged(space, `The row ${JSON.stringify(name)}`);
      keys.push(found(name, row?.expiresAtMs ?? 0));
    }
    if (damaged) return this.#damaged(space, "A part of a slot's keys");
    if (complete) takeUpTo(undefined);
    return keys;
  }

  #damaged(space: MemorySpace, what: string): undefined {
    const { group, id } = space;
    if (space.state === "gone") return undefined;
    space.damaged(this.#env, new SherdError("SHERD_ROW_DAMAGED", `${what} of group ${group} (space ${id}).`));
    return undefined;
  }
}

const NAME_PREFIX_LENGTH = KEY_PREFIX_BYTES - SPACE_PREFIX_BYTES;

const slotName = (slot: number): string => String.fromCharCode(slot >>> 8, slot & 0xff, RowClass.primary);

const nameOf = (key: Uint8Array): string => latin1(key.subarray(SPACE_PREFIX_BYTES));

/** The engine's key of a name in the space of `like`. */
function keyOf(like: Uint8Array, name: string): Uint8Array {
  const key = new Uint8Array(SPACE_PREFIX_BYTES + name.length);
  key.set(like.subarray(0, SPACE_PREFIX_BYTES));
  for (let i = 0; i < name.length; i += 1) key[SPACE_PREFIX_BYTES + i] = name.charCodeAt(i);
  return key;
}

const slotOf = (name: string): FoundKey["slot"] => ((name.charCodeAt(0) << 8) | name.charCodeAt(1)) as FoundKey["slot"];

const placeOf = (name: string): KeyPlace => ({ slot: slotOf(name), key: name.slice(NAME_PREFIX_LENGTH) });

const found = (name: string, expiresAtMs: number): FoundKey => ({
  slot: slotOf(name),
  key: name.slice(NAME_PREFIX_LENGTH),
  expiresAtMs,
});

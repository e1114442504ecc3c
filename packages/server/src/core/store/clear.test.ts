import { expect, test } from "vitest";
import {
  CLEAR_BATCH_LONG_MS,
  CLEAR_BATCH_SHORT_MS,
  CLEAR_ROWS_PER_BATCH_MAX,
  CLEAR_ROWS_PER_BATCH_MIN,
  EVICT_STEPS_PER_PASS,
  FLUSH_ROWS_PER_PASS,
  index,
  KEY_OVERHEAD_BYTES,
  KEY_PAGE_KEYS_MAX,
  KEY_PAGES_AT_ONCE_MAX,
  latin1,
  latin1Bytes,
  slot,
} from "../base/index.ts";
import type { KeyPage, KeyPlace, KeyRange, SnapshotReader, Space, Stage } from "./index.ts";
import { chunksOf, flush, GROUP, makeSpace, Owner, peek, put, read, restOf, spaceOf } from "./testing/steps.ts";
import { row, slotOf, World } from "./testing/world.ts";

/** Numbers of the spaces that the engine holds rows of keys of. */
function numbersWithRows(world: World): number[] {
  const numbers = new Set<number>();
  for (const key of world.engine.crash().rows.keys()) {
    if (key.charCodeAt(6) === 0x01) numbers.add(key.charCodeAt(3));
  }
  return [...numbers];
}

function filled(keys = 3): { world: World; space: Space } {
  const world = new World();
  const space = makeSpace(world);
  space.putSystem("sessions", latin1Bytes("kept"));
  put(space, 1, Object.fromEntries(Array.from({ length: keys }, (_, n) => [`k${n}`, `v${n}`])));
  flush(world);
  return { world, space };
}

function pageOf(world: World, space: Space, range: KeyRange): KeyPage {
  const page = world.get<KeyPage | undefined>((done) => world.store?.keys(space, range, done));
  if (page === undefined) throw new Error("the space went");
  return page;
}

/** As the entry that empties a shard does. */
function clear(space: Space, at: number, then: Record<string, string | null> = {}): void {
  space.clear();
  put(space, at, then);
}

test("what is cleared is gone at once, in the same entry, and what comes after stays", () => {
  const { world, space } = filled();
  space.clear();
  expect([peek(space, "k0"), peek(space, "never")]).toEqual([null, null]);
  put(space, 2, { k1: "new" });
  expect(read(world, space, "k0", "k1")).toEqual([null, "new"]);
  expect(latin1(space.system("sessions") as Uint8Array)).toBe("kept");
  flush(world);
  expect(read(world, space, "k0", "k1")).toEqual([null, "new"]);
});

test("a crash before the flush finds all rows, one behind it none, and the old ones are cleared in the background", () => {
  const { world, space } = filled();
  clear(space, 2, { k1: "new" });
  const before = new World(undefined, world.engine.crash());
  expect(read(before, spaceOf(before), "k0", "k1")).toEqual(["v0", "v1"]);

  const { world: other, space: cleared } = filled();
  clear(cleared, 2, { k1: "new" });
  flush(other);
  const again = other.crash();
  const found = spaceOf(again);
  expect(found.appliedIndex).toBe(2);
  expect(again.store?.spaces).toHaveLength(1);
  expect(read(again, found, "k0", "k1")).toEqual([null, "new"]);
  expect(latin1(found.system("sessions") as Uint8Array)).toBe("kept");
  again.elapse(200);
  expect(numbersWithRows(again)).toEqual([found.id]);
});

test("cleared while a flush of its rows is being filled: these go under the old number, and a crash finds them there", () => {
  const world = new World();
  const space = makeSpace(world);
  const keys = FLUSH_ROWS_PER_PASS + 1;
  put(space, 1, Object.fromEntries(Array.from({ length: keys }, (_, n) => [`k${n}`, "old"])));
  const number = space.id;
  let flushed = false;
  world.store?.flush(() => {
    flushed = true;
  });
  // One portion of the batch.
  world.step();
  expect(flushed).toBe(false);
  clear(space, 2, { [`k${keys - 1}`]: "new" });
  while (!flushed) world.step();
  const between = new World(undefined, world.engine.crash());
  const found = spaceOf(between);
  expect([found.id, found.appliedIndex]).toEqual([number, 1]);
  expect(read(between, found, "k0", `k${keys - 1}`)).toEqual(["old", "old"]);
});

test("cleared again and again before a flush: one number, and nothing of what was between", () => {
  const { world, space } = filled();
  const first = space.id;
  clear(space, 2, { between: "x" });
  const second = space.id;
  clear(space, 3);
  expect([first === second, space.id]).toEqual([false, second]);
  flush(world);
  clear(space, 4, { last: "y" });
  expect(space.id).not.toBe(second);
  flush(world);
  const again = world.crash();
  const found = spaceOf(again);
  expect(read(again, found, "between", "k0", "last")).toEqual([null, null, "y"]);
  again.elapse(200);
  expect(numbersWithRows(again)).toEqual([found.id]);
});

test("a row that was asked for before all were cleared does not come back", () => {
  const { world } = filled();
  const again = world.crash();
  const space = spaceOf(again);
  let arrived = false;
  space.fetch([{ slot: slotOf("k0"), key: "k0" }], (pins) => {
    arrived = true;
    pins.release();
  });
  again.step();
  clear(space, 2);
  again.settle();
  expect([arrived, read(again, space, "k0")]).toEqual([true, [null]]);
  // The answer for the old generation is not counted either.
  expect(again.store?.stats.cacheBytes).toBeLessThan(2 * KEY_OVERHEAD_BYTES);
});

test("memory of what was cleared is given back, a portion a pass: changed, being flushed, or as in the engine", () => {
  for (const state of ["changed", "frozen", "clean"]) {
    const world = new World();
    const space = makeSpace(world);
    const keys = Array.from({ length: 3 * EVICT_STEPS_PER_PASS }, (_, n) => `k${n}`);
    put(space, 1, Object.fromEntries(keys.map((key) => [key, "v"])));
    if (state === "frozen") {
      world.store?.flush(() => undefined);
      world.step();
    }
    if (state === "clean") flush(world);
    clear(space, 2);
    world.settle();
    flush(world);
    expect(world.store?.stats, state).toMatchObject({ memtableBytes: 0, cacheBytes: 0 });
  }
});

test("a space that is dropped after it was cleared leaves no rows, flushed in between or not", () => {
  for (const flushed of [false, true]) {
    const { world, space } = filled();
    clear(space, 2, { k1: "new" });
    if (flushed) flush(world);
    world.done((done) => world.store?.dropSpace(space, done));
    world.elapse(300);
    expect(numbersWithRows(world)).toEqual([]);
  }
});

/** Rows that the batches of these ticks delete, when each takes so long. */
function clearedPerTick(keys: number, ticks: number, batchMs: number): number[] {
  const { world, space } = filled(keys);
  clear(space, 2);
  flush(world);
  const { engine } = world;
  const begin = engine.batch.bind(engine);
  let deleted = 0;
  engine.batch = () => {
    const batch = begin();
    const remove = batch.delete.bind(batch);
    const write = batch.write.bind(batch);
    batch.delete = (key) => {
      if (key[6] === 0x01) deleted += 1;
      remove(key);
    };
    batch.write = (done) =>
      write(() => {
        world.nowMs += batchMs;
        done();
      });
    return batch;
  };
  const each = Array.from({ length: ticks }, () => {
    const before = deleted;
    world.store?.tick();
    world.settle();
    return deleted - before;
  });
  expect(numbersWithRows(world).length).toBe(deleted < keys ? 1 : 0);
  return each;
}

test("rows are cleared in batches that grow while they are quick, and never beyond a limit", () => {
  const min = CLEAR_ROWS_PER_BATCH_MIN;
  const max = CLEAR_ROWS_PER_BATCH_MAX;
  const keys = 2 * max + min;
  const quick = clearedPerTick(keys, 7, CLEAR_BATCH_SHORT_MS - 1);
  expect(quick).toEqual([min, 2 * min, 4 * min, 8 * min, max, keys - max - 15 * min, 0]);
  expect(clearedPerTick(keys, 3, CLEAR_BATCH_SHORT_MS)).toEqual([min, min, min]);
  expect(clearedPerTick(keys, 3, CLEAR_BATCH_LONG_MS + 1)).toEqual([min, min, min]);
});

test("a snapshot shows the rows of its moment, whatever is cleared while it opens and while it is read", () => {
  const { world, space } = filled();
  put(space, 2, { late: "yes" });
  let reader: SnapshotReader | undefined;
  world.store?.openSnapshot(space, (opened) => {
    reader = opened;
  });
  // The flush has begun; it does not carry what is applied from here on.
  world.step();
  clear(space, 3, { after: "no" });
  world.settle();
  expect(reader?.applied).toBe(2);
  world.elapse(500);
  const chunks = restOf(world, reader as SnapshotReader);

  const other = new World();
  const old = makeSpace(other);
  const stage = other.get<Stage>((done) => other.store?.stage(old, done));
  for (const chunk of chunks) expect(other.get<boolean>((done) => stage.add(chunk, done))).toBe(true);
  other.done((done) => stage.commit(done));
  expect(read(other, stage.space, "k0", "late", "after")).toEqual(["v0", "yes", null]);
});

test("a snapshot arrives over a space that was cleared meanwhile: its rows serve, and no other generation stays", () => {
  for (const flushed of [false, true]) {
    const { world: sender, space: source } = filled();
    const chunks = chunksOf(sender, source);
    const { world, space } = filled(1);
    const stage = world.get<Stage>((done) => world.store?.stage(space, done));
    for (const chunk of chunks) expect(world.get<boolean>((done) => stage.add(chunk, done))).toBe(true);
    clear(space, 2, { only: "here" });
    if (flushed) flush(world);
    world.done((done) => stage.commit(done));
    const again = world.crash();
    const found = spaceOf(again);
    expect(again.store?.spaces).toHaveLength(1);
    expect(read(again, found, "k2", "only")).toEqual(["v2", null]);
    again.elapse(300);
    expect(numbersWithRows(again)).toEqual([found.id]);
  }
});

const FIRST_SLOT: KeyPlace = { slot: slot(0), key: undefined };

test("pages of keys go through slots in order and say when a key ends; a walk of pages sees each once", () => {
  const world = new World();
  const space = makeSpace(world);
  for (let n = 0; n < 40; n += 1) space.put(slotOf(`${n}`), `${n}`, row("v", 1, n % 2 === 0 ? 0 : 1_000 + n));
  space.applied(index(1));
  flush(world);
  put(space, 2, { "7": null, extra: "x" });
  const seen: string[] = [];
  for (let behind = FIRST_SLOT, complete = false; !complete; ) {
    const page = pageOf(world, space, { behind, toSlot: slot(3), keysMax: 6, endings: true });
    seen.push(...page.keys.map(({ slot: at, key, expiresAtMs }) => `${at}:${key}:${expiresAtMs}`));
    ({ complete, upTo: behind } = page);
  }
  const expected = ["extra", ...Array.from({ length: 40 }, (_, n) => `${n}`)].filter((key) => key !== "7");
  const ends = (key: string): number => (key === "extra" || Number(key) % 2 === 0 ? 0 : 1_000 + Number(key));
  expect(seen.toSorted()).toEqual(expected.map((key) => `${slotOf(key)}:${key}:${ends(key)}`).toSorted());
  expect(seen.map((text) => text[0])).toEqual(seen.map((text) => text[0]).toSorted());
});

test("a page of one slot of many keys does not grow with what is in memory", () => {
  const world = new World();
  const space = makeSpace(world);
  const keys = Array.from({ length: 5_000 }, (_, n) => `a${String(n).padStart(5, "0")}`);
  put(space, 1, Object.fromEntries(keys.map((key) => [key, "v"])));
  const range = { behind: FIRST_SLOT, toSlot: slot(3), keysMax: KEY_PAGE_KEYS_MAX, endings: true };
  const page = pageOf(world, space, range);
  expect(page.keys.map(({ key }) => key)).toEqual(keys.slice(0, KEY_PAGE_KEYS_MAX));
  expect(page).toMatchObject({ complete: false, upTo: { slot: slotOf("a"), key: keys[KEY_PAGE_KEYS_MAX - 1] } });
});

test("pages that are asked for together are read a few at a time, each as of its turn; none once its space has gone", () => {
  for (const goes of [false, true]) {
    const { world, space } = filled();
    const range = { behind: FIRST_SLOT, toSlot: slot(3), keysMax: 10, endings: false };
    const pages: (KeyPage | undefined)[] = [];
    let open = 0;
    const { engine } = world;
    const snapshot = engine.snapshot.bind(engine);
    engine.snapshot = () => {
      open += 1;
      expect(open).toBeLessThanOrEqual(KEY_PAGES_AT_ONCE_MAX);
      const taken = snapshot();
      const close = taken.close.bind(taken);
      taken.close = () => {
        open -= 1;
        close();
      };
      return taken;
    };
    for (let n = 0; n < 5 * KEY_PAGES_AT_ONCE_MAX; n += 1) {
      world.store?.keys(space, range, (page) => pages.push(page));
    }
    if (goes) world.store?.dropSpace(space, () => undefined);
    else put(space, 2, { k1: null, late: "v" });
    world.settle();
    const shown = pages.map((page) => page?.keys.map(({ key }) => key).toSorted());
    const first = Array.from({ length: KEY_PAGES_AT_ONCE_MAX }, () => ["k0", "k1", "k2"]);
    const later = Array.from({ length: 4 * KEY_PAGES_AT_ONCE_MAX }, () => ["k0", "k2", "late"]);
    // Those whose turn never comes are told before the last ones that are being read.
    if (goes) expect(shown.filter((keys) => keys !== undefined)).toEqual(first);
    else expect(shown).toEqual([...first, ...later]);
    expect(shown).toHaveLength(first.length + later.length);
    expect(open).toBe(0);
  }
});

test("a damaged row in a page of keys stops the replica instead of hiding a key", () => {
  const { world } = filled();
  const { rows } = world.engine.crash();
  const damaged = new Map(rows);
  const key = [...damaged.keys()].find((name) => name.endsWith("k1")) as string;
  const value = (damaged.get(key) as Uint8Array).slice();
  value[3] = (value[3] as number) ^ 1;
  damaged.set(key, value);
  const again = new World(undefined, { rows: damaged });
  const space = spaceOf(again, GROUP);
  const owner = new Owner();
  space.setOwner(owner);
  again.store?.keys(space, { behind: FIRST_SLOT, toSlot: slot(3), keysMax: 10, endings: true }, () => {
    throw new Error("a page with a hole was given");
  });
  again.settle();
  expect(owner.damaged.map(({ code }) => code)).toEqual(["SHERD_ROW_DAMAGED"]);
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FILTER_BITS_PER_KEY, FILTER_SEGMENT_BYTES_MIN, index } from "../base/index.ts";
import { FilterMemory, KeyFilter } from "./key-filter.ts";
import { flush, makeSpace, peek, put, REPLICA, read } from "./testing/steps.ts";
import { slotOf, World } from "./testing/world.ts";

const MIB = 1 << 20;
const filterOf = (bytesMax = MIB): { filter: KeyFilter; memory: FilterMemory } => {
  const memory = new FilterMemory(bytesMax);
  return { filter: new KeyFilter(memory), memory };
};

describe("a filter", () => {
  test("lacks no key that was added, whatever the keys, and whether or not its memory sufficed", () => {
    const key = fc.string({ unit: "binary-ascii", maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(key),
        fc.integer({ min: 0, max: 80_000 }),
        fc.constantFrom(0, 16 << 10, MIB),
        (keys, n, max) => {
          const { filter, memory } = filterOf(max);
          const added: string[] = [];
          for (const each of [...keys, ...Array.from({ length: n % 2 === 0 ? 0 : n / 4 }, (_, i) => `${n}:${i}`)]) {
            filter.add(each);
            added.push(each);
          }
          expect(added.filter((each) => filter.lacks(each))).toEqual([]);
          expect(memory.bytes).toBeLessThanOrEqual(max);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("lacks most others: one in fifty at most is read for nothing, for each of its segments", () => {
    const { filter, memory } = filterOf();
    const count = 220_000;
    for (let at = 0; at < count; at += 1) filter.add(`key:${at}`);
    let wrong = 0;
    for (let at = 0; at < count; at += 1) if (!filter.lacks(`other:${at}`)) wrong += 1;
    let segments = 0;
    for (let bytes = 0; bytes < memory.bytes; segments += 1) bytes += FILTER_SEGMENT_BYTES_MIN * 2 ** segments;
    expect(segments).toBe(5);
    expect(wrong / count).toBeLessThan(0.02 * segments);
    // The newest segment may be empty, and is as large as all others together.
    expect(memory.bytes * 8).toBeLessThan(count * FILTER_BITS_PER_KEY * 2 + FILTER_SEGMENT_BYTES_MIN * 8);
  });

  test("takes nothing until there is a key, nothing for a key that it has, and gives all back", () => {
    const { filter, memory } = filterOf();
    expect(filter.lacks("a")).toBe(true);
    expect(memory.bytes).toBe(0);
    for (let at = 0; at < 100_000; at += 1) filter.add("a");
    expect(memory.bytes).toBe(FILTER_SEGMENT_BYTES_MIN);
    filter.drop();
    expect(memory.bytes).toBe(0);
    filter.add("b");
    expect([memory.bytes, filter.lacks("c")]).toEqual([0, false]);
  });
});

describe("a space that began empty", () => {
  test("is not read for keys that it never had, and is for those that it had", () => {
    const world = new World();
    const store = world.open(0);
    const space = makeSpace(world);
    put(space, 1, { a: "1", gone: "1" });
    flush(world);
    put(space, 2, { gone: null });
    flush(world);
    world.settle();
    expect([peek(space, "a"), peek(space, "gone"), peek(space, "new")]).toEqual([undefined, undefined, null]);
    expect(read(world, space, "new", "newer")).toEqual([null, null]);
    expect(store.stats.cacheMisses).toBe(0);
    expect(read(world, space, "a", "gone", "new")).toEqual(["1", null, null]);
    expect(store.stats.cacheMisses).toBe(2);
    expect(store.stats.filtersBytes).toBe(FILTER_SEGMENT_BYTES_MIN);
  });

  test("is another one when it is cleared, and gives its filter back when it goes", () => {
    const world = new World();
    const store = world.open(0);
    const space = makeSpace(world);
    put(space, 1, { a: "1" });
    flush(world);
    space.clear();
    space.applied(index(2));
    expect([peek(space, "a"), store.stats.filtersBytes]).toEqual([null, 0]);
    put(space, 3, { b: "1" });
    flush(world);
    world.settle();
    expect([peek(space, "a"), peek(space, "b")]).toEqual([null, undefined]);
    expect(store.stats.filtersBytes).toBe(FILTER_SEGMENT_BYTES_MIN);
    world.done((done) => store.dropSpace(space, done));
    expect(store.stats.filtersBytes).toBe(0);
  });

  test("is read again after a restart: nobody knows its keys", () => {
    const before = new World();
    put(makeSpace(before), 1, { a: "1" });
    flush(before);
    const world = before.crash();
    const store = world.open();
    const space = store.spaces[0] as (typeof store.spaces)[number];
    expect([peek(space, "new"), store.stats.filtersBytes]).toEqual([undefined, 0]);
    expect([space.replica, read(world, space, "a", "new")]).toEqual([REPLICA, ["1", null]]);
    expect(space.head(slotOf("new"), "new")).toBeNull();
    expect(store.stats.cacheMisses).toBe(2);
  });
});

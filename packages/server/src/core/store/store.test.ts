import { describe, expect, test } from "vitest";
import {
  FLUSH_AGE_MS,
  FLUSH_ROWS_PER_PASS,
  groupId,
  index,
  latin1,
  latin1Bytes,
  MEMTABLE_BYTES_MAX,
} from "../base/index.ts";
import type { Pins, Space, Store } from "./index.ts";
import { flush, GROUP, makeSpace, NO_SYSTEM, Owner, peek, put, REPLICA, read, spaceOf } from "./testing/steps.ts";
import { row, slotOf, World } from "./testing/world.ts";

/** A space of which nobody knows what rows it has: one that has just begun is known to have none. */
function restarted(cacheBytesMax?: number): { world: World; store: Store; space: Space } {
  const before = new World();
  makeSpace(before);
  const world = before.crash();
  const store = world.open(cacheBytesMax);
  return { world, store, space: store.spaces[0] as Space };
}

describe("rows", () => {
  test("what is put is read at once, what is deleted is known to be absent, the rest must be fetched", () => {
    const { world, space } = restarted();
    put(space, 1, { a: "1", b: "1", c: null });
    put(space, 2, { a: "2", b: null });
    expect([peek(space, "a"), peek(space, "b"), peek(space, "c"), peek(space, "d")]).toEqual([
      "2",
      null,
      null,
      undefined,
    ]);
    expect(read(world, space, "a", "d")).toEqual(["2", null]);
    expect(peek(space, "d")).toBe(null);
  });

  test("kind, version, expiry and every byte of key and payload come back from the engine", () => {
    const everyByte = latin1(Uint8Array.from({ length: 256 }, (_, i) => i));
    const world = new World();
    const space = makeSpace(world);
    const expiring = { ...row(everyByte, 2 ** 40, 1_900_000_000_000), payload: latin1Bytes(everyByte.repeat(3)) };
    space.put(slotOf(everyByte), everyByte, expiring);
    space.put(slotOf(""), "", row("", 5));
    space.applied(index(1));
    flush(world);
    const after = world.crash();
    const again = spaceOf(after);
    expect(read(after, again, everyByte, "")).toHaveLength(2);
    expect(again.get(slotOf(everyByte), everyByte)).toEqual(expiring);
    expect(again.get(slotOf(""), "")).toEqual(row("", 5));
  });

  test.each([4, 5_000, 100_000])(
    "a row owns its bytes: a buffer whose view was put may change (%i bytes)",
    (length) => {
      const world = new World();
      world.open(0);
      const space = makeSpace(world);
      const buffer = new Uint8Array(length + 2).fill(7);
      space.put(slotOf("a"), "a", { ...row(""), payload: buffer.subarray(1, -1) });
      space.applied(index(1));
      buffer.fill(0);
      expect(space.get(slotOf("a"), "a")?.payload).toEqual(new Uint8Array(length).fill(7));
      flush(world);
      expect(read(world, space, "a")).toEqual(["\x07".repeat(length)]);
    },
  );

  test("rows that share memory keep what they hold while the cache moves and drops the others", () => {
    const world = new World();
    world.open(100_000);
    const space = makeSpace(world);
    const values = new Map<string, string>();
    for (let at = 1; at <= 2_000; at += 1) {
      const key = `${(at * 7_919) % 1_000}`;
      values.set(key, `${key}:${"p".repeat(at % 300)}:${at}`);
      put(space, at, { [key]: values.get(key) as string });
      if (at % 50 === 0) flush(world);
      peek(space, "7");
    }
    flush(world);
    for (const [key, value] of values) expect(read(world, space, key)).toEqual([value]);
  });

  test("a fetch answers in a later event also when everything is resident", () => {
    const world = new World();
    const space = makeSpace(world);
    put(space, 1, { a: "1" });
    let answered = false;
    space.fetch([{ slot: slotOf("a"), key: "a" }], () => {
      answered = true;
    });
    expect(answered).toBe(false);
    world.settle();
    expect(answered).toBe(true);
  });

  test("fetches of one pass are one read of the engine, and a key is asked for once", () => {
    const { world, space } = restarted();
    const reads: number[] = [];
    const getMany = world.engine.getMany.bind(world.engine);
    world.engine.getMany = (keys, done) => {
      reads.push(keys.length);
      getMany(keys, done);
    };
    const order: string[] = [];
    const want = (name: string, ...keys: string[]): void =>
      space.fetch(
        keys.map((key) => ({ slot: slotOf(key), key })),
        () => order.push(name),
      );
    want("first", "a", "b");
    want("second", "b", "c");
    want("third", "a");
    world.settle();
    expect(reads).toEqual([3]);
    expect(order).toEqual(["first", "second", "third"]);
  });
});

describe("the cache", () => {
  const LIMIT = 10_000;
  const value = "x".repeat(800);

  test("stays within its limit, and what it dropped is fetched again", () => {
    const world = new World();
    const store = world.open(LIMIT);
    const space = makeSpace(world);
    for (let i = 0; i < 50; i += 1) put(space, i + 1, { [`${i}`]: `${value}${i}` });
    expect(store.stats.cacheBytes).toBe(0);
    flush(world);
    expect(store.stats.memtableBytes).toBe(0);
    expect(store.stats.cacheBytes).toBeLessThanOrEqual(LIMIT);
    expect(store.stats.cacheBytes).toBeGreaterThan(LIMIT / 2);
    for (let i = 0; i < 50; i += 1) expect(read(world, space, `${i}`)).toEqual([`${value}${i}`]);
    expect(store.stats.cacheBytes).toBeLessThanOrEqual(LIMIT + value.length + 600);
  });

  test("the absence of keys is counted as well", () => {
    const { world, store, space } = restarted(LIMIT);
    for (let i = 0; i < 1000; i += 1) read(world, space, `missing${i}`);
    expect(store.stats.cacheBytes).toBeGreaterThan(LIMIT / 2);
    expect(store.stats.cacheBytes).toBeLessThanOrEqual(LIMIT + 300);
    expect(peek(space, "missing0")).toBe(undefined);
  });

  test("what is pinned stays, what is used stays longer than what is not", () => {
    const world = new World();
    world.open(LIMIT);
    const space = makeSpace(world);
    put(space, 1, { pinned: "1", used: "1", unused: "1" });
    const pins = world.get<Pins>((done) => space.fetch([{ slot: slotOf("pinned"), key: "pinned" }], done));
    flush(world);
    for (let i = 0; i < 40; i += 1) {
      peek(space, "used");
      read(world, space, `${i}`, `${value}${i}`);
    }
    expect([peek(space, "pinned"), peek(space, "used"), peek(space, "unused")]).toEqual(["1", "1", undefined]);
    pins.release();
    for (let i = 0; i < 40; i += 1) read(world, space, `${i}`, `${value}${i}`);
    expect(peek(space, "pinned")).toBe(undefined);
  });

  test("bytes are accounted for exactly: after everything is deleted, flushed and evicted nothing is left", () => {
    const world = new World();
    const store = world.open(0);
    const space = makeSpace(world);
    for (let round = 1; round <= 6; round += 1) {
      for (let i = 0; i < 30; i += 1)
        put(space, round * 100 + i, { [`${i}`]: round % 3 === 0 ? null : "y".repeat(i * round) });
      // The next round's changes meet rows that are frozen, flushed, or dropped.
      store.flush(() => undefined);
      for (let steps = 0; steps < round * 3; steps += 1) world.step();
    }
    flush(world);
    expect(store.stats).toMatchObject({ memtableBytes: 0, cacheBytes: 0 });
  });
});

describe("flushing", () => {
  test("changes are durable after FLUSH_AGE_MS, and not before", () => {
    const world = new World();
    const owner = new Owner();
    const space = makeSpace(world);
    space.setOwner(owner);
    put(space, 1, { a: "1" });
    world.elapse(FLUSH_AGE_MS - 50);
    expect(owner.durable).toEqual([]);
    world.elapse(100);
    expect(owner.durable).toEqual([1]);
    world.elapse(10 * FLUSH_AGE_MS);
    expect(owner.durable).toEqual([1]);
    const after = world.crash();
    expect(spaceOf(after).appliedIndex).toBe(1);
  });

  test("a crash keeps what was flushed and nothing else, rows and system rows of the same moment", () => {
    const world = new World();
    const space = makeSpace(world);
    const owner = new Owner();
    owner.freeze = () => space.putSystem("applied", latin1Bytes(`at ${space.appliedIndex}`));
    space.setOwner(owner);
    put(space, 1, { a: "1" });
    put(space, 2, { b: "2" });
    flush(world);
    put(space, 3, { a: "3", b: null });
    const after = world.crash();
    const again = spaceOf(after);
    expect(again.appliedIndex).toBe(2);
    expect(latin1(again.system("applied") as Uint8Array)).toBe("at 2");
    expect(read(after, again, "a", "b")).toEqual(["1", "2"]);
  });

  test("what changes while a flush runs belongs to the next one", () => {
    const world = new World();
    const space = makeSpace(world);
    const owner = new Owner();
    space.setOwner(owner);
    put(space, 1, { a: "1", b: "1" });
    world.store?.flush(() => put(space, 3, { c: "3" }));
    world.step();
    put(space, 2, { a: "2", b: null });
    world.settle();
    expect(owner.durable).toEqual([1]);
    expect([peek(space, "a"), peek(space, "b")]).toEqual(["2", null]);
    const image = world.crash();
    expect(read(image, spaceOf(image), "a", "b", "c")).toEqual(["1", "1", null]);
  });

  test("a flush is durable only when everything applied before the call is", () => {
    const world = new World();
    const space = makeSpace(world);
    const owner = new Owner();
    space.setOwner(owner);
    put(space, 1, { a: "1" });
    world.store?.flush(() => undefined);
    world.step();
    put(space, 2, { a: "2" });
    world.done((done) => world.store?.flush(done));
    expect(owner.durable).toEqual([1, 2]);
  });

  test("a large flush is filled in portions, holds the state of its beginning and is one batch", () => {
    const world = new World();
    const space = makeSpace(world);
    const changes: Record<string, string> = {};
    const last = `k${4 * FLUSH_ROWS_PER_PASS}`;
    for (let i = 0; i <= 4 * FLUSH_ROWS_PER_PASS; i += 1) changes[`k${i}`] = "old";
    put(space, 1, changes);
    let puts = 0;
    let perPass = 0;
    const makeBatch = world.engine.batch.bind(world.engine);
    world.engine.batch = () => {
      const batch = makeBatch();
      const put = batch.put.bind(batch);
      batch.put = (key, value) => {
        puts += 1;
        put(key, value);
      };
      return batch;
    };
    world.store?.flush(() => undefined);
    while (puts === 0) world.step();
    put(space, 2, { [last]: "new", k0: null });
    const begun = puts;
    for (let before = puts; world.step(); before = puts) perPass = Math.max(perPass, puts - before);
    expect(begun).toBe(FLUSH_ROWS_PER_PASS);
    // The marker comes on top of the last portion.
    expect(perPass).toBeLessThanOrEqual(FLUSH_ROWS_PER_PASS + 1);
    const after = world.crash();
    const again = spaceOf(after);
    expect(again.appliedIndex).toBe(1);
    expect(read(after, again, last, "k0")).toEqual(["old", "old"]);
  });

  test("a full memtable says so until a flush has made room", () => {
    const world = new World();
    const space = makeSpace(world);
    const payload = "z".repeat(1 << 20);
    let at = 0;
    while (!world.store?.full) put(space, (at += 1), { [`${at}`]: payload });
    expect(at).toBeLessThanOrEqual(MEMTABLE_BYTES_MAX / payload.length);
    flush(world);
    expect(world.store.full).toBe(false);
  });

  test("a flush in the middle of an entry is a broken invariant", () => {
    const world = new World();
    const space = makeSpace(world);
    space.put(slotOf("a"), "a", row("1"));
    expect(() => flush(world)).toThrow("between entries");
  });

  test("a flush without changes completes without a batch", () => {
    const world = new World();
    makeSpace(world);
    const before = world.store?.stats.flushes;
    flush(world);
    expect(world.store?.stats.flushes).toBe(before);
  });

  test("close flushes", () => {
    const world = new World();
    const space = makeSpace(world);
    put(space, 1, { a: "1" });
    world.done((done) => world.store?.close(done));
    const after = world.crash();
    expect(read(after, spaceOf(after), "a")).toEqual(["1"]);
  });
});

describe("a fetch that races a flush", () => {
  test("the engine's older answer never replaces what was put meanwhile, not even after that was flushed", () => {
    const world = new World();
    world.open(0);
    const space = makeSpace(world);
    put(space, 1, { k: "old" });
    flush(world);
    expect(peek(space, "k")).toBe(undefined);

    // The engine reads "old" now, and its answer is held back.
    const getMany = world.engine.getMany.bind(world.engine);
    let deliver: (() => void) | undefined;
    world.engine.getMany = (keys, done) =>
      getMany(keys, (values) => {
        deliver = () => done(values);
      });
    let seen: string | null | undefined;
    space.fetch([{ slot: slotOf("k"), key: "k" }], (pins) => {
      seen = peek(space, "k");
      pins.release();
    });
    world.settle();
    expect(deliver).toBeDefined();

    // Meanwhile an entry changes the row, and a whole flush takes it to the engine. The cache has no room at all.
    put(space, 2, { k: "new" });
    flush(world);
    flush(world);
    expect(peek(space, "k")).toBe("new");

    deliver?.();
    world.settle();
    expect(seen).toBe("new");
    world.engine.getMany = getMany;
    expect(read(world, space, "k")).toEqual(["new"]);
  });
});

describe("system rows", () => {
  test("are in memory from the start, sorted by name, and deleted for good", () => {
    const world = new World();
    const store = world.open();
    const system = new Map([["conf", latin1Bytes("c")]]);
    const space = world.get<Space>((done) => store.createSpace(GROUP, REPLICA, system, done));
    for (let i = 0; i < 2_500; i += 1) space.putSystem(`session.${i}`, latin1Bytes(`${i}`));
    space.applied(index(1));
    flush(world);
    space.deleteSystem("session.1");
    space.applied(index(2));
    flush(world);
    const again = spaceOf(world.crash());
    expect(again.systemNames("session.")).toHaveLength(2_499);
    expect(again.systemNames("session.2").slice(0, 3)).toEqual(["session.2", "session.20", "session.200"]);
    expect(again.system("session.1")).toBe(undefined);
    expect(latin1(again.system("conf") as Uint8Array)).toBe("c");
  });
});

describe("spaces", () => {
  test("numbers are never used again, and a dropped space is cleared across restarts", () => {
    let world = new World();
    const first = makeSpace(world);
    const other = makeSpace(world, groupId(8));
    const changes: Record<string, string> = {};
    for (let i = 0; i < 3_000; i += 1) changes[`k${i}`] = "v";
    put(first, 1, changes);
    put(other, 1, { k0: "kept" });
    flush(world);
    world.done((done) => world.store?.dropSpace(first, done));
    world.elapse(100);
    const rowsLeft = (): number =>
      [...world.engine.crash().rows.keys()].filter((key) => key.charCodeAt(3) === first.id).length;
    expect(rowsLeft()).toBeGreaterThan(0);

    world = world.crash();
    expect(world.open().spaces.map(({ group }) => group)).toEqual([8]);
    world.elapse(1_000);
    const kept = world.store?.spaces[0] as Space;
    expect(read(world, kept, "k0")).toEqual(["kept"]);
    const next = makeSpace(world);
    expect(next.id).toBeGreaterThan(Math.max(first.id, other.id));
    expect(read(world, next, "k0", "k1")).toEqual([null, null]);
    expect(rowsLeft()).toBe(0);
  });

  test("a space dropped while its rows are being flushed leaves nothing behind", () => {
    const world = new World();
    const space = makeSpace(world);
    const changes: Record<string, string> = {};
    for (let i = 0; i < 2_000; i += 1) changes[`k${i}`] = "v";
    put(space, 1, changes);
    world.store?.flush(() => undefined);
    world.step();
    world.done((done) => world.store?.dropSpace(space, done));
    world.elapse(2_000);
    const left = [...world.engine.crash().rows.keys()].filter((key) => key.charCodeAt(3) === space.id);
    expect(left).toEqual([]);
    expect(world.store?.stats).toMatchObject({ memtableBytes: 0, cacheBytes: 0 });
  });

  test("a space that no crash let become durable does not exist", () => {
    const world = new World();
    world.open();
    world.store?.createSpace(GROUP, REPLICA, NO_SYSTEM, () => undefined);
    world.step();
    const after = world.crash();
    expect(after.open().spaces).toEqual([]);
  });
});

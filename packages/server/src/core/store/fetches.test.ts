import { describe, expect, test } from "vitest";
import {
  COMMAND_VALUES_BYTES_MAX,
  FETCH_BATCH_BYTES_TARGET,
  FETCH_KEYS_PER_BATCH_MAX,
  HEAD_VALUE_BYTES_MAX,
  index,
  KEY_OVERHEAD_BYTES,
  latin1Bytes,
  VALUE_OVERHEAD_BYTES,
} from "../base/index.ts";
import type { FetchUrgency, Pins, RowNeed, Space, StoreOptions } from "./index.ts";
import { flush, makeSpace, peek, put } from "./testing/steps.ts";
import { row, slotOf, World } from "./testing/world.ts";

const MIB = 1 << 20;
const LARGE = "x".repeat(HEAD_VALUE_BYTES_MAX + 1);
const SMALL = "y".repeat(HEAD_VALUE_BYTES_MAX);

const need = (key: string, more: Partial<RowNeed> = {}): RowNeed => ({ slot: slotOf(key), key, ...more });
const head = (space: Space, key: string): number | null | undefined => {
  const found = space.head(slotOf(key), key);
  return found === null || found === undefined ? found : found.payload.length;
};

const isWhole = (space: Space, key: string): boolean => space.get(slotOf(key), key) !== undefined;

/** Rows that are in the engine, and a store that has nothing in memory. */
class Cold {
  readonly world: World;
  readonly space: Space;
  /** How many keys each read of the engine asked for, and how many bytes it brought. */
  readonly reads: { readonly keys: number; bytes: number }[] = [];
  inflight = 0;

  constructor(rows: Record<string, Uint8Array | string>, options: StoreOptions = { cacheBytesMax: 0 }) {
    const before = new World();
    before.open(0);
    const space = makeSpace(before);
    for (const [key, value] of Object.entries(rows)) {
      const payload = typeof value === "string" ? latin1Bytes(value) : value;
      space.put(slotOf(key), key, { ...row(""), payload });
    }
    space.applied(index(1));
    flush(before);
    this.world = before.crash();
    this.world.open(options.cacheBytesMax, this.world.engine, options);
    this.space = this.world.store?.spaces[0] as Space;
    this.#watch();
  }

  #watch(): void {
    const { engine } = this.world;
    const getMany = engine.getMany.bind(engine);
    engine.getMany = (keys, done) => {
      const read = { keys: keys.length, bytes: 0 };
      this.reads.push(read);
      this.inflight += 1;
      getMany(keys, (values) => {
        this.inflight -= 1;
        for (const value of values) read.bytes += value?.length ?? 0;
        done(values);
      });
    };
  }

  fetch(...needs: RowNeed[]): Pins {
    return this.world.get<Pins>((done) => this.space.fetch(needs, done));
  }

  get stats(): NonNullable<World["store"]>["stats"] {
    return (this.world.store as NonNullable<World["store"]>).stats;
  }
}

const many = <T>(count: number, value: T): Record<string, T> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, value]));

describe("heads", () => {
  test("of a row that is not looked at only the head stays, unless it is small", () => {
    const cold = new Cold({ large: LARGE, small: SMALL });
    const pins = cold.fetch(need("large", { headOnly: true }), need("small", { headOnly: true }), need("none"));
    expect([head(cold.space, "large"), head(cold.space, "small")]).toEqual([LARGE.length, SMALL.length]);
    expect(head(cold.space, "none")).toBeNull();
    expect(peek(cold.space, "large")).toBeUndefined();
    expect(peek(cold.space, "small")).toBe(SMALL);
    // Whoever looks at it gets it, without losing what is known.
    const whole = cold.fetch(need("large"));
    expect(peek(cold.space, "large")).toBe(LARGE);
    whole.release();
    pins.release();
  });

  test("a row that is changed while its value is on its way stays changed", () => {
    const cold = new Cold({ k: LARGE });
    const pins = cold.fetch(need("k", { headOnly: true }));
    let arrived = false;
    cold.space.fetch([need("k")], (whole) => {
      arrived = true;
      whole.release();
    });
    cold.world.step();
    expect(cold.inflight).toBe(1);
    put(cold.space, 9, { k: "new" });
    // Flushed, and of no use to anybody but the fetches: nothing may forget it and then believe the older answer.
    flush(cold.world);
    expect(arrived).toBe(true);
    expect(peek(cold.space, "k")).toBe("new");
    pins.release();
  });

  test("many large rows of which the heads are needed take little memory at any moment", () => {
    const cold = new Cold(many(40, new Uint8Array(MIB)));
    const pins = cold.fetch(...Object.keys(many(40, "")).map((key) => need(key, { headOnly: true })));
    for (const key of Object.keys(many(40, ""))) expect(head(cold.space, key)).toBe(MIB);
    expect(cold.stats.cacheBytesPeak).toBeLessThan(40 * (KEY_OVERHEAD_BYTES + VALUE_OVERHEAD_BYTES + 10));
    pins.release();
    cold.world.elapse(100);
    expect(cold.stats.cacheBytes).toBe(0);
  });

  test("the value of a row that is only pinned for its head makes room when the cache is full", () => {
    const cold = new Cold({ k: LARGE });
    const heads = cold.fetch(need("k", { headOnly: true }));
    const whole = cold.fetch(need("k"));
    expect(cold.stats.pinnedBytes).toBe(LARGE.length);
    whole.release();
    const { losses } = cold.space;
    cold.world.settle();
    expect(peek(cold.space, "k")).toBeUndefined();
    expect(cold.space.losses).toBeGreaterThan(losses);
    expect(head(cold.space, "k")).toBe(LARGE.length);
    expect(cold.stats.pinnedBytes).toBe(0);
    heads.release();
  });
});

describe("one command's values", () => {
  const count = COMMAND_VALUES_BYTES_MAX / MIB + 6;
  const keys = Object.keys(many(count, ""));

  test("are given up when they are too many: their heads say so", () => {
    const cold = new Cold(many(count, new Uint8Array(MIB)));
    const pins = cold.fetch(...keys.map((key) => need(key, { together: 1 })));
    for (const key of keys) expect(head(cold.space, key)).toBe(MIB);
    expect(keys.filter((key) => isWhole(cold.space, key))).toEqual([]);
    expect(cold.stats).toMatchObject({ pinnedBytes: 0 });
    const bound = COMMAND_VALUES_BYTES_MAX + FETCH_KEYS_PER_BATCH_MAX * MIB;
    expect(cold.stats.cacheBytesPeak).toBeLessThan(bound);
    // What is known needs no reading.
    const reads = cold.reads.length;
    cold.fetch(...keys.map((key) => need(key, { together: 2 }))).release();
    expect(cold.reads.length).toBe(reads);
    pins.release();
  });

  test("are all fetched when they are just as many as a command may need, and one named twice counts once", () => {
    const cold = new Cold(many(count, new Uint8Array(MIB)));
    const allowed = keys.slice(0, COMMAND_VALUES_BYTES_MAX / MIB);
    const pins = cold.fetch(...allowed.map((key) => need(key, { together: 1 })), need("k0", { together: 1 }));
    expect(allowed.filter((key) => !isWhole(cold.space, key))).toEqual([]);
    expect(cold.stats.pinnedBytes).toBe(COMMAND_VALUES_BYTES_MAX);
    pins.release();
    expect(cold.stats.pinnedBytes).toBe(0);
  });

  test("of several commands in one fetch are judged each by itself", () => {
    const cold = new Cold({ ...many(count, new Uint8Array(MIB)), other: LARGE });
    const pins = cold.fetch(
      ...keys.map((key) => need(key, { together: 1 })),
      need("other", { together: 2 }),
      need("k0"),
    );
    expect(peek(cold.space, "other")).toBe(LARGE);
    expect([isWhole(cold.space, "k0"), isWhole(cold.space, "k1")]).toEqual([true, false]);
    pins.release();
  });
});

test("heavy reads are followed by small ones, one at a time; light ones by larger ones again", () => {
  const value = new Uint8Array(FETCH_BATCH_BYTES_TARGET / 2 - 100);
  const light = Object.keys(many(200, "")).map((key) => `light ${key}`);
  const cold = new Cold({ ...many(40, value), ...Object.fromEntries(light.map((key) => [key, "1"])) });
  cold.fetch(...Object.keys(many(40, "")).map((key) => need(key, { headOnly: true }))).release();
  const [first, second, ...later] = cold.reads.map(({ keys }) => keys);
  // Both had begun before anything was known.
  expect([first, second]).toEqual([FETCH_KEYS_PER_BATCH_MAX, 40 - FETCH_KEYS_PER_BATCH_MAX]);
  expect(later).toEqual([]);
  cold.reads.length = 0;
  cold.fetch(...Object.keys(many(40, "")).map((key) => need(key))).release();
  // Now their lengths are known.
  expect(cold.reads.map(({ keys }) => keys)).toEqual(Array.from({ length: 20 }, () => 2));
  cold.reads.length = 0;
  cold.fetch(...light.map((key) => need(key))).release();
  expect(cold.reads[0]?.keys).toBeLessThanOrEqual(2);
  expect(cold.reads.at(-2)?.keys).toBe(FETCH_KEYS_PER_BATCH_MAX);
});

describe("what is fetched in the background", () => {
  const keys = Object.keys(many(200, ""));

  /** In which order fetches end. */
  function order(...asks: readonly (readonly [urgency: FetchUrgency, from: number, to: number])[]): string {
    const cold = new Cold(many(200, "1"));
    const ended: string[] = [];
    for (const [urgency, from, to] of asks) {
      const needs = keys.slice(from, to).map((key) => need(key));
      cold.space.fetch(needs, () => ended.push(`${urgency} ${from}`), urgency);
    }
    cold.world.settle();
    return ended.join(", ");
  }

  test("is read alone, one read at a time, when nobody wants anything else", () => {
    const cold = new Cold(many(200, "1"));
    let ended = false;
    cold.space.fetch(
      keys.map((key) => need(key)),
      () => {
        ended = true;
      },
      "background",
    );
    let most = 0;
    while (cold.world.step()) most = Math.max(most, cold.inflight);
    expect([ended, most]).toEqual([true, 1]);
  });

  test("lets all others go before it", () => {
    expect(order(["background", 0, 100], ["now", 100, 200])).toBe("now 100, background 0");
    expect(order(["background", 0, 100], ["ahead", 100, 200])).toBe("ahead 100, background 0");
  });

  test("goes sooner when somebody else needs it", () => {
    expect(order(["background", 0, 100], ["background", 100, 200], ["now", 150, 160])).toBe(
      "now 150, background 0, background 100",
    );
    expect(order(["background", 0, 100], ["background", 100, 200], ["ahead", 150, 160], ["now", 150, 160])).toBe(
      "ahead 150, now 150, background 0, background 100",
    );
  });
});

describe("when the rows in memory are far beyond the cache's limit", () => {
  const value = "v".repeat(40_000);

  class Crowded extends Cold {
    readonly ended: string[] = [];
    readonly pins: Map<string, Pins> = new Map();

    constructor() {
      super(many(30, value), { cacheBytesMax: 0, fetchedBytesMax: 100_000 });
    }

    ask(name: string, urgency: FetchUrgency, from: number, to: number): void {
      const needs = Object.keys(many(30, ""))
        .slice(from, to)
        .map((key) => need(key));
      const done = (pins: Pins): void => {
        this.ended.push(name);
        this.pins.set(name, pins);
      };
      this.space.fetch(needs, done, urgency);
    }
  }

  test("what is needed now goes on, one fetch after the other; what was asked for ahead waits", () => {
    const crowded = new Crowded();
    crowded.ask("held", "now", 0, 4);
    crowded.world.settle();
    crowded.ask("ahead", "ahead", 10, 13);
    crowded.world.settle();
    expect(crowded.ended).toEqual(["held"]);
    crowded.ask("first", "now", 4, 7);
    crowded.ask("second", "now", 7, 10);
    crowded.world.settle();
    expect(crowded.ended).toEqual(["held", "first", "second"]);
    // Needed now after all.
    crowded.ask("due", "now", 10, 13);
    crowded.world.settle();
    expect(crowded.ended).toEqual(["held", "first", "second", "ahead", "due"]);
  });

  test("what waits goes on when others have ended", () => {
    const crowded = new Crowded();
    crowded.ask("held", "now", 0, 4);
    crowded.world.settle();
    crowded.ask("ahead", "ahead", 10, 13);
    crowded.world.settle();
    crowded.pins.get("held")?.release();
    crowded.world.settle();
    expect(crowded.ended).toEqual(["held", "ahead"]);
  });
});

test("the bytes of heads are accounted for exactly, whatever becomes of their rows", () => {
  const cold = new Cold({ changed: LARGE, deleted: LARGE, kept: LARGE, filled: LARGE });
  const keys = ["changed", "deleted", "kept", "filled"];
  const heads = cold.fetch(...keys.map((key) => need(key, { headOnly: true })));
  cold.space.put(slotOf("changed"), "changed", row(`${LARGE}!`, 20));
  put(cold.space, 20, { deleted: null });
  const whole = cold.fetch(need("filled"));
  flush(cold.world);
  heads.release();
  whole.release();
  cold.world.elapse(100);
  expect(cold.stats).toMatchObject({ memtableBytes: 0, cacheBytes: 0, pinnedBytes: 0 });
  const again = cold.fetch(...keys.map((key) => need(key)));
  expect(keys.map((key) => peek(cold.space, key)?.length ?? null)).toEqual([
    LARGE.length + 1,
    null,
    LARGE.length,
    LARGE.length,
  ]);
  again.release();
});

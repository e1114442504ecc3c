import fc from "fast-check";
import { expect, test } from "vitest";
import { groupId, index, KEY_PAGES_AT_ONCE_MAX, latin1, latin1Bytes, replicaId, slot } from "../base/index.ts";
import type { FetchUrgency, KeyPlace, Pins, Space, Store, StoreOptions } from "./index.ts";
import { peek, read } from "./testing/steps.ts";
import { row, slotOf, World } from "./testing/world.ts";

const KEYS = ["a", "b", "c", "d", "e", "f"];
const GROUPS = [groupId(1), groupId(2)];
const LAST_SLOT = slot(3);

type Step =
  | {
      readonly do: "entry";
      readonly group: number;
      readonly clear: boolean;
      readonly changes: readonly (readonly [string, string | null])[];
    }
  | { readonly do: "keys"; readonly group: number; readonly behind: string; readonly keysMax: number }
  | {
      readonly do: "fetch";
      readonly group: number;
      readonly needs: readonly (readonly [key: string, headOnly: boolean])[];
      readonly urgency: FetchUrgency;
      readonly hold: boolean;
    }
  | { readonly do: "release" }
  | { readonly do: "events"; readonly count: number }
  | { readonly do: "tick" | "flush" | "crash" };

const group = fc.nat({ max: GROUPS.length - 1 });
const key = fc.constantFrom(...KEYS);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("entry" as const),
      group,
      clear: fc.nat({ max: 7 }).map((n) => n === 0),
      changes: fc.array(fc.tuple(key, fc.option(fc.string({ maxLength: 4 }))), { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("fetch" as const),
      group,
      needs: fc.array(fc.tuple(key, fc.boolean()), { maxLength: 4 }),
      urgency: fc.constantFrom("now" as const, "ahead" as const),
      hold: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("keys" as const),
      group,
      behind: fc.constantFrom("", ...KEYS),
      keysMax: fc.integer({ min: 1, max: 7 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("release" as const) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("events" as const), count: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("tick" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("flush" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const) }) },
);

/** What one group's rows must be after each entry. `states[i]` stands at applied index i. */
class Model {
  states: ReadonlyMap<string, string | null>[] = [new Map()];
  durable = 0;
  /** How often all rows were cleared. */
  clears = 0;

  get applied(): number {
    return this.states.length - 1;
  }

  get now(): ReadonlyMap<string, string | null> {
    return this.states.at(-1) as ReadonlyMap<string, string | null>;
  }

  value(key: string): string | null {
    return this.now.get(key) ?? null;
  }

  /** Keys that exist, in the order of slots and bytes. */
  keysAt(applied: number): string[] {
    const keys = KEYS.filter((key) => (this.states[applied]?.get(key) ?? null) !== null);
    return keys.sort((left, right) => slotOf(left) - slotOf(right) || (left < right ? -1 : 1));
  }
}

/** A store driven step by step beside a model of it. */
class Run {
  world: World;
  readonly sizes: StoreOptions;
  readonly models: Model[] = GROUPS.map(() => new Model());
  spaces: Space[] = [];
  #pins: Pins[] = [];
  /** Fetches are answered in every order, also after a crash of the store that was asked (then: never). */
  #generation = 0;
  #pagesOpen = 0;
  /** Of each group: what was in memory when it was looked at last, and the space's losses then. */
  #known: { readonly losses: number; readonly heads: readonly string[]; readonly values: readonly string[] }[] = [];

  constructor(choose: (count: number) => number, sizes: StoreOptions) {
    this.sizes = sizes;
    this.world = new World(choose);
    const store = this.#open();
    for (const id of GROUPS) {
      this.world.get<Space>((done) => store.createSpace(id, replicaId(id), new Map(), done));
    }
    this.#adopt();
  }

  #open(): Store {
    return this.world.open(this.sizes.cacheBytesMax, this.world.engine, this.sizes);
  }

  #adopt(): void {
    this.spaces = GROUPS.map((id) => this.world.store?.spaces.find((space) => space.group === id) as Space);
    for (const [i, space] of this.spaces.entries()) {
      const model = this.models[i] as Model;
      space.setOwner({
        onFreeze: () => space.putSystem("state", latin1Bytes(JSON.stringify([...model.now]))),
        onDurable: (applied) => {
          expect(applied).toBeGreaterThanOrEqual(model.durable);
          model.durable = applied;
        },
        onDamaged: (error) => {
          throw error;
        },
      });
    }
  }

  run(next: Step): void {
    switch (next.do) {
      case "entry":
        return this.#entry(next.group, next.clear, next.changes);
      case "keys":
        return this.#keys(next.group, next.behind, next.keysMax);
      case "fetch":
        return this.#fetch(next);
      case "release":
        return this.#pins.shift()?.release();
      case "events":
        for (let i = 0; i < next.count; i += 1) this.world.step();
        return;
      case "tick":
        this.world.nowMs += 50;
        return this.world.store?.tick();
      case "flush": {
        const applied = this.models.map((model) => model.applied);
        return this.world.store?.flush(() => {
          for (const [i, model] of this.models.entries()) {
            expect(model.durable).toBeGreaterThanOrEqual(applied[i] as number);
          }
        });
      }
      case "crash":
        return this.crash();
    }
  }

  #entry(group: number, clear: boolean, changes: readonly (readonly [string, string | null])[]): void {
    const [space, model] = [this.spaces[group] as Space, this.models[group] as Model];
    const state = new Map(clear ? [] : model.now);
    if (clear) {
      model.clears += 1;
      space.clear();
      for (const key of KEYS) expect(peek(space, key)).toBeNull();
    }
    for (const [key, value] of changes) {
      state.set(key, value);
      if (value === null) space.delete(slotOf(key), key);
      else space.put(slotOf(key), key, row(value, model.applied + 1));
    }
    model.states.push(state);
    space.applied(index(model.applied));
    this.check(group);
  }

  #fetch({ group, needs, urgency, hold }: Extract<Step, { readonly do: "fetch" }>): void {
    const generation = this.#generation;
    const [space, model] = [this.spaces[group] as Space, this.models[group] as Model];
    const { clears } = model;
    space.fetch(
      needs.map(([key, headOnly]) => ({ slot: slotOf(key), key, headOnly })),
      (pins) => {
        expect(generation).toBe(this.#generation);
        // What was fetched before the rows were cleared need not be resident.
        for (const [key, headOnly] of clears === model.clears ? needs : []) {
          expect(space.head(slotOf(key), key)).toBeDefined();
          if (!headOnly) expect(peek(space, key)).toBe(model.value(key));
        }
        this.check(group);
        if (hold) this.#pins.push(pins);
        else pins.release();
      },
      urgency,
    );
  }

  /** One page of keys, of one moment: the call, or its turn. */
  #keys(group: number, behind: string, keysMax: number): void {
    const generation = this.#generation;
    const [space, model] = [this.spaces[group] as Space, this.models[group] as Model];
    const place = { slot: slotOf(behind), key: behind === "" ? undefined : behind };
    const isBehind = (key: string, { slot, key: other }: KeyPlace): boolean =>
      slotOf(key) > slot || (slotOf(key) === slot && (other === undefined || key > other));
    const asked = model.applied;
    const atOnce = this.#pagesOpen < KEY_PAGES_AT_ONCE_MAX;
    this.#pagesOpen += 1;
    this.world.store?.keys(space, { behind: place, toSlot: LAST_SLOT, keysMax, endings: false }, (page) => {
      expect(generation).toBe(this.#generation);
      this.#pagesOpen -= 1;
      if (page === undefined) throw new Error("no space goes");
      const moments = atOnce
        ? [model.keysAt(asked)]
        : model.states.slice(asked).map((_, at) => model.keysAt(asked + at));
      const expected = moments.map((keys) =>
        keys.filter((key) => isBehind(key, place) && (page.complete || !isBehind(key, page.upTo))),
      );
      expect(expected).toContainEqual(page.keys.map((found) => found.key));
      expect(page.keys.length).toBeLessThanOrEqual(2 * keysMax);
      // It always gets on.
      if (!page.complete) expect(isBehind(page.upTo.key as string, place)).toBe(true);
    });
  }

  /** Whatever is in memory is the newest state. */
  check(group: number): void {
    const [space, model] = [this.spaces[group] as Space, this.models[group] as Model];
    for (const key of KEYS) {
      const found = peek(space, key);
      if (found !== undefined) expect(found).toBe(model.value(key));
      const head = space.head(slotOf(key), key);
      if (head !== undefined) expect(head?.payload.length).toBe(model.value(key)?.length);
      if (head === undefined) expect(found).toBeUndefined();
    }
  }

  /** What could be answered can be answered, as long as the space says that nothing was lost. */
  checkLosses(): void {
    for (const [group, space] of this.spaces.entries()) {
      const heads = KEYS.filter((key) => space.head(slotOf(key), key) !== undefined);
      const values = KEYS.filter((key) => peek(space, key) !== undefined);
      const before = this.#known[group];
      if (before?.losses === space.losses) {
        expect(heads).toEqual(expect.arrayContaining([...before.heads]));
        expect(values).toEqual(expect.arrayContaining([...before.values]));
      }
      this.#known[group] = { losses: space.losses, heads, values };
    }
  }

  crash(): void {
    this.#known = [];
    this.#generation += 1;
    this.#pagesOpen = 0;
    this.#pins = [];
    this.world = this.world.crash();
    this.#open();
    for (const [i, id] of GROUPS.entries()) {
      const model = this.models[i] as Model;
      const space = this.world.store?.spaces.find((candidate) => candidate.group === id) as Space;
      const applied = space.appliedIndex;
      // Everything reported durable is there, what is there is one state between two entries, all of it.
      expect(applied).toBeGreaterThanOrEqual(model.durable);
      expect(applied).toBeLessThanOrEqual(model.applied);
      model.states = model.states.slice(0, applied + 1);
      model.durable = applied;
      expect(read(this.world, space, ...KEYS)).toEqual(KEYS.map((key) => model.value(key)));
      if (applied > 0) expect(latin1(space.system("state") as Uint8Array)).toBe(JSON.stringify([...model.now]));
    }
    this.#adopt();
  }

  end(): void {
    for (const pins of this.#pins) pins.release();
    this.#pins = [];
    this.world.settle();
    for (const group of this.spaces.keys()) {
      const [space, model] = [this.spaces[group] as Space, this.models[group] as Model];
      expect(read(this.world, space, ...KEYS)).toEqual(KEYS.map((key) => model.value(key)));
    }
    this.crash();
  }
}

/** Small and fast; its quality does not matter here. */
function chooser(seed: number): (count: number) => number {
  let state = seed | 1;
  return (count) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % count;
  };
}

test("in any order of requests, completions and crashes, rows are the newest and what was durable stays", () => {
  const sizes = fc.record({
    cacheBytesMax: fc.constantFrom(0, 900, 100_000),
    fetchedBytesMax: fc.constantFrom(0, 1_000, 100_000),
    headValueBytesMax: fc.constantFrom(0, 100),
    // None, so that the absence of rows is read, or as many as are wanted.
    filtersBytesMax: fc.constantFrom(0, 1 << 20),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer(), sizes, (steps, seed, given) => {
      const run = new Run(chooser(seed), given);
      for (const next of steps) {
        run.run(next);
        run.checkLosses();
      }
      run.end();
    }),
    { numRuns: 400 },
  );
});

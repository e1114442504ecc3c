import fc from "fast-check";
import { expect, test } from "vitest";
import { index } from "../base/index.ts";
import type { Ending, Space } from "./index.ts";
import { endingName, RowClass, readEnding, rowKey, SYSTEM_SLOT } from "./layout.ts";
import { chunksOf, flush, GROUP, makeSpace, Owner, read, spaceOf } from "./testing/steps.ts";
import { row, slotOf, World } from "./testing/world.ts";

const ended = (
  world: World,
  space: Space,
  untilMs: number,
  from: number | Ending = 0,
  keysMax = 100,
): readonly Ending[] => world.get<readonly Ending[]>((done) => world.store?.ended(space, from, untilMs, keysMax, done));

const shown = (endings: readonly Ending[]): string[] => endings.map(({ key, endsAtMs }) => `${key}@${endsAtMs}`);

function put(space: Space, at: number, ends: Record<string, number | null>): void {
  for (const [key, endsAtMs] of Object.entries(ends)) {
    if (endsAtMs === null) space.delete(slotOf(key), key);
    else space.put(slotOf(key), key, row("v", at, endsAtMs));
  }
  space.applied(index(at));
}

test("keys that have ended are found in the order of time, page by page, and no others", () => {
  const world = new World();
  const space = makeSpace(world);
  put(space, 1, { c: 300, a: 100, b: 2 ** 33, never: 0 });
  flush(world);
  expect(shown(ended(world, space, 99))).toEqual([]);
  expect(shown(ended(world, space, 300))).toEqual(["a@100", "c@300"]);
  const [first] = ended(world, space, 2 ** 40, 0, 1);
  expect(shown(ended(world, space, 2 ** 40, first))).toEqual(["c@300", `b@${2 ** 33}`]);
  expect(shown(ended(world, space, 2 ** 40, 300))).toEqual(["c@300", `b@${2 ** 33}`]);
});

test("a key whose end moves, goes, or that is deleted leaves nothing behind, also after a restart", () => {
  const world = new World();
  const space = makeSpace(world);
  put(space, 1, { moved: 100, stays: 100, deleted: 100 });
  flush(world);
  const again = world.crash();
  const found = spaceOf(again);
  read(again, found, "moved", "stays", "deleted");
  put(found, 2, { moved: 200, stays: 0, deleted: null });
  // Again before the flush: what the engine holds counts, not what was in memory between.
  put(found, 3, { moved: 300 });
  flush(again);
  expect(shown(ended(again, found, 1_000))).toEqual(["moved@300"]);
});

test("a snapshot carries the endings along", () => {
  const world = new World();
  const space = makeSpace(world);
  put(space, 1, { a: 100 });
  flush(world);
  const chunks = chunksOf(world, space);
  const other = new World();
  const old = makeSpace(other);
  const stage = other.get<Parameters<Parameters<NonNullable<World["store"]>["stage"]>[1]>[0]>((done) =>
    other.store?.stage(old, done),
  );
  for (const chunk of chunks) expect(other.get<boolean>((done) => stage.add(chunk, done))).toBe(true);
  other.done((done) => stage.commit(done));
  expect(shown(ended(other, stage.space, 100))).toEqual(["a@100"]);
});

test("an index row that is damaged stops its replica", () => {
  const world = new World();
  const space = makeSpace(world);
  put(space, 1, { a: 100 });
  flush(world);
  const image = world.engine.crash();
  const name = endingName(100, slotOf("a"), "a");
  const key = String.fromCharCode(...rowKey(space.id, SYSTEM_SLOT, RowClass.ending, name));
  const value = image.rows.get(key) as Uint8Array;
  value[0] = (value[0] as number) ^ 1;
  const after = new World(undefined, image);
  const damaged = spaceOf(after, GROUP);
  const owner = new Owner();
  damaged.setOwner(owner);
  after.store?.ended(damaged, 0, 100, 10, () => expect.unreachable());
  after.settle();
  expect(owner.damaged.map(({ code }) => code)).toEqual(["SHERD_ROW_DAMAGED"]);
});

const KEYS = ["a", "b", "c"];
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("change" as const),
      key: fc.constantFrom(...KEYS),
      ends: fc.constantFrom(null, 0, 1, 5, 70_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("flush" as const, "event" as const, "restart" as const) }) },
);

test("after each flush the index says exactly what the rows say", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let world = new World();
      world.open(0);
      let space = makeSpace(world);
      let at = 0;
      const ends = new Map<string, number | null>();
      for (const what of steps) {
        if (what.do === "change") {
          read(world, space, what.key);
          at += 1;
          put(space, at, { [what.key]: what.ends });
          ends.set(what.key, what.ends);
        } else if (what.do === "event") {
          world.store?.pass();
        } else {
          flush(world);
          const expected = [...ends].flatMap(([key, endsAtMs]) => (endsAtMs ? [`${key}@${endsAtMs}`] : []));
          expect(shown(ended(world, space, 100_000)).sort()).toEqual(expected.sort());
          if (what.do !== "restart") continue;
          world = world.crash();
          space = spaceOf(world);
        }
      }
    }),
  );
});

test("an index row says what it was made of", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      fc.integer({ min: 0, max: 16_383 }),
      fc.uint8Array({ maxLength: 30 }),
      (endsAtMs, at, bytes) => {
        const key = String.fromCharCode(...bytes);
        const made = rowKey(makeSpace(new World()).id, SYSTEM_SLOT, RowClass.ending, endingName(endsAtMs, at, key));
        expect(readEnding(made)).toEqual({ endsAtMs, slot: at, key });
      },
    ),
  );
});

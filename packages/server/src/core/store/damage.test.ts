import { describe, expect, test } from "vitest";
import { FLUSH_MARKERS_KEPT, groupId, latin1Bytes } from "../base/index.ts";
import type { Space } from "./index.ts";
import { fatalOf, flush, makeSpace, Owner, put, read, spaceOf } from "./testing/steps.ts";
import { slotOf, World } from "./testing/world.ts";

describe("damage", () => {
  /** The image with one row's value changed. */
  function damage(
    world: World,
    which: (key: string) => boolean,
    change: (value: Uint8Array) => Uint8Array | undefined,
  ): World {
    const { rows } = world.engine.crash();
    const damaged = new Map(rows);
    const key = [...damaged.keys()].find(which);
    if (key === undefined) throw new Error("no such row");
    const value = change((damaged.get(key) as Uint8Array).slice());
    if (value === undefined) damaged.delete(key);
    else damaged.set(key, value);
    return new World(undefined, { rows: damaged });
  }
  const flipped = (value: Uint8Array): Uint8Array => {
    value[value.length >> 1] = (value[value.length >> 1] as number) ^ 0x10;
    return value;
  };

  test("a damaged row stops its replica, names group, slot and key; the node's other data is served", () => {
    const world = new World();
    const space = makeSpace(world);
    const other = makeSpace(world, groupId(8));
    put(space, 1, { victim: "some value", fine: "1" });
    put(other, 1, { victim: "other" });
    flush(world);
    const after = damage(world, (key) => key.charCodeAt(3) === space.id && key.endsWith("victim"), flipped);
    const owner = new Owner();
    const again = spaceOf(after);
    again.setOwner(owner);
    let answered = false;
    again.fetch([{ slot: slotOf("victim"), key: "victim" }], () => {
      answered = true;
    });
    after.settle();
    expect(owner.damaged.map(({ code }) => code)).toEqual(["SHERD_ROW_DAMAGED"]);
    expect(owner.damaged[0]?.detail).toContain(`Group 7, slot ${slotOf("victim")}, key "victim"`);
    expect(answered).toBe(false);
    const untouched = after.store?.spaces.find(({ group }) => group === 8) as Space;
    expect(read(after, untouched, "victim")).toEqual(["other"]);
  });

  test("a row under another row's key is damage", () => {
    const world = new World();
    const space = makeSpace(world);
    put(space, 1, { aaa: "1", bbb: "2" });
    flush(world);
    const rows = new Map(world.engine.crash().rows);
    const [a, b] = ["aaa", "bbb"].map((end) => [...rows.keys()].find((key) => key.endsWith(end)) as string) as [
      string,
      string,
    ];
    rows.set(a, rows.get(b) as Uint8Array);
    const after = new World(undefined, { rows });
    const owner = new Owner();
    const again = spaceOf(after);
    again.setOwner(owner);
    again.fetch([{ slot: slotOf("aaa"), key: "aaa" }], () => undefined);
    after.settle();
    expect(owner.damaged).toHaveLength(1);
  });

  const markerOf = (key: string): boolean => key.charCodeAt(6) === 0x53 && key.charCodeAt(8) === 2;

  test.each([
    ["a lost batch", (world: World) => damage(world, markerOf, () => undefined), "SHERD_STORE_DAMAGED"],
    ["a damaged marker", (world: World) => damage(world, markerOf, flipped), "SHERD_STORE_DAMAGED"],
    [
      "a damaged system row",
      (world: World) => damage(world, (key) => key.charCodeAt(6) === 0x40, flipped),
      "SHERD_STORE_DAMAGED",
    ],
    [
      "a lost applied index",
      (world: World) =>
        damage(
          world,
          (key) => key.charCodeAt(6) === 0x41,
          () => undefined,
        ),
      "SHERD_STORE_DAMAGED",
    ],
    [
      "a lost format row",
      (world: World) =>
        damage(
          world,
          (key) => key.charCodeAt(6) === 0x50,
          () => undefined,
        ),
      "SHERD_STORE_DAMAGED",
    ],
    [
      "a damaged format row",
      (world: World) => damage(world, (key) => key.charCodeAt(6) === 0x50, flipped),
      "SHERD_STORE_DAMAGED",
    ],
  ])("%s refuses to open and says what to do", (_, harm, code) => {
    const world = new World();
    const space = makeSpace(world);
    space.putSystem("conf", latin1Bytes("configuration"));
    put(space, 1, { a: "1" });
    flush(world);
    put(space, 2, { a: "2" });
    flush(world);
    const error = fatalOf(() => harm(world).open());
    expect(error.code).toBe(code);
    expect(error.advice).toContain("cannot be rebuilt from them yet");
  });

  test("batches beyond FLUSH_MARKERS_KEPT wrap around and still are all accounted for", () => {
    const world = new World();
    const space = makeSpace(world);
    for (let at = 1; at <= FLUSH_MARKERS_KEPT + 10; at += 1) {
      put(space, at, { a: `${at}` });
      flush(world);
    }
    const after = world.crash();
    expect(spaceOf(after).appliedIndex).toBe(FLUSH_MARKERS_KEPT + 10);
    const { rows } = after.engine.crash();
    const markers = [...rows.keys()].filter((key) => key.charCodeAt(6) === 0x53);
    expect(markers).toHaveLength(FLUSH_MARKERS_KEPT);
    const holed = new Map(rows);
    holed.delete(markers[100] as string);
    expect(fatalOf(() => new World(undefined, { rows: holed }).open()).code).toBe("SHERD_STORE_DAMAGED");
  });
});

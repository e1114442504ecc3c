import { readFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes, groupId, index, latin1, latin1Bytes, replicaId, slot, spaceId } from "../base/index.ts";
import type { Space, Stage } from "./index.ts";
import { RowClass, RowCodec, rowKey } from "./layout.ts";
import { chunksOf, fatalOf, flush, read } from "./testing/steps.ts";
import { row, World } from "./testing/world.ts";

/**
 * Golden files hold the formats still: what an earlier version wrote must be read, byte for byte. If one of these tests
 * fails, the format changed: give it a new number (STORE_FORMAT, the chunk's version) and say in docs/formats what
 * becomes of the old one. The files are never written by a test.
 */
const golden = (name: string): string[] =>
  readFileSync(new URL(`golden/${name}`, import.meta.url), "utf8")
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "");

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

/** One store with a row of every kind; what the golden files hold. */
function example(): { world: World; space: Space } {
  const world = new World();
  const store = world.open();
  const system = new Map([["conf", latin1Bytes("abc")]]);
  const space = world.get<Space>((done) => store.createSpace(groupId(7), replicaId(70), system, done));
  space.put(slot(0), "a", row("one", 9));
  space.put(slot(16_383), "\xff\x00", row("", 2 ** 40, 1_900_000_000_000));
  space.applied(index(12));
  flush(world);
  return { world, space };
}

test("the rows of a store are what they always were", () => {
  const { world } = example();
  const rows = [...world.engine.crash().rows].map(([key, value]) => `${hex(latin1Bytes(key))} ${hex(value)}`);
  expect(rows.sort()).toEqual(golden("store.hex"));
});

test("a store written earlier is read", () => {
  const rows = new Map(
    golden("store.hex").map((line) => {
      const [key, value] = line.split(" ") as [string, string];
      return [latin1(unhex(key)), unhex(value)];
    }),
  );
  const world = new World(undefined, { rows });
  const [space] = world.open().spaces as [Space];
  expect([space.id, space.group, space.replica, space.appliedIndex]).toEqual([1, 7, 70, 12]);
  expect(latin1(space.system("conf") as Uint8Array)).toBe("abc");
  const pins = world.get<{ release(): void }>((done) =>
    space.fetch(
      [
        { slot: slot(0), key: "a" },
        { slot: slot(16_383), key: "\xff\x00" },
      ],
      done,
    ),
  );
  expect(space.get(slot(0), "a")).toEqual(row("one", 9));
  expect(space.get(slot(16_383), "\xff\x00")).toEqual(row("", 2 ** 40, 1_900_000_000_000));
  pins.release();
});

test("another format is refused, also when nothing else of it is understood", () => {
  const format = golden("store.hex").find((line) => line.startsWith("00000000ffff50")) as string;
  const [key] = format.split(" ") as [string];
  const world = new World();
  const codec = new RowCodec(world.env);
  codec.buildPlain(spaceId(0), RowClass.format, "", Uint8Array.of(2, 0, 0, 0));
  const rows = new Map([
    [latin1(unhex(key)), codec.value.slice()],
    [latin1(unhex(`${key}7777`)), latin1Bytes("a row of a later format")],
  ]);
  const error = fatalOf(() => new World(undefined, { rows }).open());
  expect(error.code).toBe("SHERD_DATA_FORMAT");
  expect(error.detail).toContain("format 2, expected 1");
});

test("the chunks of a snapshot are what they always were", () => {
  const { world, space } = example();
  const [rows, totals] = chunksOf(world, space) as [Uint8Array, Uint8Array];
  const [goldenRows, plain, goldenTotals] = golden("snapshot.hex") as [string, string, string];
  // What deflate makes of a body depends on the version of zlib, and with it the checksums; all else does not.
  expect(hex(rows.subarray(8, 24))).toBe(goldenRows.slice(16, 48));
  expect(hex(inflateRawSync(rows.subarray(24)))).toBe(plain);
  expect(hex(totals.subarray(8, 40))).toBe(goldenTotals.slice(16, 80));
});

test("a snapshot made earlier is received", () => {
  const world = new World();
  const store = world.open();
  const old = world.get<Space>((done) => store.createSpace(groupId(7), replicaId(71), new Map(), done));
  const stage = world.get<Stage>((done) => store.stage(old, done));
  const [rows, , totals] = golden("snapshot.hex") as [string, string, string];
  for (const chunk of [rows, totals]) {
    expect(world.get<boolean>((done) => stage.add(unhex(chunk), done))).toBe(true);
  }
  world.done((done) => stage.commit(done));
  expect(stage.space.appliedIndex).toBe(12);
  expect(latin1(stage.space.system("conf") as Uint8Array)).toBe("abc");
  expect(read(world, stage.space, "nothing")).toEqual([null]);
});

test("the engine's order is by space, slot, class and then the bytes of the key", () => {
  const part = fc.record({
    space: fc.integer({ min: 0, max: 0xffff_ffff }),
    slot: fc.integer({ min: 0, max: 0xffff }),
    rowClass: fc.constantFrom(...Object.values(RowClass)),
    key: fc.uint8Array({ maxLength: 6 }).map((bytes) => latin1(bytes)),
  });
  const inOrder = (a: (number | string)[], b: (number | string)[]): number => {
    for (const [i, left] of a.entries()) {
      const right = b[i] as number | string;
      if (left !== right) return left < right ? -1 : 1;
    }
    return 0;
  };
  fc.assert(
    fc.property(part, part, (a, b) => {
      const [left, right] = [a, b].map((x) => rowKey(spaceId(x.space), slot(x.slot), x.rowClass, x.key)) as [
        Uint8Array,
        Uint8Array,
      ];
      const [fieldsOfA, fieldsOfB] = [a, b].map((x) => [x.space, x.slot, x.rowClass, x.key]) as [
        (number | string)[],
        (number | string)[],
      ];
      expect(Math.sign(compareBytes(left, right))).toBe(inOrder(fieldsOfA, fieldsOfB));
    }),
  );
});

test("a row comes back as it was, and any flipped bit of its key or value is found", () => {
  const codec = new RowCodec(new World().env);
  const rows = fc.record({
    version: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    expiresAtMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    payload: fc.uint8Array({ maxLength: 200 }),
  });
  const keys = fc.uint8Array({ maxLength: 40 }).map((bytes) => latin1(bytes));
  fc.assert(
    fc.property(keys, rows, fc.nat(), fc.boolean(), (key, fields, at, inKey) => {
      codec.buildRow(spaceId(3), slot(77), key, { kind: 1, ...fields });
      const [keyBytes, value] = [codec.key.slice(), codec.value.slice()];
      expect(codec.readRow(keyBytes, value)).toEqual({ kind: 1, ...fields });
      // The space's number is not covered: another node has another one.
      const bit = inKey ? 32 + (at % ((keyBytes.length - 4) * 8)) : at % (value.length * 8);
      const victim = inKey ? keyBytes : value;
      victim[bit >> 3] = (victim[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(codec.readRow(keyBytes, value)).toBe(undefined);
    }),
  );
});
